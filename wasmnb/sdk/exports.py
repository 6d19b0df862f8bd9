"""Which callbacks a filter's module exports.

Facts: a callback that a module lacks costs the proxy nothing; one that it has costs a trip into Python (2-3 us in Envoy)
whenever it applies. So a module exports what the filter's classes override, and what the SDK needs for what the source
mentions: a call that is made needs its answer. What is mentioned is read from the compiled code, and errs on the safe side.
"""

import sys
from collections.abc import Iterator
from types import CodeType, ModuleType

from ..abi import CALLBACKS
from .callbacks import HANDLERS
from .source import Source

__all__ = ["needed_exports"]

#: Always exported: it runs once a worker, brings the configuration, and shows a broken filter before traffic comes.
_ALWAYS = {"on_configure"}

#: A name in the source -> callbacks that make it work.
_NEEDS = {
    "http_call": ("on_http_call_response",),
    "grpc_call": ("on_grpc_receive", "on_grpc_close"),
    "grpc_stream": (
        "on_grpc_receive",
        "on_grpc_close",
        "on_grpc_receive_initial_metadata",
        "on_grpc_receive_trailing_metadata",
    ),
}


def needed_exports(source: Source) -> list[str]:
    """Export names (`proxy_on_...`) of the callbacks that the filter needs, in the order of the ABI's table."""
    needed = set(_ALWAYS)
    needed |= {h.callback for h in HANDLERS.values() if source.overrides(h.kind, h.method)}
    mentioned = set(_NEEDS) if _uses_foreign_code(source.module) else set(_names(source.code))
    for name in mentioned & set(_NEEDS):
        needed.update(_NEEDS[name])
    return [name for name, callback in CALLBACKS.items() if callback.short in needed]


def _names(code: CodeType) -> Iterator[str]:
    """Every name and every string that the code mentions, nested functions and classes included."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str):
            yield constant


def _uses_foreign_code(module: ModuleType) -> bool:
    """Whether the source imports anything but the standard library and the SDK: what that mentions is not looked at."""
    owners = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for value in vars(module).values()
    }
    tops = {owner.partition(".")[0] for owner in owners if isinstance(owner, str) and owner != module.__name__}
    return bool(tops - {"wasmnb", "builtins", "__main__"} - sys.stdlib_module_names)
