"""Functions that read and serialise whole header maps.

In Wasm, they call functions of the binding, which need only a tenth (for writing) to a fifth (for reading) of the instructions
of the Python code.
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
    """Return all entries of a header map as pairs of bytes, or the hostcall's status if it is not OK.

    If the map's serialised form is invalid, the result is an empty list.
    """
    native = getattr(abi, "header_pairs", None)
    if native is not None:
        return native(map_type, 0)  # type: ignore[no-any-return]
    status, data = abi.get_header_map_pairs(map_type)
    return int(status) if status else decode_pairs(data) or []


def read_text_pairs(abi: Any, map_type: int) -> list[tuple[str, str]] | int:
    """Return all entries of a header map as pairs of str, or the hostcall's status if it is not OK."""
    native = getattr(abi, "header_pairs", None)
    if native is not None:
        return native(map_type, 1)  # type: ignore[no-any-return]
    pairs = read_pairs(abi, map_type)
    return pairs if isinstance(pairs, int) else [(decode(name), decode(value)) for name, value in pairs]


def serialised(abi: Any, pairs: PairsLike | None) -> bytes:
    """Serialise headers (a mapping or pairs) in the format that hostcalls expect, in order."""
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
    """Serialise headers, and raise ValueError if one contains a line break. Used for hostcalls that don't check line breaks."""
    data = serialised(abi, pairs)
    if has_line_break(data):  # the byte may also belong to a size field
        for name, value in decode_pairs(data) or []:
            if has_line_break(name, value):
                raise ValueError(line_break_message(name, value))
    return data


def encode_value(name: bytes, value: Value) -> bytes:
    """Return a header's value as bytes. Raises ValueError if its name or value contains a line break."""
    try:
        data = encode(value)
    except TypeError as error:
        raise TypeError(f"header {decode(name)!r}: {error}") from None
    if has_line_break(name, data):
        raise ValueError(line_break_message(name, data))
    return data


def has_line_break(*parts: bytes) -> bool:
    """Return whether any of the parts contains a line break."""
    joined = b"".join(parts)
    return b"\n" in joined or b"\r" in joined


def line_break_message(name: Text, value: Value) -> str:
    """Return the error message for a header whose name or value contains a line break."""
    return (
        f"header {decode(encode(name))!r} can't be set to {decode(encode(value))!r}: a line break would end it. "
        "Remove line breaks from names and values"
    )


def encode_all(pairs: PairsLike | None) -> list[Pair]:
    """Encode headers (a mapping or pairs) as a list of pairs of bytes, in order."""
    if pairs is None or pairs == ():
        return []
    items = list(_items(pairs))
    try:
        return [(encode(name), encode(value)) for name, value in items]
    except (TypeError, ValueError):
        raise TypeError(_misfit(items)) from None


def _items(pairs: PairsLike) -> Iterable[Any]:
    # Checks the usual types first, because a check of the abstract class takes longer than everything else here.
    if type(pairs) is list or type(pairs) is tuple:
        return pairs
    return pairs.items() if isinstance(pairs, (dict, Mapping)) else pairs


def _misfit(items: Iterable[Any]) -> str:
    """Return the error message for headers that can't be encoded."""
    for item in items:
        if not isinstance(item, _PAIR) or len(item) != 2:
            return f"expected headers as a mapping or as (name, value) pairs, got {item!r}"
        try:
            encode(item[0])
            encode(item[1])
        except TypeError as error:
            return f"{item[0]!r}: {error}"
    return "expected headers as a mapping or as (name, value) pairs"
