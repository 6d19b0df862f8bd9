"""DER, as far as keys and signatures need it: sequences and integers."""

from __future__ import annotations

__all__ = ["Invalid", "integer", "integers", "item", "sequence", "sequence_of"]


class Invalid(Exception):
    """A key or signature that is none; the message is for the result."""


def item(data: bytes, at: int = 0) -> tuple[int, bytes, int]:
    """Tag, content and end of one DER value."""
    if at + 2 > len(data):
        raise Invalid("truncated DER")
    tag, size, at = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[at : at + count], "big"), at + count
    if at + size > len(data):
        raise Invalid("truncated DER")
    return tag, data[at : at + size], at + size


def sequence(data: bytes) -> list[tuple[int, bytes]]:
    """The parts of a DER sequence's content."""
    found, at = [], 0
    while at < len(data):
        tag, content, at = item(data, at)
        found.append((tag, content))
    return found


def integers(data: bytes) -> list[int]:
    """A DER sequence of integers."""
    return [int.from_bytes(content, "big") for tag, content in sequence(item(data)[1]) if tag == 2]


def integer(value: int) -> bytes:
    """A number that is not negative, as DER."""
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(raw))) + raw


def sequence_of(*parts: bytes) -> bytes:
    """A sequence of at most 127 bytes, as DER."""
    body = b"".join(parts)
    return bytes((0x30, len(body))) + body
