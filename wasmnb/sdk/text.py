"""`str` at the door, bytes inside: the one place where the two meet.

Facts: the ABI carries bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), and
turn back into the same bytes when they are written again.
"""

from collections.abc import Iterable, Mapping

from ..abi import Pair

__all__ = ["PairsLike", "Text", "Value", "decode", "encode", "encode_all"]

#: What a name may be.
Text = str | bytes

#: What a value may be; numbers are written in decimal.
Value = str | bytes | bytearray | memoryview | int

#: What is taken where the ABI wants pairs.
PairsLike = Mapping[str, Value] | Mapping[bytes, Value] | Iterable[tuple[Text, Value]]


def encode(value: Value) -> bytes:
    """Bytes as they are; text and numbers as UTF-8. Anything else (None, a float, a bool) is a TypeError."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % value
    raise TypeError(f"expected str, bytes or int, got {value!r}")


def decode(value: bytes) -> str:
    """UTF-8 text, with surrogates for the bytes that are not."""
    return str(value, "utf-8", "surrogateescape")


def encode_all(pairs: PairsLike | None) -> list[Pair]:
    """A mapping or an iterable of pairs as pairs of bytes, in order."""
    if pairs is None:
        return []
    items: Iterable[tuple[Text, Value]] = pairs.items() if isinstance(pairs, Mapping) else pairs
    return [(encode(name), encode(value)) for name, value in items]
