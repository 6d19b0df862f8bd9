"""The callbacks that a filter's module exports.

A callback that a module doesn't export is free; an exported one costs a call into Python (2-3 us in Envoy) whenever
it applies. So a module exports the callbacks that the filter's classes override, and the callbacks that the SDK needs
for names in the source: `http_call` needs the callback that reports its response. Names are read from the compiled code, so
an unused name can add an export, but no export is missing.
"""

import sys
from collections.abc import Iterator
from types import CodeType, ModuleType

from ...abi import CALLBACKS, REPORTED_BY
from .callback_checks import CO_ASYNC_GENERATOR, CO_COROUTINE
from .callbacks import HANDLERS
from .source import Loaded

__all__ = ["needed_exports"]

#: Always exported: it runs once per worker, has the configuration, and shows a broken filter before traffic arrives.
_ALWAYS = {"on_configure"}

#: Name in the source -> callbacks that it needs.
_NEEDS = {
    **{name: REPORTED_BY[name] for name in ("http_call", "grpc_call", "grpc_stream")},
    **dict.fromkeys(("sleep", "timeout", "wait_for", "watch"), REPORTED_BY["set_tick_period_milliseconds"]),
    "register_queue": REPORTED_BY["register_shared_queue"],
}

#: The same for sources with an `async def`: awaiting a body needs the body's callbacks.
_NEEDS_OF_ASYNC = {
    "request_body": ("on_request_body", "on_request_trailers"),
    "response_body": ("on_response_body", "on_response_trailers"),
}

#: Attributes of `self.request` and `self.response` that are about the body.
_OF_BODY = frozenset(("body", "content", "lines", "json_lines", "sse", "json_rpc"))


def needed_exports(source: Loaded, *, watches_deletes: bool = False) -> list[str]:
    """Return the export names (`proxy_on_...`) of the callbacks that the filter needs, in the order of the ABI's table.

    Parameters
    ----------
    source
        The loaded source.
    watches_deletes
        Whether the binding calls `on_delete` on demand, even if it isn't exported (default False).
    """
    needed = set(_ALWAYS)
    needed |= {h.callback for h in HANDLERS.values() if source.overrides(h.kind, h.method)}
    waits = any(_has_async(code) for code in source.codes)
    needs = {**_NEEDS, **_NEEDS_OF_ASYNC} if waits else _NEEDS
    mentioned = set(needs) if _imports_packages(source) else {name for code in source.codes for name in _names(code)}
    for name in mentioned & set(needs):
        needed.update(needs[name])
    if waits and not watches_deletes:
        needed.add("on_delete")
    return [name for name, callback in CALLBACKS.items() if callback.short in needed]


def _names(code: CodeType) -> Iterator[str]:
    """Yield every name and every string in the code, including nested functions and classes."""
    yield from code.co_names
    if not _OF_BODY.isdisjoint(code.co_names):  # self.request.body is self.request_body by another name
        yield from (f"{side}_body" for side in ("request", "response") if side in code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str):
            yield constant


def _has_async(code: CodeType) -> bool:
    """Return whether the code has an `async def`."""
    if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR):
        return True
    return any(_has_async(c) for c in code.co_consts if isinstance(c, CodeType))


def _imports_packages(source: Loaded) -> bool:
    """Return whether the source imports packages (neither its own modules, the standard library nor the SDK)."""
    own = {source.module.__name__, *source.local}
    modules = [source.module, *(sys.modules[name] for name in source.local if name in sys.modules)]
    owners = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for module in modules
        for value in vars(module).values()
    }
    tops = {owner.partition(".")[0] for owner in owners if isinstance(owner, str) and owner not in own}
    return bool(tops - {"wasmnb", "builtins", "__main__"} - sys.stdlib_module_names)
