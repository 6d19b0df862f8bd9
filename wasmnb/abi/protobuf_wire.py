"""Reader and writer of protobuf's wire format (https://protobuf.dev/programming-guides/encoding/).

It handles varints, which are the same as WebAssembly's LEB128 numbers, and the fields of a message. The supported wire types are
varint, 64-bit, length-delimited and 32-bit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["Malformed", "read_fields", "read_varint", "write_field", "write_varint"]

#: Wire type -> size of its values in bytes.
_FIXED = {1: 8, 5: 4}

_VARINT, _DOUBLE, _DELIMITED = 0, 1, 2


class Malformed(ValueError):
    """The bytes are not in the expected binary format. The message contains the reason and the offset."""


def read_varint(data: bytes, at: int, end: int, bits: int = 64) -> tuple[int, int]:
    """Read a varint: an unsigned number in groups of seven bits, lowest group first.

    Parameters
    ----------
    data
        The bytes.
    at, end
        Offset of the number, and offset of the end of the data.
    bits
        Maximum number of bits that the number may have (default 64).

    Returns
    -------
    tuple[int, int]
        The number, and the offset after its last byte.

    Raises
    ------
    Malformed
        The number is too long or too large, or the data ends inside it.
    """
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> bits:
                raise Malformed(f"a number at offset {at:#x} is too large")
            return value, at
        shift += 7
        if shift > bits + 3:
            raise Malformed(f"a number at offset {at:#x} is too long")
    raise Malformed(f"the file ends in the middle of an item, at offset {at:#x}")


def read_fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Iterate over the fields of a message, as pairs of the field's number and its value.

    The value is an int for varints, and bytes for all other wire types.

    Raises
    ------
    Malformed
        The bytes are not a valid message.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = read_varint(data, at, end)
        number, kind = key >> 3, key & 7
        if not number:
            raise Malformed(f"the field before offset {at:#x} has the number 0")
        if kind == _VARINT:
            value, at = read_varint(data, at, end)
            yield number, value
            continue
        if kind not in _FIXED and kind != _DELIMITED:
            raise Malformed(f"field {number} has the unknown wire type {kind}")
        size, at = (_FIXED[kind], at) if kind in _FIXED else read_varint(data, at, end)
        if size > end - at:
            raise Malformed(f"a field at offset {at:#x} should have {size} bytes, but only {end - at} bytes follow")
        yield number, data[at : at + size]
        at += size


def write_varint(value: int) -> bytes:
    """Encode an unsigned number as a varint."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_field(number: int, value: float | bytes) -> bytes:
    """Encode a field of a message.

    Parameters
    ----------
    number
        The field's number.
    value
        Integers and booleans are written as varints, negative ones as 64 bits in two's complement. Floats are written as 64
        bits, and bytes with their length.
    """
    if isinstance(value, float):
        return write_varint(number << 3 | _DOUBLE) + struct.pack("<d", value)
    if isinstance(value, int):
        return write_varint(number << 3 | _VARINT) + write_varint(value & 0xFFFFFFFFFFFFFFFF)
    return write_varint(number << 3 | _DELIMITED) + write_varint(len(value)) + value
