"""Conversion of attribute values from Envoy's bytes to Python types.

Envoy passes text and bytes unchanged. Integers, doubles, timestamps and durations have 8 bytes, and booleans 1 byte. Maps are
serialised like header maps. Metadata and other messages are serialised protobuf.
"""

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ...abi import decode_pairs
from ...abi.struct_wire import read_metadata, read_node_metadata
from .encoding import decode

__all__ = ["READERS", "Metadata", "Struct"]


class Struct(dict[str, Any]):
    """A `google.protobuf.Struct` as a dict of None, bool, int, float, str, lists and dicts."""


class Metadata(dict[str, Any]):
    """Metadata by filter name: dicts under `filter_metadata`, and serialised messages under `typed_filter_metadata`."""


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _double(data: bytes) -> float:
    return float(struct.unpack("<d", data)[0])


def _timestamp(data: bytes) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=_integer(data) / 1000)


def _duration(data: bytes) -> timedelta:
    return timedelta(microseconds=_integer(data) / 1000)


#: Python type of an attribute -> function that converts the attribute's bytes to this type.
READERS: dict[Any, Callable[[bytes], Any]] = {
    str: decode,
    int: _integer,
    float: _double,
    bool: lambda data: data != b"\0",
    bytes: bytes,
    datetime: _timestamp,
    timedelta: _duration,
    dict[str, str]: lambda data: {decode(n): decode(v) for n, v in decode_pairs(data) or []},
    Struct: lambda data: Struct(read_node_metadata(data)),
    Metadata: lambda data: Metadata(read_metadata(data)),
}
