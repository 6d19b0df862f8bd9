"""`google.protobuf.Struct` and friends as bytes: what a plugin sees when its configuration is written as a Struct.

Facts (Envoy 1.40): a plugin or VM configuration of type Struct reaches the guest as *serialised protobuf*, although the
API's comments promise JSON. StringValue and BytesValue give their inner bytes. Wire format:
https://protobuf.dev/programming-guides/encoding/, messages: google/protobuf/struct.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["encode_struct"]

_LENGTH, _FIXED64, _VARINT = 2, 1, 0


def encode_struct(fields: Mapping[str, Any]) -> bytes:
    """`google.protobuf.Struct` with these fields, in their order."""
    entries = (_field(1, key.encode()) + _field(2, _value(value)) for key, value in fields.items())
    return b"".join(_field(1, entry) for entry in entries)


def _value(value: Any) -> bytes:
    """`google.protobuf.Value`."""
    if value is None:
        return _tag(1, _VARINT) + b"\0"
    if isinstance(value, bool):
        return _tag(4, _VARINT) + bytes([value])
    if isinstance(value, int | float):
        return _tag(2, _FIXED64) + struct.pack("<d", value)
    if isinstance(value, Mapping):
        return _field(5, encode_struct(value))
    if isinstance(value, list | tuple):
        return _field(6, b"".join(_field(1, _value(item)) for item in value))
    return _field(3, str(value).encode())


def _field(number: int, data: bytes) -> bytes:
    return _tag(number, _LENGTH) + _varint(len(data)) + data


def _tag(number: int, kind: int) -> bytes:
    return bytes([number << 3 | kind])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
