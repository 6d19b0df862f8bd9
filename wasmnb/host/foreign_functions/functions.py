"""Foreign functions registered by Envoy 1.40, by name.

Arguments and results are bytes, most of them protobuf messages, which are parsed leniently. Functions act on the calling
context, not on the context set by `set_effective_context`. Envoy's `compress` uses zlib-ng, whose output differs from that of
zlib.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from zlib_ng import zlib_ng

from ...abi import Status
from ...parsing import protobuf
from ..properties.filter_state import Declaration
from . import expressions, signatures

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["FOREIGN"]

#: Status and result of a foreign function.
ForeignResult = tuple[int, bytes]

#: Maximum number of declared properties in one context, and maximum size of a declaration in bytes. Envoy doesn't limit them.
MOST_DECLARATIONS, _DECLARATION = 10_000, 1 << 16

#: Maximum size in bytes of the result of `uncompress`. Envoy doesn't limit it, but a few bytes can expand to a terabyte.
_MAX_UNCOMPRESSED = 1 << 28


def _compress(_context: Context, data: bytes) -> ForeignResult:
    return Status.OK, zlib_ng.compress(data)


def _uncompress(_context: Context, data: bytes) -> ForeignResult:
    worker = zlib.decompressobj()
    try:
        plain = worker.decompress(data, _MAX_UNCOMPRESSED)
    except zlib.error:
        return Status.SERIALIZATION_FAILURE, b""
    return (Status.OK, plain) if worker.eof else (Status.SERIALIZATION_FAILURE, b"")


def _clear_route_cache(context: Context, _data: bytes) -> ForeignResult:
    context.clear_route_cache()
    return Status.OK, b""


def _text(fields: dict[int, list[int | bytes]], number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    return value if isinstance(value, bytes) else b""


def _number(fields: dict[int, list[int | bytes]], number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _declare_property(context: Context, data: bytes) -> ForeignResult:
    """Declare a property on the calling context. Only declarations of root contexts apply to `set_property`."""
    try:
        fields = protobuf.read(data)
    except protobuf.ParseError:
        return Status.BAD_ARGUMENT, b""
    name = _text(fields, 1)
    declared = context.declared
    if name in declared:
        return Status.BAD_ARGUMENT, b""
    if len(declared) >= MOST_DECLARATIONS or len(data) > _DECLARATION:
        return Status.INTERNAL_FAILURE, b""
    declared[name] = Declaration(
        name, bool(_number(fields, 2)), _number(fields, 3), _text(fields, 4), _number(fields, 5)
    )
    return Status.OK, b""


#: Filter state keys whose objects Envoy can create from text.
_FACTORIES = frozenset(
    {
        b"envoy.tcp_proxy.cluster", b"envoy.network.upstream_server_name", b"envoy.network.application_protocols",
        b"envoy.upstream.dynamic_host", b"envoy.string", b"envoy.hashable_string",
    }
)  # fmt: skip


def _set_envoy_filter_state(context: Context, data: bytes) -> ForeignResult:
    try:
        fields = protobuf.read(data)
    except protobuf.ParseError:
        return Status.BAD_ARGUMENT, b""
    key, info = _text(fields, 1), context.info
    if info is None or key not in _FACTORIES:
        return Status.NOT_FOUND, b""
    if not info.filter_state.has_room(key, _text(fields, 2)):
        return Status.INTERNAL_FAILURE, b""
    info.filter_state.put(key, _text(fields, 2), _number(fields, 3))
    return Status.OK, b""


#: Foreign functions by name. Each receives the calling context and the arguments.
FOREIGN: dict[str, Callable[[Context, bytes], ForeignResult]] = {
    "compress": _compress,
    "uncompress": _uncompress,
    "clear_route_cache": _clear_route_cache,
    "declare_property": _declare_property,
    "set_envoy_filter_state": _set_envoy_filter_state,
    "expr_create": expressions.create,
    "expr_evaluate": expressions.evaluate,
    "expr_delete": expressions.delete,
    "verify_signature": signatures.verify,
    "sign": signatures.sign,
}
