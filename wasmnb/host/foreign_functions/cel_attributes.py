"""Attributes of a stream as values of CEL expressions. They are looked up when the expression is evaluated.

Strings, headers and metadata are strings in an expression, and values of filter state are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...abi import encode_pairs
from ...abi.text import encode_text
from ..properties.lookup import GROUPS, MessageAttribute, Unserialisable, attribute, serialise, top
from .cel_values import CelError, CelGroup, CelMessage, Duration, Timestamp, Uint

if TYPE_CHECKING:
    from ..contexts.base import Context

__all__ = ["cel_value", "lookup_attribute", "serialise_value"]

_FILTER_STATE = ("filter_state", "upstream_filter_state")

#: Names of attributes with other types than in the hostcall `get_property`, where all numbers have 8 bytes.
_TYPES: dict[str, type[int]] = {
    "time": Timestamp, "duration": Duration, "backend_latency": Duration, "cx_pool_ready_duration": Duration,
    "connection_id": Uint, "id": Uint,
}  # fmt: skip


class _Entries(Mapping[str, Any]):
    """A map of an attribute, such as headers or metadata."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, str):
            raise KeyError(key)
        return cel_value(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class _AttributeGroup(CelGroup):
    """A group of attributes, such as `request` in `request.path`."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name

    def member(self, key: str) -> Any:
        value = attribute(self._context, encode_text(self._name), encode_text(key))
        return value if self._name in _FILTER_STATE else _typed(key, value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _AttributeGroup) and other._name == self._name

    __hash__ = CelGroup.__hash__


def cel_value(value: Any) -> Any:
    """Convert the value of an attribute to a value of an expression."""
    match value:
        case bytes():
            return value.decode("utf-8", "surrogateescape")
        case MessageAttribute():
            return CelMessage(_Entries(value.fields), value.data)
        case Mapping():
            return _Entries(value)
        case list() | tuple():
            return [cel_value(item) for item in value]
    return value


def _typed(name: str, value: Any) -> Any:
    if type(value) is int and name in _TYPES:
        return _TYPES[name](value)
    return cel_value(value)


def lookup_attribute(context: Context, name: str) -> Any:
    """Return the value of an identifier.

    Raises
    ------
    CelError
        There is no such attribute now.
    """
    if name in GROUPS or name in _FILTER_STATE[:1]:
        return _AttributeGroup(context, name)
    value = top(context, encode_text(name))
    if value is None:
        raise CelError(f"No value with name {name!r} found in Activation")
    return value if isinstance(value, bytes) else _typed(name, value)


def serialise_value(value: Any) -> bytes:
    """Encode the value of an expression in the format that modules read. Times before 1678 and after 2261 don't fit, and
    become the first or last time that does.

    Raises
    ------
    Unserialisable
        The value is null, a type or a group of attributes, or contains one.
    """
    match value:
        case Duration() | Timestamp():
            return serialise(min(max(int(value), -(1 << 63)), (1 << 63) - 1))
        case CelMessage():
            return value.data
        case CelGroup() | None:
            raise Unserialisable
        case Mapping():
            return encode_pairs([(serialise_value(k), serialise_value(v)) for k, v in value.items()]) or bytes(4)
        case list() | tuple():
            return encode_pairs([(serialise_value(item), b"") for item in value]) or bytes(4)
    return serialise(value)
