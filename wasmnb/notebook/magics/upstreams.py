"""The flags for upstreams and clusters: Python expressions with the notebook's variables."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from .arguments import Flag, flag

__all__ = ["UPSTREAM_FLAGS", "upstreams"]

UPSTREAM_FLAGS: tuple[Flag, ...] = (
    flag("--upstream", metavar="EXPRESSION", help="The upstream: a Response, a function of the request, or a Cluster."),
    flag(
        "--cluster", action="append", metavar="NAME=EXPRESSION", help="A service that the filter calls, like --upstream; may be repeated."
    ),
)  # fmt: skip


def upstreams(shell: Any, options: Any) -> dict[str, Any]:
    """Return the arguments `upstream` and `clusters` for a `Proxy`, if their flags were given."""
    arguments: dict[str, Any] = {}
    if options.upstream is not None:
        arguments["upstream"] = _value(shell, "--upstream", options.upstream)
    for text in options.cluster or ():
        name, equals, expression = text.partition("=")
        if not equals or not name.strip():
            raise MagicUsageError(
                f"--cluster {text!r} is not NAME=EXPRESSION. Example: --cluster accounts=Response(200)"
            )
        arguments.setdefault("clusters", {})[name.strip()] = _value(shell, f"--cluster {name.strip()}", expression)
    return arguments


def _value(shell: Any, flag: str, expression: str) -> Any:
    """Evaluate an expression; errors name the flag."""
    try:
        return shell.ev(expression.strip())
    except Exception as error:  # noqa: BLE001 -- the user's own expression
        raise MagicUsageError(f"{flag}: {type(error).__name__}: {error}, in {expression!r}") from None
