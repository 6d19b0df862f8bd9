"""Conversion between `str` for authors and bytes for the ABI.

Facts: the ABI passes bytes and never decodes them. Bytes that are not UTF-8 become surrogates (`surrogateescape`), which
are encoded as the same bytes again. A lone surrogate, which JSON can have and UTF-8 can't, is encoded as U+FFFD. Envoy
refuses line breaks in requests to the upstream, but writes them to the client, where the text after one is another header.
"""

from collections.abc import Iterable, Mapping

from ...abi.text import decode_text, encode_text

__all__ = ["PairsLike", "Text", "Value", "decode", "encode"]

#: Type of names in arguments.
Text = str | bytes

#: Type of values in arguments; numbers are written in decimal.
Value = str | bytes | bytearray | memoryview | int

#: Type of header maps in arguments.
PairsLike = Mapping[str, Value] | Mapping[bytes, Value] | Iterable[tuple[Text, Value]]

# Tuples, since `a | b` makes a type each time it is evaluated.
_BYTES = (bytes, bytearray, memoryview)
_OBJECT = (dict, list)


def encode(value: Value) -> bytes:
    """Return bytes unchanged, and text and ints as UTF-8. Raises TypeError for other types (None, float, bool)."""
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
    hint = " (for JSON, use json=... or set_json())" if isinstance(value, _OBJECT) else ""
    raise TypeError(f"expected str, bytes or int, got {value!r}{hint}")


def decode(value: bytes) -> str:
    """Decode UTF-8; other bytes become surrogates."""
    return decode_text(value)
