"""Reads `google.protobuf.Struct` and Envoy's `Metadata` from their bytes, as dicts.

Envoy serialises them deterministically, but fields are accepted in any order, and the last value of a repeated
key counts. Numbers of a Struct are doubles; those without a fraction become `int`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["read_metadata", "read_node_metadata", "read_struct"]

#: Fields of a message: number, and an int for varints or bytes for the other wire types.
Fields = Iterator[tuple[int, Any]]

#: Wire type -> bytes of a value with a fixed size.
_FIXED = {1: 8, 5: 4}

#: Integers that a double holds exactly.
_EXACT = 2**53


def _varint(data: bytes, start: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
        shift += 7


def _fields(data: bytes) -> Fields:
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        size, position = (_FIXED[kind], position) if kind in _FIXED else _varint(data, position)
        if position + size > len(data):
            raise IndexError(position + size)
        yield key >> 3, data[position : position + size]
        position += size


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(data: bytes) -> float:
    value: float = struct.unpack("<d", data)[0]
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _value(data: bytes) -> Any:
    """Return a `google.protobuf.Value`; a Value without a kind is None."""
    value: Any = None
    for number, content in _fields(data):
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
                value = [_value(item) for inner, item in _fields(content) if inner == 1]
    return value


def _entry(data: bytes) -> tuple[str, bytes]:
    """Return key and value of a map's entry."""
    fields = dict(_fields(data))
    return _text(fields.get(1, b"")), fields.get(2, b"")


def read_struct(data: bytes) -> dict[str, Any]:
    """Return a `google.protobuf.Struct` as a dict: None, bool, int, float, str, lists and dicts.

    Raises
    ------
    ValueError
        The bytes are not a Struct.
    """
    try:
        return {key: _value(value) for key, value in (_entry(e) for number, e in _fields(data) if number == 1)}
    except (IndexError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise ValueError("the bytes are not a google.protobuf.Struct") from error


def read_metadata(data: bytes) -> dict[str, Any]:
    """Return an `envoy.config.core.v3.Metadata` as a dict with the names of its fields.

    Returns
    -------
    dict[str, Any]
        `filter_metadata` has a dict for each filter; `typed_filter_metadata` has the bytes of each filter's `Any`.

    Raises
    ------
    ValueError
        The bytes are not a Metadata.
    """
    try:
        entries = [(number, _entry(e)) for number, e in _fields(data) if number in (1, 2)]
    except (IndexError, KeyError, TypeError, AttributeError) as error:
        raise ValueError("the bytes are not an envoy.config.core.v3.Metadata") from error
    return {
        "filter_metadata": {key: read_struct(value) for number, (key, value) in entries if number == 1},
        "typed_filter_metadata": {key: value for number, (key, value) in entries if number == 2},
    }


def read_node_metadata(data: bytes) -> dict[str, Any]:
    """Return the metadata of an `envoy.config.core.v3.Node`; an empty dict if it has none.

    Raises
    ------
    ValueError
        The bytes are not a Node.
    """
    try:
        structs = [value for number, value in _fields(data) if number == 3]
    except (IndexError, KeyError) as error:
        raise ValueError("the bytes are not an envoy.config.core.v3.Node") from error
    return read_struct(structs[-1]) if structs else {}
