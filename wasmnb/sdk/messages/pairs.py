"""Whole header maps, both ways.

By the binding's own functions where it has them, as in Wasm: they take a tenth (writing) to a fifth (reading) of
the instructions that Python code takes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ...abi import Pair, decode_pairs, encode_pairs
from .encoding import PairsLike, Text, Value, decode, encode

__all__ = [
    "breaks",
    "encode_all",
    "encode_value",
    "line_break",
    "read_pairs",
    "read_text_pairs",
    "serialised",
    "serialised_headers",
]

_PAIR = (tuple, list)


def read_pairs(abi: Any, map_type: int) -> list[Pair] | int:
    """Every entry of a header map, or the hostcall's status if it is not OK. A broken layout gives none."""
    native = getattr(abi, "header_pairs", None)
    if native is not None:
        return native(map_type, 0)  # type: ignore[no-any-return]
    status, data = abi.get_header_map_pairs(map_type)
    return int(status) if status else decode_pairs(data) or []


def read_text_pairs(abi: Any, map_type: int) -> list[tuple[str, str]] | int:
    """As `read_pairs`, decoded."""
    native = getattr(abi, "header_pairs", None)
    if native is not None:
        return native(map_type, 1)  # type: ignore[no-any-return]
    found = read_pairs(abi, map_type)
    return found if isinstance(found, int) else [(decode(name), decode(value)) for name, value in found]


def serialised(abi: Any, pairs: PairsLike | None) -> bytes:
    """A mapping or an iterable of pairs as the ABI takes it, in order."""
    if pairs is None or pairs == ():
        return b""
    listed: Any = pairs if type(pairs) is list else list(_items(pairs))
    native = getattr(abi, "encoded", None)
    if native is not None:
        try:
            return native(listed)  # type: ignore[no-any-return]
        except (TypeError, UnicodeEncodeError):  # numbers, surrogates, or what is no pair at all
            pass
    return encode_pairs(encode_all(listed))


def serialised_headers(abi: Any, pairs: PairsLike | None) -> bytes:
    """The same for headers that the proxy does not look at itself: ValueError if one would bring others."""
    data = serialised(abi, pairs)
    if breaks(data):  # maybe in the sizes
        for name, value in decode_pairs(data) or []:
            if breaks(name, value):
                raise ValueError(line_break(name, value))
    return data


def encode_value(name: bytes, value: Value) -> bytes:
    """A header's value as bytes. Raises ValueError if it, or its name, would bring others."""
    try:
        data = encode(value)
    except TypeError as error:
        raise TypeError(f"header {decode(name)!r}: {error}") from None
    if breaks(name, data):
        raise ValueError(line_break(name, data))
    return data


def breaks(*parts: bytes) -> bool:
    """Whether there is a line break in any of these."""
    joined = b"".join(parts)
    return b"\n" in joined or b"\r" in joined


def line_break(name: Text, value: Value) -> str:
    """What to say of a header that would bring others."""
    return f"header {decode(encode(name))!r} cannot be {decode(encode(value))!r}: a line break would end it"


def encode_all(pairs: PairsLike | None) -> list[Pair]:
    """A mapping or an iterable of pairs as pairs of bytes, in order."""
    if pairs is None or pairs == ():
        return []
    items = list(_items(pairs))
    try:
        return [(encode(name), encode(value)) for name, value in items]
    except (TypeError, ValueError):
        raise TypeError(_misfit(items)) from None


def _items(pairs: PairsLike) -> Iterable[Any]:
    # The usual types first: asking the abstract class takes longer than all the rest.
    if type(pairs) is list or type(pairs) is tuple:
        return pairs
    return pairs.items() if isinstance(pairs, (dict, Mapping)) else pairs


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
