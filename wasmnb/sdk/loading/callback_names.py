"""Methods that look like callbacks and are never called: misspelt, of another class, or named as in the ABI."""

import difflib
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from ...abi import CALLBACKS, REPORTED_BY
from ..errors import FilterSourceError
from .callbacks import HANDLERS, Handler, handlers_of

__all__ = ["BASE_NAMES", "CALLBACK_NAMES", "check_name"]

#: Kind of context -> the SDK's class.
BASE_NAMES = {"vm": "VMContext", "plugin": "PluginContext", "http": "HttpContext", "tcp": "TcpContext"}

#: Kind and a name that authors expect there -> the callback that they mean.
_SYNONYMS = {
    ("http", "on_done"): "on_http_stream_done",
    ("http", "on_stream_done"): "on_http_stream_done",
    ("tcp", "on_done"): "on_stream_done",
    ("tcp", "on_http_stream_done"): "on_stream_done",
}

#: Callback that reports on a callout -> the call that takes it as `callback=`.
_REPORTS = {
    callback: call for call, callbacks in REPORTED_BY.items() if call.endswith(("_call", "_stream")) for callback in callbacks
} | {"on_http_call_response": "http_call"}  # fmt: skip

#: Every name under which authors know a callback.
CALLBACK_NAMES = frozenset({*(h.method for h in HANDLERS.values()), *(c.short for c in CALLBACKS.values())})

#: Similarity of two names from which on one is taken for a misspelling of the other.
_SIMILARITY = 0.9


def check_name(kind: str, cls: type[Any], method: FunctionType, name: str, codes: Sequence[CodeType]) -> None:
    """Raise for a method that is no callback of its class but looks like one.

    Parameters
    ----------
    kind
        Kind of the class.
    cls, method, name
        The class, its method, and the method's name.
    codes
        Code of the source. A callback of a callout's response may have the ABI's name if the code mentions it.

    Raises
    ------
    FilterSourceError
        The method would never be called. The hint names the callback that the author means.
    """
    snake = "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_").removeprefix("proxy_")
    meant = _meant(kind, snake)
    if meant is not None:
        problem, hint = (
            "is not a callback",
            f"Did you mean {meant.method}? In a {BASE_NAMES[kind]} it is {meant.signature}.",
        )
    elif owners := [h for h in HANDLERS.values() if snake in (h.method, h.callback) and h.kind != kind]:
        problem = f"is never called: a {BASE_NAMES[kind]} doesn't have that callback"
        hint = f"Move it to a {BASE_NAMES[owners[0].kind]}, where it is {owners[0].signature}, or rename it."
    elif snake in _REPORTS and sum(n == name for code in codes for n in _names(code)) < 2:
        problem = "is never called"
        hint = f"Await {_REPORTS[snake]}(...) in an `async def` callback, or pass the method to it as callback=self.{name}."
    else:
        return
    code = method.__code__
    raise FilterSourceError(
        f"{cls.__name__}.{name} {problem}", filename=code.co_filename, lineno=code.co_firstlineno, hint=hint
    )


def _meant(kind: str, name: str) -> Handler | None:
    """Return the callback of this kind that a name stands for: in the ABI, in another SDK, or misspelt."""
    known = {h.method: h for h in handlers_of(kind)}
    by_callback = {h.callback: h for h in known.values()}
    method = _SYNONYMS.get((kind, name), name)
    if method in known or name in by_callback:
        return known.get(method) or by_callback[name]
    if not name.startswith("on_") or name in CALLBACK_NAMES:
        return None
    return next((known[close] for close in difflib.get_close_matches(name, known, 1, _SIMILARITY)), None)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names in the code, nested functions and classes included; the definition of a method is one of them."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
