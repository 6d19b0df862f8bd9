"""Protobuf without schemas: reads the fields of a message by number, and writes fields, Struct and Metadata.

Reference: https://protobuf.dev/programming-guides/encoding/. The wire types are varint, 64-bit, length-delimited and 32-bit.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..abi.protobuf_wire import Malformed, read_fields
from ..abi.text import encode_text
from .leb128 import unsigned

__all__ = ["ParseError", "field", "metadata", "read", "struct_message"]

#: Function that converts a value that a Struct can't hold.
Default = Callable[[Any], Any]


class ParseError(ValueError):
    """The bytes are not a protobuf message."""


def read(data: bytes) -> dict[int, list[int | bytes]]:
    """Read the fields of a message.

    Returns
    -------
    dict[int, list[int | bytes]]
        Field number -> its values, in order: integers for varints, bytes for other wire types.

    Raises
    ------
    ParseError
        The bytes are not a message.
    """
    fields: dict[int, list[int | bytes]] = {}
    try:
        for number, value in read_fields(data):
            fields.setdefault(number, []).append(value)
    except Malformed as error:
        raise ParseError(str(error)) from None
    return fields


def field(number: int, value: float | bytes) -> bytes:
    """Encode one field: an integer or boolean as varint, a float as 64 bits, bytes with their length."""
    if isinstance(value, float):
        return unsigned(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return unsigned(number << 3) + unsigned(int(value))
    return unsigned(number << 3 | 2) + unsigned(len(value)) + value


def struct_message(values: Mapping[str, Any], default: Default | None = None) -> bytes:
    """Encode a `google.protobuf.Struct`, with its keys in sorted order.

    Parameters
    ----------
    values
        None, booleans, numbers, text, mappings and sequences of these.
    default
        Called for every other value; returns one that can be encoded. By default, such a value raises TypeError.

    Raises
    ------
    TypeError
        A value of another type, without `default`.
    """
    return b"".join(
        field(1, field(1, encode_text(key)) + field(2, _value(values[key], default))) for key in sorted(values)
    )


def _double(value: float) -> float:
    """Return a number as a double, which is infinite if it is too large."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _value(value: Any, default: Default | None) -> bytes:
    """Encode a `google.protobuf.Value`."""
    match value:
        case None:
            return field(1, 0)
        case bool():
            return field(4, int(value))
        case int() | float():
            return field(2, _double(value))
        case str():
            return field(3, encode_text(value))
        case Mapping():
            return field(5, struct_message(value, default))
        case Iterable():
            return field(6, b"".join(field(1, _value(v, default)) for v in value))
    if default is None:
        raise TypeError(f"a Struct can't hold a {type(value).__name__}")
    return _value(default(value), None)


def metadata(values: Mapping[str, Mapping[str, Any]] | None) -> bytes:
    """Encode an `envoy.config.core.v3.Metadata` with this `filter_metadata`, keys in sorted order."""
    return b"".join(
        field(1, field(1, encode_text(key)) + field(2, struct_message(inner)))
        for key, inner in sorted((values or {}).items())
    )
