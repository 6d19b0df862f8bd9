"""Conversion between the `str` values that filters use and the bytes that the ABI passes.

Invalid UTF-8 is decoded to surrogates (`surrogateescape`), which are encoded as the same bytes again. A lone surrogate from a
JSON document can't be written in UTF-8, and is encoded as U+FFFD.
"""

from collections.abc import Iterable, Mapping

from ...abi.text import decode_text, encode_text

__all__ = ["PairsLike", "Text", "Value", "decode", "encode"]

#: Type of arguments that are names.
Text = str | bytes

#: Type of arguments that are values. Ints are written in decimal.
Value = str | bytes | bytearray | memoryview | int

#: Type of arguments that are header maps.
PairsLike = Mapping[str, Value] | Mapping[bytes, Value] | Iterable[tuple[Text, Value]]

# Tuples, because `a | b` creates a new type each time it is evaluated.
_BYTES = (bytes, bytearray, memoryview)
_OBJECT = (dict, list)


def encode(value: Value) -> bytes:
    """Return a value as bytes: text and ints in UTF-8, bytes unchanged. Raises TypeError for other types, also for bool."""
    kind = type(value)
    if kind is bytes:
        return value  # type: ignore[return-value]
    if kind is str:
        return encode_text(value)  # type: ignore[arg-type]
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, _BYTES):
        return bytes(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return b"%d" % value
    hint = ". To send JSON, use json= or set_json()" if isinstance(value, _OBJECT) else ""
    raise TypeError(f"expected str, bytes or int, got {value!r}{hint}")


def decode(value: bytes) -> str:
    """Decode UTF-8. Invalid bytes become surrogates."""
    return decode_text(value)
