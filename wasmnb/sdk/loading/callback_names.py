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

#: Kind of context, and a method name that authors may expect to be a callback of it -> the callback that they mean.
_SYNONYMS = {
    ("http", "on_done"): "on_http_stream_done",
    ("http", "on_stream_done"): "on_http_stream_done",
    ("tcp", "on_done"): "on_stream_done",
    ("tcp", "on_http_stream_done"): "on_stream_done",
}

#: Callback that reports on a callout -> the method whose `callback=` is used instead.
_REPORTS = {
    callback: call for call, callbacks in REPORTED_BY.items() if call.endswith(("_call", "_stream")) for callback in callbacks
} | {"on_http_call_response": "http_call"}  # fmt: skip

#: Every name under which authors know a callback.
CALLBACK_NAMES = frozenset({*(h.method for h in HANDLERS.values()), *(c.short for c in CALLBACKS.values())})

#: Similarity of two names above which one is considered a misspelling of the other.
_SIMILARITY = 0.9


def check_name(kind: str, cls: type[Any], method: FunctionType, name: str, codes: Sequence[CodeType]) -> None:
    """Raise for a method that looks like a callback, but isn't a callback of its class.

    Parameters
    ----------
    kind
        Kind of the class.
    cls, method, name
        The class, its method, and the method's name.
    codes
        Code of the source. A method for a callout's response may have the name of the ABI's callback if the code uses it.

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
            f"Did you mean {meant.method}? Its signature in {BASE_NAMES[kind]} is {meant.signature}.",
        )
    elif owners := [h for h in HANDLERS.values() if snake in (h.method, h.callback) and h.kind != kind]:
        problem = f"is never called: {BASE_NAMES[kind]} doesn't have that callback"
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
        hint = f"{BASE_NAMES[kind]} has {', '.join(alike)}. If this is a helper of your own, rename it or call it."
    else:
        return
    code = method.__code__
    raise FilterSourceError(
        f"{cls.__name__}.{name} {problem}", filename=code.co_filename, lineno=code.co_firstlineno, hint=hint
    )


def _is_unused(name: str, codes: Sequence[CodeType]) -> bool:
    """Return whether no code mentions a method outside of its definition, or looks attributes up with `getattr`."""
    names = [n for code in codes for n in _names(code)]
    return names.count(name) < 2 and "getattr" not in names


def _alike(kind: str, name: str) -> list[str]:
    """Return callbacks of a kind that share words with a name such as `on_data`, sorted by the number of shared words.

    The words of the ABI's name count too.
    """
    words = set(name.removeprefix("on_").split("_")) - {"http", "on"} if name.startswith("on_") else set()
    shared = {h.method: len(words & {*h.method.split("_"), *h.callback.split("_")}) for h in handlers_of(kind)}
    return sorted((method for method, number in shared.items() if number), key=lambda method: -shared[method])[:4]


def _meant(kind: str, name: str) -> Handler | None:
    """Return the callback of this kind that a name stands for: the ABI's or another SDK's name, or a misspelling."""
    known = {h.method: h for h in handlers_of(kind)}
    by_callback = {h.callback: h for h in known.values()}
    method = _SYNONYMS.get((kind, name), name)
    if method in known or name in by_callback:
        return known.get(method) or by_callback[name]
    if not name.startswith("on_") or name in CALLBACK_NAMES:
        return None
    return next((known[close] for close in difflib.get_close_matches(name, known, 1, _SIMILARITY)), None)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names in the code, including nested functions and classes. A method's definition counts once."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
