"""LEB128 numbers, names, vectors, sections and value types of WebAssembly's binary format.

Reference: https://webassembly.github.io/spec/core/binary/. A `Reader` never reads beyond its end. If a file is truncated or
contains a wrong length, it raises `Malformed` with the offset.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ..abi.protobuf_wire import Malformed, read_varint
from ..abi.protobuf_wire import write_varint as unsigned
from ..abi.text import encode_text

__all__ = [
    "CORE_MAGIC", "I32", "NUMBER_TYPES", "VALUE_TYPES", "Malformed", "Reader", "name", "section", "signed", "unsigned",
    "vector",
]  # fmt: skip

#: Names of value types by their byte: number types, which every module can use, and all value types.
NUMBER_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64"}
VALUE_TYPES = {**NUMBER_TYPES, 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}

#: Byte of the value type i32.
I32 = 0x7F

#: First bytes of a core module: magic and version.
CORE_MAGIC = b"\0asm\x01\0\0\0"

T = TypeVar("T")


class Reader:
    """Reader of `data[at:end]` from left to right.

    Parameters
    ----------
    data
        The bytes to read from.
    at
        Offset of the first byte to read (default 0).
    end
        Offset after the last byte to read (default: the end of `data`).
    """

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.at = at
        self.end = len(data) if end is None else end

    @property
    def more(self) -> bool:
        """Whether there are more bytes to read."""
        return self.at < self.end

    def byte(self) -> int:
        """Read one byte."""
        if self.at >= self.end:
            raise Malformed(f"the file ends in the middle of an item, at offset {self.at:#x}")
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, size: int) -> bytes:
        """Read `size` bytes."""
        start = self.skip(size)
        return self.data[start : self.at]

    def skip(self, size: int) -> int:
        """Move forward by `size` bytes, and return the previous offset."""
        start = self.at
        if size > self.end - start:
            raise Malformed(
                f"the item at offset {start:#x} should have {size} bytes, but only {self.end - start} are left"
            )
        self.at += size
        return start

    def unsigned(self, bits: int = 32) -> int:
        """Read an unsigned number of at most `bits` bits."""
        value, self.at = read_varint(self.data, self.at, self.end, bits)
        return value

    u32 = unsigned

    def signed(self) -> int:
        """Read a signed number of at most 64 bits."""
        result = shift = 0
        while True:
            byte = self.byte()
            result |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return result - (1 << shift) if byte & 0x40 else result
            if shift > 70:
                raise Malformed(f"a number at offset {self.at:#x} is too long")

    def name(self) -> str:
        """Read the length of a name in bytes, and then the name, which is UTF-8."""
        start = self.at
        try:
            return self.bytes(self.u32()).decode()
        except UnicodeDecodeError:
            raise Malformed(f"the name at offset {start:#x} isn't valid UTF-8") from None

    def vector(self, item: Callable[[], T]) -> list[T]:
        """Read the number of items, and then the items."""
        count = self.u32()
        if count > self.end - self.at:
            raise Malformed(
                f"the vector at offset {self.at:#x} should have {count} items, but only {self.end - self.at} bytes are left"
            )
        return [item() for _ in range(count)]

    def sections(self) -> Iterator[tuple[int, int, int]]:
        """Read all sections up to the end, and yield the number of each section with the start and end of its contents."""
        while self.more:
            number, size = self.byte(), self.u32()
            start = self.skip(size)
            yield number, start, self.at


def signed(value: int) -> bytes:
    """Encode a signed number."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def name(text: str) -> bytes:
    """Encode a name as its length and its UTF-8 bytes."""
    data = encode_text(text)
    return unsigned(len(data)) + data


def vector(items: Iterable[bytes]) -> bytes:
    """Encode a vector as its number of items and the items."""
    items = list(items)
    return unsigned(len(items)) + b"".join(items)


def section(number: int, body: bytes) -> bytes:
    """Encode a section as its number, its size and its contents."""
    return bytes((number,)) + unsigned(len(body)) + body
