"""Which callbacks a filter's module exports.

Facts: a callback that a module lacks costs the proxy nothing; one that it has costs a trip into Python (2-3 us in Envoy)
whenever it applies. So a module exports what the filter's classes override, and what the SDK needs for what the source
mentions: a call that is made needs its answer. What is mentioned is read from the compiled code, and errs on the safe side.
"""

import inspect
import sys
from collections.abc import Iterator
from types import CodeType, ModuleType

from ...abi import CALLBACKS, REPORTED_BY
from .callbacks import HANDLERS
from .source import Loaded

__all__ = ["needed_exports"]

#: Always exported: it runs once a worker, brings the configuration, and shows a broken filter before traffic comes.
_ALWAYS = {"on_configure"}

#: A name in the source -> callbacks that make it work.
_NEEDS = {
    **{name: REPORTED_BY[name] for name in ("http_call", "grpc_call", "grpc_stream")},
    **dict.fromkeys(("sleep", "timeout", "wait_for"), REPORTED_BY["set_tick_period_milliseconds"]),
    "register_queue": REPORTED_BY["register_shared_queue"],
}

#: The same for sources that have an `async def`: a body has to come to be awaited.
_NEEDS_OF_ASYNC = {
    "request_body": ("on_request_body", "on_request_trailers"),
    "response_body": ("on_response_body", "on_response_trailers"),
}


def needed_exports(source: Loaded, *, watched: bool = False) -> list[str]:
    """Export names (`proxy_on_...`) of the callbacks that the filter needs, in the order of the ABI's table.

    `watched` says that the proxy's side calls `on_delete` whenever it is told to, exported or not.
    """
    needed = set(_ALWAYS)
    needed |= {h.callback for h in HANDLERS.values() if source.overrides(h.kind, h.method)}
    waits = any(_has_async(code) for code in source.codes)
    needs = {**_NEEDS, **_NEEDS_OF_ASYNC} if waits else _NEEDS
    mentioned = set(needs) if _uses_foreign_code(source) else {name for code in source.codes for name in _names(code)}
    for name in mentioned & set(needs):
        needed.update(needs[name])
    if waits and not watched:
        needed.add("on_delete")
    return [name for name, callback in CALLBACKS.items() if callback.short in needed]


def _names(code: CodeType) -> Iterator[str]:
    """Every name and every string that the code mentions, nested functions and classes included."""
    yield from code.co_names
    if "body" in code.co_names:  # self.request.body is self.request_body by another name
        yield from (f"{side}_body" for side in ("request", "response") if side in code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str):
            yield constant


def _has_async(code: CodeType) -> bool:
    """Whether there is an `async def` anywhere in the code."""
    if code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR):
        return True
    return any(_has_async(c) for c in code.co_consts if isinstance(c, CodeType))


def _uses_foreign_code(source: Loaded) -> bool:
    """Whether the source imports what is neither its own, the standard library's nor the SDK's: that is not looked at."""
    own = {source.module.__name__, *source.local}
    modules = [source.module, *(sys.modules[name] for name in source.local if name in sys.modules)]
    owners = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for module in modules
        for value in vars(module).values()
    }
    tops = {owner.partition(".")[0] for owner in owners if isinstance(owner, str) and owner not in own}
    return bool(tops - {"wasmnb", "builtins", "__main__"} - sys.stdlib_module_names)
