"""The flags `--upstream` and `--cluster`, whose values are Python expressions."""

from __future__ import annotations

import builtins
import re
import runpy
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UsageError

__all__ = ["UPSTREAM_FLAGS", "ExpressionError", "evaluate", "upstreams"]

UPSTREAM_FLAGS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (("--upstream",), {"metavar": "EXPRESSION", "help": "The upstream: a Response, a function that returns one for a request, or a Cluster."}),
    (
        ("--cluster",),
        {"action": "append", "metavar": "NAME=EXPRESSION", "help": "A cluster that the filter calls, with a value as for --upstream. May be repeated."},
    ),
)  # fmt: skip

#: A variable in a Python file: `services.py:accounts`.
_FROM_FILE = re.compile(r"(?P<path>[^'\"()=]+\.py):(?P<name>\w+)")


class ExpressionError(UsageError):
    """The expression in the value of a flag raised an exception, which is stored in `error`."""

    def __init__(self, message: str, error: Exception) -> None:
        super().__init__(message)
        self.error = error


def upstreams(options: Any, evaluate: Callable[[str], Any]) -> dict[str, Any]:
    """Return the keyword arguments `upstream` and `clusters` for `Proxy` from the flags. Unused flags are omitted.

    Parameters
    ----------
    options
        The parsed flags.
    evaluate
        Function that returns the value of an expression.

    Raises
    ------
    UsageError
        An expression raises an error, or a cluster has no name. The message contains the flag.
    """
    arguments: dict[str, Any] = {}
    if options.upstream is not None:
        arguments["upstream"] = _value(evaluate, "--upstream", options.upstream)
    for text in options.cluster or ():
        name, equals, expression = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                f"--cluster {text!r} is not of the form NAME=EXPRESSION. Example: --cluster accounts=Response(200)"
            )
        value = _value(evaluate, f"--cluster {name.strip()}", expression)
        arguments.setdefault("clusters", {})[name.strip()] = value
    return arguments


def _value(evaluate: Callable[[str], Any], flag: str, expression: str) -> Any:
    try:
        return evaluate(expression.strip())
    except Exception as error:  # noqa: BLE001 -- the user's own expression
        message = f"{flag}: {type(error).__name__}: {error}, in {expression!r}. Correct the expression."
        raise ExpressionError(message, error) from None


def evaluate(expression: str, variables: Mapping[str, Any] | None = None) -> Any:
    """Return the value of a Python expression, or of a variable in a file (`services.py:accounts`).

    Parameters
    ----------
    expression
        The expression. It can use the variables and wasmnb's names, such as `Response`.
    variables
        Variables by name (default None). Functions in the expression use their current values when they are called.
    """
    if match := _FROM_FILE.fullmatch(expression):
        return runpy.run_path(match["path"])[match["name"]]
    return eval(expression, _Names({} if variables is None else variables))  # noqa: S307 -- the user's own expression


class _Names(dict[str, Any]):
    """Global names of an expression: the variables, which are looked up when they are used, and wasmnb's names."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        super().__init__(__builtins__=builtins)
        self._variables = variables
        self._own: dict[str, Any] = {}
        exec("from wasmnb import *", self._own)  # noqa: S102 -- as in the user's own code

    def __missing__(self, name: str) -> Any:
        return self._variables[name] if name in self._variables else self._own[name]
