"""`str` at the door, bytes inside: the one place where the two meet.

Facts: the ABI carries bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), and
turn back into the same bytes when they are written again. Half of a pair, which JSON can spell and UTF-8 cannot, is
written as U+FFFD. Envoy writes a line break in a header's value as it is, so that a value could bring headers of its own.
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
    """A mapping or an iterable of pairs as pairs of bytes, in order. ValueError if one would end before its end."""
    if pairs is None:
        return []
    items: Iterable[tuple[Text, Value]] = pairs.items() if isinstance(pairs, Mapping) else pairs
    encoded: list[Pair] = []
    for item in items:
        if not isinstance(item, _PAIR) or len(item) != 2:
            raise TypeError(f"expected names and values, as a mapping or in pairs, got {pairs!r}")
        encoded.append(_pair(*item))
    return encoded


def _pair(name: Text, value: Value) -> Pair:
    try:
        pair = encode(name), encode(value)
    except TypeError as error:
        raise TypeError(f"{name!r}: {error}") from None
    both = b"".join(pair)
    if b"\n" in both or b"\r" in both or b"\0" in both:
        raise ValueError(f"{name!r} cannot be {value!r}: a line break or a null would end it")
    return pair
