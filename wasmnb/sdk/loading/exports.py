"""Choice of the callbacks that a filter's module exports.

Each call of an exported callback costs a call into Python (2-3 us in Envoy), and a callback that isn't exported costs nothing.
So a module exports only the callbacks that the filter's classes override, and those that the SDK needs for features of the
filter. For example, `http_call` needs the callback for its response. Features are detected by names in the compiled code, so an
unused name can add an unnecessary export. Only names that the filter constructs at run time aren't detected.
"""

import sys
from collections.abc import Iterator
from types import CodeType, ModuleType

from ...abi import CALLBACKS, REPORTED_BY
from .callback_checks import CO_ASYNC_GENERATOR, CO_COROUTINE
from .callbacks import HANDLERS
from .source import LoadedSource

__all__ = ["needed_exports"]

#: Callbacks that are always exported. `on_configure` runs once per worker, and reveals a broken filter before traffic arrives.
_ALWAYS = {"on_configure"}

#: Name in the source -> callbacks to export if it is used.
_NEEDS = {
    **{name: REPORTED_BY[name] for name in ("http_call", "grpc_call", "grpc_stream")},
    **dict.fromkeys(("sleep", "timeout", "wait_for", "watch"), REPORTED_BY["set_tick_period_milliseconds"]),
    "register_queue": REPORTED_BY["register_shared_queue"],
}

#: Additional entries for sources that contain an `async def`, because awaiting a body needs the body's callbacks.
_NEEDS_OF_ASYNC = {
    "request_body": ("on_request_body", "on_request_trailers"),
    "response_body": ("on_response_body", "on_response_trailers"),
}

#: Attributes of `self.request` and `self.response` that access the body.
_OF_BODY = frozenset(("body", "content", "lines", "json_lines", "sse", "json_rpc"))


def needed_exports(source: LoadedSource, *, watches_deletes: bool = False) -> list[str]:
    """Return the names (`proxy_on_...`) of the callbacks that a filter's module must export, in the order of the ABI's table.

    Parameters
    ----------
    source
        The filter's loaded source.
    watches_deletes
        Whether the binding can call `on_delete` on demand without an export (default False).
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
    """Yield all names and all strings in the code, including nested functions and classes."""
    yield from code.co_names
    if not _OF_BODY.isdisjoint(code.co_names):  # self.request.body is the same as self.request_body
        yield from (f"{side}_body" for side in ("request", "response") if side in code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str):
            yield constant


def _has_async(code: CodeType) -> bool:
    """Return whether the code contains an `async def`."""
    if code.co_flags & (CO_COROUTINE | CO_ASYNC_GENERATOR):
        return True
    return any(_has_async(c) for c in code.co_consts if isinstance(c, CodeType))


def _imports_packages(source: LoadedSource) -> bool:
    """Return whether the source imports third-party packages."""
    own = {source.module.__name__, *source.local}
    modules = [source.module, *(sys.modules[name] for name in source.local if name in sys.modules)]
    owners = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for module in modules
        for value in vars(module).values()
    }
    tops = {owner.partition(".")[0] for owner in owners if isinstance(owner, str) and owner not in own}
    return bool(tops - {"wasmnb", "builtins", "__main__"} - sys.stdlib_module_names)
