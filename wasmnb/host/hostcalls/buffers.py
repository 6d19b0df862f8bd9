"""Hostcalls for buffers: bodies, connection data, callout responses, configuration.

In Envoy 1.40, a buffer type of 9 or more returns BadArgument. Outside their phase, bodies and connection data are empty (OK),
and an HTTP callout's body and the plugin configuration return NotFound. The VM configuration can always be read. Reading beyond
the end returns the bytes up to the end. Only bodies, connection data and gRPC messages can be written, in their callback or
while the filter holds them back (`wasmnb/abi/phases.py`). Flags are always 0. Outside the callbacks that have call data, Envoy
returns the buffer that the context has looked up before, and the simulation returns empty call data.
"""

from __future__ import annotations

from ...abi import BufferType, Status
from ..contexts.base import Context
from ..http.buffers import write

__all__ = ["get_buffer_bytes", "get_buffer_status", "get_configuration", "set_buffer_bytes"]

_LAST = int(max(BufferType))
#: Buffer type of a Redis reply in Higress.
_REDIS = 9
_BAD = int(Status.BAD_ARGUMENT)
_NOT_FOUND = int(Status.NOT_FOUND)


def get_buffer_bytes(context: Context, kind: int, start: int, length: int) -> tuple[int, bytes | None]:
    """Return the status and a part of a buffer."""
    if kind > _LAST:
        reply = context.vm.buffers.redis_response if kind == _REDIS else None
        return (_BAD, None) if reply is None else (0, reply[start : start + length])
    data = context.peek(kind)
    return (_NOT_FOUND, None) if data is None else (0, data[start : start + length])


def get_buffer_status(context: Context, kind: int) -> tuple[int, int | None, int | None]:
    """Return the status, and the length and flags of a buffer."""
    if kind > _LAST:
        return _BAD, None, None
    data = context.peek(kind)
    return (_NOT_FOUND, None, None) if data is None else (0, len(data), 0)


def set_buffer_bytes(context: Context, kind: int, start: int, length: int, data: bytes) -> int:
    """Replace a part of a buffer."""
    if kind > _LAST:
        return _BAD
    if context.peek(kind) is None:
        return _NOT_FOUND
    buffer = context.writable_buffer(kind)
    if buffer is None:
        return _BAD
    if len(buffer) + len(data) - min(length, len(buffer)) > context.vm.server.memory_limit:
        return int(Status.INTERNAL_FAILURE)  # Envoy has no limit, and would run out of memory
    return int(write(buffer, start, length, data))


def get_configuration(context: Context) -> tuple[int, bytes]:
    """Return the status and the VM configuration. In `on_configure`, return the plugin configuration instead (ABI 0.1.0)."""
    vm = context.vm
    return 0, vm.settings.configuration if vm.buffers.plugin_configuration is None else vm.buffers.plugin_configuration
