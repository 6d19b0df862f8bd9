"""Reads `google.protobuf.Struct` and Envoy's `Metadata` from their bytes, as dicts.

Envoy serialises them deterministically, but fields are accepted in any order, and the last value of a repeated
key counts. Numbers of a Struct are doubles; those without a fraction become `int`.
"""

from __future__ import annotations

import struct
from typing import Any

from .protobuf_wire import Malformed, read_fields

__all__ = ["read_metadata", "read_node_metadata", "read_struct"]

#: Integers that a double holds exactly.
_EXACT = 2**53


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _number(data: bytes) -> float:
    value: float = struct.unpack("<d", data)[0]
    return int(value) if value.is_integer() and abs(value) <= _EXACT else value


def _value(data: bytes) -> Any:
    """Return a `google.protobuf.Value`; a Value without a kind is None."""
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
    """Return key and value of a map's entry."""
    fields = dict(read_fields(data))
    return _text(fields.get(1, b"")), fields.get(2, b"")


def read_struct(data: bytes) -> dict[str, Any]:
    """Return a `google.protobuf.Struct` as a dict: None, bool, int, float, str, lists and dicts.

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
        entries = [(number, _entry(e)) for number, e in read_fields(data) if number in (1, 2)]
    except (Malformed, TypeError, AttributeError) as error:
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
        structs = [value for number, value in read_fields(data) if number == 3]
    except Malformed as error:
        raise ValueError("the bytes are not an envoy.config.core.v3.Node") from error
    return read_struct(structs[-1]) if structs else {}
