"""Parser of serialised `google.protobuf.Struct` and Envoy `Metadata` messages, which returns dicts.

Fields can be in any order. If a key is repeated, its last value is used. Numbers in a Struct are doubles, and become `int` if
they have no fraction.
"""

from __future__ import annotations

import struct
from typing import Any

from .protobuf_wire import Malformed, read_fields

__all__ = ["read_metadata", "read_node_metadata", "read_struct"]

#: Limit up to which a double represents all integers exactly.
_EXACT = 2**53


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(data: bytes) -> float:
    value: float = struct.unpack("<d", data)[0]
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _value(data: bytes) -> Any:
    """Parse a `google.protobuf.Value`. A Value without a kind is returned as None."""
    value: Any = None
    for number, content in read_fields(data):
        match number:
            case 1:
                value = None
            case 2:
                value = _number(content)
            case 3:
                value = _text(content)
            case 4:
                value = bool(content)
            case 5:
                value = read_struct(content)
            case 6:
                value = [_value(item) for inner, item in read_fields(content) if inner == 1]
    return value


def _entry(data: bytes) -> tuple[str, bytes]:
    """Parse an entry of a protobuf map, and return its key and its value."""
    fields = dict(read_fields(data))
    return _text(fields.get(1, b"")), fields.get(2, b"")


def read_struct(data: bytes) -> dict[str, Any]:
    """Parse a `google.protobuf.Struct` and return a dict of None, bool, int, float, str, lists and dicts.

    Raises
    ------
    ValueError
        The bytes are not a Struct.
    """
    try:
        return {key: _value(value) for key, value in (_entry(e) for number, e in read_fields(data) if number == 1)}
    except (Malformed, TypeError, AttributeError, struct.error) as error:
        raise ValueError("the bytes are not a google.protobuf.Struct") from error


def read_metadata(data: bytes) -> dict[str, Any]:
    """Parse an `envoy.config.core.v3.Metadata` message.

    Returns
    -------
    dict[str, Any]
        `filter_metadata` contains a dict for each filter, and `typed_filter_metadata` the bytes of an `Any` for each filter.

    Raises
    ------
    ValueError
        The bytes are not a Metadata.
    """
    try:
        entries = [(number, _entry(e)) for number, e in read_fields(data) if number in (1, 2)]
    except (Malformed, TypeError, AttributeError) as error:
        raise ValueError("the bytes are not an envoy.config.core.v3.Metadata") from error
    return {
        "filter_metadata": {key: read_struct(value) for number, (key, value) in entries if number == 1},
        "typed_filter_metadata": {key: value for number, (key, value) in entries if number == 2},
    }


def read_node_metadata(data: bytes) -> dict[str, Any]:
    """Parse an `envoy.config.core.v3.Node` message and return its metadata, or an empty dict if it has none.

    Raises
    ------
    ValueError
        The bytes are not a Node.
    """
    try:
        structs = [value for number, value in read_fields(data) if number == 3]
    except Malformed as error:
        raise ValueError("the bytes are not an envoy.config.core.v3.Node") from error
    return read_struct(structs[-1]) if structs else {}
