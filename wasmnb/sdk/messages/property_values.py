"""Converts the values of attributes from Envoy's bytes to Python types.

Facts: text and bytes are passed unchanged; integers, doubles, timestamps and durations have 8 bytes, booleans 1; maps are pairs,
and messages are serialised. Metadata is a message.
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
    """Metadata by filter name: `filter_metadata` has dicts, and `typed_filter_metadata` the bytes of messages."""


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _double(data: bytes) -> float:
    return float(struct.unpack("<d", data)[0])


def _timestamp(data: bytes) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=_integer(data) / 1000)


def _duration(data: bytes) -> timedelta:
    return timedelta(microseconds=_integer(data) / 1000)


#: Type -> function that converts the bytes.
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
