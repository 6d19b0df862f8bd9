"""Reads and serialises whole header maps.

The binding's own functions are used if it has them, as in Wasm: they need a tenth (writing) to a fifth (reading) of the
instructions that the Python code needs.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...abi import Pair, decode_pairs, encode_pairs
from .encoding import PairsLike, Text, Value, decode, encode

__all__ = [
    "encode_all",
    "encode_value",
    "has_line_break",
    "line_break_message",
    "read_pairs",
    "read_text_pairs",
    "serialised",
    "serialised_headers",
]

_PAIR = (tuple, list)


def read_pairs(abi: Any, map_type: int) -> list[Pair] | int:
    """Return every entry of a header map, or the hostcall's status if it is not OK. A map with an invalid layout counts as empty."""
    native = getattr(abi, "header_pairs", None)
    if native is not None:
        return native(map_type, 0)  # type: ignore[no-any-return]
    status, data = abi.get_header_map_pairs(map_type)
    return int(status) if status else decode_pairs(data) or []


def read_text_pairs(abi: Any, map_type: int) -> list[tuple[str, str]] | int:
    """Return the decoded result of `read_pairs`."""
    native = getattr(abi, "header_pairs", None)
    if native is not None:
        return native(map_type, 1)  # type: ignore[no-any-return]
    pairs = read_pairs(abi, map_type)
    return pairs if isinstance(pairs, int) else [(decode(name), decode(value)) for name, value in pairs]


def serialised(abi: Any, pairs: PairsLike | None) -> bytes:
    """Serialise a mapping or an iterable of pairs for the ABI, in order."""
    if pairs is None or pairs == ():
        return b""
    listed: Any = pairs if type(pairs) is list else list(_items(pairs))
    native: Callable[[list[Any]], bytes] | None = getattr(abi, "encoded", None)
    if native is None:
        return encode_pairs(encode_all(listed))
    try:
        return native(listed)
    except (TypeError, UnicodeEncodeError):  # numbers, surrogates, or items that are not pairs
        return native(encode_all(listed))


def serialised_headers(abi: Any, pairs: PairsLike | None) -> bytes:
    """Serialise headers that the proxy doesn't check. Raises ValueError if one has a line break."""
    data = serialised(abi, pairs)
    if has_line_break(data):  # it may be a byte of the sizes
        for name, value in decode_pairs(data) or []:
            if has_line_break(name, value):
                raise ValueError(line_break_message(name, value))
    return data


def encode_value(name: bytes, value: Value) -> bytes:
    """Return a header's value as bytes. Raises ValueError if the value or the name has a line break."""
    try:
        data = encode(value)
    except TypeError as error:
        raise TypeError(f"header {decode(name)!r}: {error}") from None
    if has_line_break(name, data):
        raise ValueError(line_break_message(name, data))
    return data


def has_line_break(*parts: bytes) -> bool:
    """Return whether any of the parts has a line break."""
    joined = b"".join(parts)
    return b"\n" in joined or b"\r" in joined


def line_break_message(name: Text, value: Value) -> str:
    """Return the error message for a header with a line break."""
    return f"header {decode(encode(name))!r} can't be set to {decode(encode(value))!r}: a line break would end it"


def encode_all(pairs: PairsLike | None) -> list[Pair]:
    """Return a mapping or an iterable of pairs as pairs of bytes, in order."""
    if pairs is None or pairs == ():
        return []
    items = list(_items(pairs))
    try:
        return [(encode(name), encode(value)) for name, value in items]
    except (TypeError, ValueError):
        raise TypeError(_misfit(items)) from None


def _items(pairs: PairsLike) -> Iterable[Any]:
    # The usual types first: checking the abstract class takes longer than the rest.
    if type(pairs) is list or type(pairs) is tuple:
        return pairs
    return pairs.items() if isinstance(pairs, (dict, Mapping)) else pairs


def _misfit(items: Iterable[Any]) -> str:
    """Return the error message for pairs if one of them can't be encoded."""
    for item in items:
        if not isinstance(item, _PAIR) or len(item) != 2:
            return f"expected a mapping or (name, value) pairs, got {item!r}"
        try:
            encode(item[0])
            encode(item[1])
        except TypeError as error:
            return f"{item[0]!r}: {error}"
    return "expected a mapping or (name, value) pairs"
