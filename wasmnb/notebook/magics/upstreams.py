"""What answers a filter's requests and callouts: Python expressions over the notebook's variables, given by flags."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError as MagicUsageError

from .arguments import Flag, flag

__all__ = ["UPSTREAM_FLAGS", "upstreams"]

UPSTREAM_FLAGS: tuple[Flag, ...] = (
    flag("--upstream", metavar="EXPRESSION", help="What answers: a Response, a function of the request, a Cluster."),
    flag(
        "--cluster", action="append", metavar="NAME=EXPRESSION", help="The same for a service that the filter calls; may be repeated."
    ),
)  # fmt: skip


def upstreams(shell: Any, options: Any) -> dict[str, Any]:
    """`upstream` and `clusters` of a `Proxy`, as far as they were given."""
    found: dict[str, Any] = {}
    if options.upstream is not None:
        found["upstream"] = _value(shell, "--upstream", options.upstream)
    for text in options.cluster or ():
        name, is_, expression = text.partition("=")
        if not is_ or not name.strip():
            raise MagicUsageError(f"--cluster is written NAME=EXPRESSION, e.g. accounts=Response(200), not {text!r}.")
        found.setdefault("clusters", {})[name.strip()] = _value(shell, f"--cluster {name.strip()}", expression)
    return found


def _value(shell: Any, who: str, expression: str) -> Any:
    """The expression's value now; whatever is wrong with it is a line that names the flag."""
    try:
        return shell.ev(expression.strip())
    except Exception as error:  # noqa: BLE001 -- the user's own expression
        raise MagicUsageError(f"{who}: {type(error).__name__}: {error}, in {expression!r}") from None
