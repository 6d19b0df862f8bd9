"""`str` at the door, bytes inside: the one place where the two meet.

Facts: the ABI carries bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), and
turn back into the same bytes when they are written again. Half of a pair, which JSON can spell and UTF-8 cannot, is
written as U+FFFD. Envoy refuses line breaks in what goes upstream; to the client it writes them, and what follows is a
header of its own.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ..abi import Pair

__all__ = ["PairsLike", "Text", "Value", "decode", "encode", "encode_all", "encode_headers"]

#: What a name may be.
Text = str | bytes

#: What a value may be; numbers are written in decimal.
Value = str | bytes | bytearray | memoryview | int

#: What is taken where the ABI wants pairs.
PairsLike = Mapping[str, Value] | Mapping[bytes, Value] | Iterable[tuple[Text, Value]]

# Tuples, since `a | b` builds a type each time that it is run.
_BYTES = (bytes, bytearray, memoryview)
_PAIR = (tuple, list)
_OBJECT = (dict, list)


def encode(value: Value) -> bytes:
    """Bytes as they are; text and numbers as UTF-8. Anything else (None, a float, a bool) is a TypeError."""
    if isinstance(value, str):
        try:
            return value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
    if isinstance(value, _BYTES):
        return bytes(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % value
    hint = " (for JSON, use json=... or set_json())" if isinstance(value, _OBJECT) else ""
    raise TypeError(f"expected str, bytes or int, got {value!r}{hint}")


def decode(value: bytes) -> str:
    """UTF-8 text, with surrogates for the bytes that are not."""
    return str(value, "utf-8", "surrogateescape")


def encode_all(pairs: PairsLike | None) -> list[Pair]:
    """A mapping or an iterable of pairs as pairs of bytes, in order."""
    if pairs is None:
        return []
    items = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    try:
        return [(encode(name), encode(value)) for name, value in items]
    except (TypeError, ValueError):
        raise TypeError(_misfit(items)) from None


def encode_headers(pairs: PairsLike | None) -> list[Pair]:
    """The same for headers that the proxy does not look at itself: ValueError if one would bring others."""
    encoded = encode_all(pairs)
    for name, value in encoded:
        if b"\n" in value or b"\r" in value or b"\n" in name or b"\r" in name:
            raise ValueError(f"header {decode(name)!r} cannot be {decode(value)!r}: a line break would end it")
    return encoded


def _misfit(items: Iterable[Any]) -> str:
    """What is wrong with pairs of which one cannot be encoded."""
    for item in items:
        if not isinstance(item, _PAIR) or len(item) != 2:
            return f"expected names and values, as a mapping or in pairs, got {item!r}"
        try:
            encode(item[0])
            encode(item[1])
        except TypeError as error:
            return f"{item[0]!r}: {error}"
    return "expected names and values"
