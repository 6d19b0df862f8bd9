"""Hostcalls for properties, whose names and encodings are in `..properties`.

In Envoy 1.40, `set_property` uses the whole path, including NULs, as one key under `wasm.` in the stream's filter state.
Without a stream it returns NotFound. A property that was declared read-only keeps its first value.
"""

from __future__ import annotations

from ...abi import Status
from ..contexts.base import Context
from ..properties.lookup import lookup

__all__ = ["get_property", "set_property"]


def get_property(context: Context, path: bytes) -> tuple[int, bytes | None]:
    """Return the status and the value of a property. Properties set by a test replace Envoy's."""
    overrides = context.vm.server.properties
    if overrides:
        value = overrides.get(path.strip(b"\0").replace(b"\0", b"."))
        if value is not None:
            return Status.OK, value
    return lookup(context, path)


def set_property(context: Context, path: bytes, value: bytes) -> int:
    """Store a value in the stream's filter state."""
    info = context.log_info or context.info
    if info is None:
        return Status.NOT_FOUND
    return info.filter_state.set(b"wasm." + path, value, context.root.declared)
