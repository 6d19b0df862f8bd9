"""The flags for upstreams and clusters: Python expressions, in a notebook with its variables, in a shell with wasmnb's names."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from typing import Any

from ..errors import UsageError

__all__ = ["UPSTREAM_FLAGS", "evaluate", "upstreams"]

UPSTREAM_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--upstream",), {"metavar": "EXPRESSION", "help": "The upstream: a Response, a function of the request, or a Cluster."}),
    (
        ("--cluster",),
        {"action": "append", "metavar": "NAME=EXPRESSION", "help": "A service that the filter calls, like --upstream; may be repeated."},
    ),
)  # fmt: skip

#: A variable of a file: `services.py:accounts`.
_FROM_FILE = re.compile(r"(?P<path>[^'\"()=]+\.py):(?P<name>\w+)")


def upstreams(options: Any, evaluate: Callable[[str], Any]) -> dict[str, Any]:
    """Return the arguments `upstream` and `clusters` for a `Proxy`, if their flags were given.

    Parameters
    ----------
    options
        The parsed flags.
    evaluate
        Evaluates an expression.

    Raises
    ------
    UsageError
        An expression fails, or a cluster has no name; the message names the flag.
    """
    arguments: dict[str, Any] = {}
    if options.upstream is not None:
        arguments["upstream"] = _value(evaluate, "--upstream", options.upstream)
    for text in options.cluster or ():
        name, equals, expression = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--cluster {text!r} is not NAME=EXPRESSION. Example: --cluster accounts=Response(200)")
        value = _value(evaluate, f"--cluster {name.strip()}", expression)
        arguments.setdefault("clusters", {})[name.strip()] = value
    return arguments


def _value(evaluate: Callable[[str], Any], flag: str, expression: str) -> Any:
    try:
        return evaluate(expression.strip())
    except Exception as error:  # noqa: BLE001 -- the user's own expression
        raise UsageError(f"{flag}: {type(error).__name__}: {error}, in {expression!r}") from None


def evaluate(expression: str) -> Any:
    """Return the value of an expression with wasmnb's names, or of a variable in a file: `services.py:accounts`."""
    if match := _FROM_FILE.fullmatch(expression):
        return runpy.run_path(match["path"])[match["name"]]
    namespace: dict[str, Any] = {}
    exec("from wasmnb import *", namespace)  # noqa: S102 -- the expression is the user's own
    return eval(expression, namespace)  # noqa: S307
