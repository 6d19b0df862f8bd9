"""Detection of methods that look like callbacks but are never called, because of a misspelt name or in the wrong class."""

import difflib
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType
from typing import Any

from ...abi import CALLBACKS, REPORTED_BY
from ..errors import FilterSourceError
from .callbacks import HANDLERS, Handler, handlers_of

__all__ = ["BASE_NAMES", "CALLBACK_NAMES", "check_name"]

#: Kind of context -> name of the SDK's class.
BASE_NAMES = {"vm": "VMContext", "plugin": "PluginContext", "http": "HttpContext", "tcp": "TcpContext"}

#: (kind of context, method name that isn't a callback) -> callback that the author of such a method means.
_SYNONYMS = {
    ("http", "on_done"): "on_http_stream_done",
    ("http", "on_stream_done"): "on_http_stream_done",
    ("tcp", "on_done"): "on_stream_done",
    ("tcp", "on_http_stream_done"): "on_stream_done",
}

#: ABI callback for the result of a callout -> method whose parameter `callback=` is used instead.
_REPORTS = {
    callback: call for call, callbacks in REPORTED_BY.items() if call.endswith(("_call", "_stream")) for callback in callbacks
} | {"on_http_call_response": "http_call"}  # fmt: skip

#: All names of callbacks: the SDK's and the ABI's.
CALLBACK_NAMES = frozenset({*(h.method for h in HANDLERS.values()), *(c.short for c in CALLBACKS.values())})

#: Similarity (0 to 1) above which a name is considered a misspelling of another name.
_SIMILARITY = 0.9


def check_name(kind: str, cls: type[Any], method: FunctionType, name: str, codes: Sequence[CodeType]) -> None:
    """Raise FilterSourceError if a method looks like a callback, but isn't a callback of its class.

    Parameters
    ----------
    kind
        Kind of the class.
    cls, method, name
        The class, its method, and the method's name.
    codes
        Compiled code of the source. A method with the name of a callout's ABI callback is accepted if this code uses it.

    Raises
    ------
    FilterSourceError
        The method would never be called. The hint contains the callback that the author probably means.
    """
    snake = "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_").removeprefix("proxy_")
    meant = _meant(kind, snake)
    if meant is not None:
        problem, hint = (
            "is not a callback",
            f"Did you mean {meant.method}? Its signature in {BASE_NAMES[kind]} is {meant.signature}.",
        )
    elif owners := [h for h in HANDLERS.values() if snake in (h.method, h.callback) and h.kind != kind]:
        problem = f"is never called: {BASE_NAMES[kind]} has no such callback"
        hint = f"Move it to the filter's {BASE_NAMES[owners[0].kind]}, where it is {owners[0].signature}, or rename it."
    elif snake in _REPORTS and _is_unused(name, codes):
        problem = "is never called"
        hint = f"Await {_REPORTS[snake]}(...) in an `async def` callback, or pass the method to it as callback=self.{name}."
    elif (
        (alike := _alike(kind, name))
        and method.__qualname__ == f"{cls.__qualname__}.{name}"
        and _is_unused(name, codes)
    ):
        problem = "is never called"
        hint = f"{BASE_NAMES[kind]} has {', '.join(alike)}. If the method isn't meant to be a callback, rename it or call it."
    else:
        return
    code = method.__code__
    raise FilterSourceError(
        f"{cls.__name__}.{name} {problem}", filename=code.co_filename, lineno=code.co_firstlineno, hint=hint
    )


def _is_unused(name: str, codes: Sequence[CodeType]) -> bool:
    """Return whether the code never uses a method's name outside of its definition, and never calls `getattr`."""
    names = [n for code in codes for n in _names(code)]
    return names.count(name) < 2 and "getattr" not in names


def _alike(kind: str, name: str) -> list[str]:
    """Return the callbacks of a kind whose SDK or ABI name shares words with a name such as `on_data`, most similar first."""
    words = set(name.removeprefix("on_").split("_")) - {"http", "on"} if name.startswith("on_") else set()
    shared = {h.method: len(words & {*h.method.split("_"), *h.callback.split("_")}) for h in handlers_of(kind)}
    return sorted((method for method, number in shared.items() if number), key=lambda method: -shared[method])[:4]


def _meant(kind: str, name: str) -> Handler | None:
    """Return the callback that the author of a wrong name means: a misspelt name, the ABI's name, or another SDK's."""
    known = {h.method: h for h in handlers_of(kind)}
    by_callback = {h.callback: h for h in known.values()}
    method = _SYNONYMS.get((kind, name), name)
    if method in known or name in by_callback:
        return known.get(method) or by_callback[name]
    if not name.startswith("on_") or name in CALLBACK_NAMES:
        return None
    return next((known[close] for close in difflib.get_close_matches(name, known, 1, _SIMILARITY)), None)


def _names(code: CodeType) -> Iterator[str]:
    """Yield all names in the code, including nested functions and classes. The definition of a method yields its name once."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
