"""The little of protobuf that the host needs: reading flat messages, and writing Metadata and Struct.

Facts: https://protobuf.dev/programming-guides/encoding/. Only varint, 64-bit, length-delimited and 32-bit fields exist.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["ParseError", "field", "metadata", "read", "struct_message"]


class ParseError(ValueError):
    """The bytes are no protobuf message."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ParseError("truncated or overlong varint")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not byte & 0x80:
            return value, at


def read(data: bytes) -> dict[int, list[int | bytes]]:
    """Fields by number, repeated ones in order: integers, or bytes for everything that has a length or a fixed size."""
    fields: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        value: int | bytes
        if kind == 0:
            value, at = _varint(data, at)
        else:
            if kind == 2:
                size, at = _varint(data, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise ParseError(f"wire type {kind}")
            if at + size > len(data):
                raise ParseError("truncated field")
            value, at = data[at : at + size], at + size
        if not number:
            raise ParseError("field number 0")
        fields.setdefault(number, []).append(value)
    return fields


def _write_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*out, value))


def field(number: int, value: float | bytes) -> bytes:
    """One field: an integer or boolean as varint, a float as 64 bits, bytes with their length."""
    if isinstance(value, float):
        return _write_varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return _write_varint(number << 3) + _write_varint(int(value))
    return _write_varint(number << 3 | 2) + _write_varint(len(value)) + value


def struct_message(values: Mapping[str, Any]) -> bytes:
    """A `google.protobuf.Struct`; keys in sorted order."""
    return b"".join(field(1, field(1, key.encode()) + field(2, _value(values[key]))) for key in sorted(values))


def _value(value: Any) -> bytes:
    """A `google.protobuf.Value`."""
    match value:
        case None:
            return field(1, 0)
        case bool():
            return field(4, int(value))
        case int() | float():
            return field(2, float(value))
        case str():
            return field(3, value.encode())
        case Mapping():
            return field(5, struct_message(value))
        case Iterable():
            return field(6, b"".join(field(1, _value(v)) for v in value))
    raise TypeError(f"{type(value).__name__} has no place in a Struct")


def metadata(values: Mapping[str, Mapping[str, Any]] | None) -> bytes:
    """An `envoy.config.core.v3.Metadata` of `filter_metadata`."""
    return b"".join(
        field(1, field(1, key.encode()) + field(2, struct_message(inner)))
        for key, inner in sorted((values or {}).items())
    )
