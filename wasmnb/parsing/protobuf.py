"""Protobuf without schemas: read the fields of a message by number, and write `Struct` and `Metadata`.

Reference: https://protobuf.dev/programming-guides/encoding/. The wire types are varint, 64-bit, length-delimited and 32-bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..abi.protobuf_wire import Malformed, read_fields, write_field
from ..abi.text import encode_text

__all__ = ["ParseError", "metadata", "read", "struct_message"]

#: Function that converts a value of a type that a Struct doesn't support.
Default = Callable[[Any], Any]


class ParseError(ValueError):
    """Error for bytes that aren't a valid protobuf message."""


def read(data: bytes) -> dict[int, list[int | bytes]]:
    """Read the fields of a message.

    Returns
    -------
    dict[int, list[int | bytes]]
        Values by field number, in the order of the message. Varints are integers, and other wire types are bytes.

    Raises
    ------
    ParseError
        The bytes aren't a valid message.
    """
    fields: dict[int, list[int | bytes]] = {}
    try:
        for number, value in read_fields(data):
            fields.setdefault(number, []).append(value)
    except Malformed as error:
        raise ParseError(str(error)) from None
    return fields


def struct_message(values: Mapping[str, Any], default: Default | None = None) -> bytes:
    """Encode a `google.protobuf.Struct`, with its keys in sorted order.

    Parameters
    ----------
    values
        Values by key: None, booleans, numbers, text, and mappings and sequences of these.
    default
        Function that converts every other value to one that can be encoded. By default, other values raise TypeError.

    Raises
    ------
    TypeError
        A value has another type, and `default` is None.
    """
    return b"".join(
        write_field(1, write_field(1, encode_text(key)) + write_field(2, _value(values[key], default)))
        for key in sorted(values)
    )


def _double(value: float) -> float:
    """Convert a number to a double. If the number is too large, return infinity."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _value(value: Any, default: Default | None) -> bytes:
    """Encode a `google.protobuf.Value`."""
    match value:
        case None:
            return write_field(1, 0)
        case bool():
            return write_field(4, int(value))
        case int() | float():
            return write_field(2, _double(value))
        case str():
            return write_field(3, encode_text(value))
        case Mapping():
            return write_field(5, struct_message(value, default))
        case Iterable():
            return write_field(6, b"".join(write_field(1, _value(v, default)) for v in value))
    if default is None:
        raise TypeError(f"a Struct can't contain a {type(value).__name__}")
    return _value(default(value), None)


def metadata(values: Mapping[str, Mapping[str, Any]] | None) -> bytes:
    """Encode an `envoy.config.core.v3.Metadata` with these values as `filter_metadata`, sorted by key."""
    return b"".join(
        write_field(1, write_field(1, encode_text(key)) + write_field(2, struct_message(inner)))
        for key, inner in sorted((values or {}).items())
    )
