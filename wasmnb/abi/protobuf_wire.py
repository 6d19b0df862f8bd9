"""Reading of protobuf's wire format: varints, which are also WebAssembly's LEB128 numbers, and the fields of a message.

Reference: https://protobuf.dev/programming-guides/encoding/. The wire types are varint, 64-bit, length-delimited and 32-bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

__all__ = ["Malformed", "read_fields", "read_varint"]

#: Wire type -> bytes of a value with a fixed size.
_FIXED = {1: 8, 5: 4}

_VARINT, _DELIMITED = 0, 2


class Malformed(ValueError):
    """The bytes violate the binary format; the message says how and at which offset."""


def read_varint(data: bytes, at: int, end: int, bits: int = 64) -> tuple[int, int]:
    """Read an unsigned number in groups of seven bits, the lowest first.

    Parameters
    ----------
    data
        The bytes.
    at, end
        Offset of the number, and offset after the last byte that it may have.
    bits
        Largest number of bits (default 64).

    Returns
    -------
    tuple[int, int]
        The number, and the offset behind it.

    Raises
    ------
    Malformed
        The number is too long or too large, or the bytes end before it does.
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
    """Iterate over the fields of a message: number, and an int for varints or bytes for the other wire types.

    Raises
    ------
    Malformed
        The bytes are not a message.
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
            raise Malformed(f"{size} bytes are announced at offset {at:#x}, but only {end - at} are left")
        yield number, data[at : at + size]
        at += size
