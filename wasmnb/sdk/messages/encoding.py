"""`str` at the door, bytes inside: the one place where the two meet.

Facts: the ABI carries bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), and
turn back into the same bytes when they are written again. Half of a pair, which JSON can spell and UTF-8 cannot, is
written as U+FFFD. Envoy refuses line breaks in what goes upstream; to the client it writes them, and what follows is a
header of its own.
"""

from collections.abc import Iterable, Mapping

__all__ = ["PairsLike", "Text", "Value", "decode", "encode"]

#: What a name may be.
Text = str | bytes

#: What a value may be; numbers are written in decimal.
Value = str | bytes | bytearray | memoryview | int

#: What is taken where the ABI wants pairs.
PairsLike = Mapping[str, Value] | Mapping[bytes, Value] | Iterable[tuple[Text, Value]]

# Tuples, since `a | b` builds a type each time that it is run.
_BYTES = (bytes, bytearray, memoryview)
_OBJECT = (dict, list)


def encode(value: Value) -> bytes:
    """Bytes as they are; text and numbers as UTF-8. Anything else (None, a float, a bool) is a TypeError."""
    kind = type(value)
    if kind is bytes:
        return value  # type: ignore[return-value]
    if kind is str:
        try:
            return value.encode()  # type: ignore[union-attr]
        except UnicodeEncodeError:
            pass
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
