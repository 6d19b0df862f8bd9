"""Values of CEL expressions, their comparison and their arithmetic.

Strings, bytes, booleans, signed integers, doubles, lists and null are Python's. The classes here are the other types. A value of
the wrong type, an overflow and a division by zero raise `CelError`.

Reference: https://github.com/google/cel-spec/blob/master/doc/langdef.md#values
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "CelError", "CelGroup", "CelMap", "CelMessage", "Duration", "Timestamp", "TypeName", "Uint", "binary", "has", "member", "negate",
    "truth", "type_name",
]  # fmt: skip

#: Longest string, list or sequence of bytes that `+` creates. Envoy has no limit.
_LONGEST = 1 << 24

_INT, _UINT = 1 << 63, 1 << 64


class CelError(Exception):
    """Error for an expression that can't be evaluated."""


class Uint(int):
    """An unsigned integer."""


class Duration(int):
    """A duration in nanoseconds."""


class Timestamp(int):
    """A time in nanoseconds since 1970."""


@dataclass(frozen=True)
class TypeName:
    """A type, which is a value too."""

    name: str


class CelMap(Mapping[Any, Any]):
    """A map. Keys are strings, booleans and numbers, where numbers of different types are equal.

    Parameters
    ----------
    entries
        Keys and values.

    Raises
    ------
    CelError
        A key has another type, or occurs twice.
    """

    def __init__(self, entries: list[tuple[Any, Any]]) -> None:
        self._entries: dict[tuple[str, Any], tuple[Any, Any]] = {}
        for key, value in entries:
            if type(key) not in (str, bool, int, Uint):
                raise CelError(f"a key of a map can't be a {type_name(key)}")
            if _key(key) in self._entries:
                raise CelError("a key of a map occurs twice")
            self._entries[_key(key)] = key, value

    def __getitem__(self, key: Any) -> Any:
        return self._entries[_key(key)][1]

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)


def _key(key: Any) -> tuple[str, Any]:
    return "number" if _is_number(key) else type_name(key), key


class CelGroup(ABC):
    """A map whose keys can't be listed, such as `request`."""

    @abstractmethod
    def member(self, key: str) -> Any:
        """Return the value of a key, or None."""


@dataclass(frozen=True)
class CelMessage:
    """A protobuf message.

    Attributes
    ----------
    fields
        Values by the name of the field.
    data
        The serialised message.
    """

    fields: Mapping[str, Any]
    data: bytes


_TYPES: dict[type, str] = {
    bool: "bool", int: "int", Uint: "uint", float: "double", str: "string", bytes: "bytes", list: "list", tuple: "list", type(None): "null_type",
    Duration: "google.protobuf.Duration", Timestamp: "google.protobuf.Timestamp", TypeName: "type",
}  # fmt: skip

_NUMBERS = {"int", "uint", "double"}


def type_name(value: Any) -> str:
    """Return the name of a value's type."""
    name = _TYPES.get(type(value))
    return name or ("map" if isinstance(value, Mapping | CelGroup) else "message")


def _is_number(value: Any) -> bool:
    return type_name(value) in _NUMBERS


def truth(value: Any) -> bool:
    """Return the value if it is a boolean.

    Raises
    ------
    CelError
        The value isn't a boolean.
    """
    if not isinstance(value, bool):
        raise CelError("no matching overload: a boolean is required")
    return value


def equal(a: Any, b: Any) -> bool:
    """Return whether two values are equal. Values of different types are different, except numbers."""
    kind = type_name(a)
    if kind != type_name(b):
        return _is_number(a) and _is_number(b) and bool(_alike(a, b) == _alike(b, a))
    if kind == "list":
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return len(a) == len(b) and all(key in b and equal(a[key], b[key]) for key in a)
    return bool(a == b)


def _alike(number: Any, other: Any) -> Any:
    """Convert a number to a double if the other number is one, as Envoy does before it compares them."""
    return float(number) if isinstance(other, float) else number


def _less(a: Any, b: Any) -> bool:
    kind = type_name(a)
    if kind == type_name(b):
        if kind in {"null_type", "list", "map", "type", "message"}:
            raise CelError(f"values of type {kind} have no order")
    elif not (_is_number(a) and _is_number(b)):
        raise CelError(f"{kind} and {type_name(b)} can't be compared")
    return bool(_alike(a, b) < _alike(b, a))


def member(container: Any, key: Any) -> Any:
    """Return an item of a list, or the value of a key.

    Raises
    ------
    CelError
        There is no such item, or the container isn't a list or map.
    """
    if isinstance(container, list | tuple):
        if not _is_number(key) or key != key // 1 or not 0 <= key < len(container):
            raise CelError(f"Index error: index={key} size={len(container)}")
        return container[int(key)]
    entries: Any = container.fields if isinstance(container, CelMessage) else container
    if not isinstance(entries, Mapping | CelGroup):
        raise CelError(f"Applying SELECT to a {type_name(container)}")
    if isinstance(entries, CelGroup):
        value = entries.member(key) if isinstance(key, str) else None
        if value is not None:
            return value
    elif isinstance(key, bool | int | float | str) and key in entries:
        return entries[key]
    raise CelError(f"Key not found in map: {key!r}")


def has(container: Any, name: str) -> bool:
    """Return whether a map has a key, or whether a field of a message isn't empty.

    Raises
    ------
    CelError
        The value isn't a map or message, or the message has no such field.
    """
    if isinstance(container, CelMessage):
        return bool(member(container, name))
    if isinstance(container, CelGroup):
        return container.member(name) is not None
    if isinstance(container, Mapping):
        return name in container
    raise CelError(f"has() can't be applied to a {type_name(container)}")


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, list | tuple):
        return any(equal(item, value) for value in container)
    if type_name(container) != "map" or type_name(item) not in {"bool", "string", *_NUMBERS}:
        raise CelError("no matching overload for in")
    if isinstance(container, CelGroup):
        return isinstance(item, str) and container.member(item) is not None
    return item in container


# -- arithmetic -----------------------------------------------------------------------------------------------------


def _in_range(value: int, kind: str) -> Any:
    low, high = (0, _UINT) if kind == "uint" else (-_INT, _INT)
    if not low <= value < high:
        raise CelError(f"{kind} overflow")
    return Uint(value) if kind == "uint" else value


def negate(value: Any) -> Any:
    """Return `-value`.

    Raises
    ------
    CelError
        The value isn't a signed number, or the result is too large.
    """
    kind = type_name(value)
    if kind == "double":
        return -value
    if kind != "int":
        raise CelError("no matching overload for -")
    return _in_range(-value, kind)


def _add(a: Any, b: Any) -> Any:
    kinds = type_name(a), type_name(b)
    if kinds[0] == kinds[1] and kinds[0] in {"string", "bytes", "list"}:
        if len(a) + len(b) > _LONGEST:
            raise CelError(f"the result of + is longer than {_LONGEST:,}")
        return [*a, *b] if kinds[0] == "list" else a + b
    if {*kinds} == {"google.protobuf.Duration", "google.protobuf.Timestamp"}:
        return Timestamp(int(a) + int(b))
    if kinds[0] == kinds[1] == "google.protobuf.Duration":
        return Duration(int(a) + int(b))
    return _numbers(a, b, "+", lambda x, y: x + y)


def _subtract(a: Any, b: Any) -> Any:
    kinds = type_name(a), type_name(b)
    if kinds[0] == "google.protobuf.Timestamp" and kinds[1] == "google.protobuf.Duration":
        return Timestamp(int(a) - int(b))
    if kinds[0] == kinds[1] and kinds[0] in {"google.protobuf.Duration", "google.protobuf.Timestamp"}:
        return Duration(int(a) - int(b))
    return _numbers(a, b, "-", lambda x, y: x - y)


def _numbers(a: Any, b: Any, operator: str, function: Callable[[Any, Any], Any]) -> Any:
    """Calculate with two numbers of the same type."""
    kind = type_name(a)
    if kind != type_name(b) or kind not in _NUMBERS:
        raise CelError(f"no matching overload for {operator}: {kind}, {type_name(b)}")
    return function(a, b) if kind == "double" else _in_range(function(int(a), int(b)), kind)


def _divide(a: Any, b: Any) -> Any:
    return _numbers(a, b, "/", _float_quotient if isinstance(a, float) else _quotient)


def _quotient(a: int, b: int) -> int:
    if not b:
        raise CelError("divide by zero")
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _float_quotient(a: float, b: float) -> float:
    if b:
        return a / b
    if not a:
        return math.copysign(math.nan, -1.0)  # as x86 does
    return a if math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)


def _modulo(a: Any, b: Any) -> Any:
    if isinstance(a, float):
        raise CelError("no matching overload for %: double, double")
    return _numbers(a, b, "%", _remainder)


def _remainder(a: int, b: int) -> int:
    if (a, b) == (-_INT, -1):
        raise CelError("int overflow")
    return a - b * _quotient(a, b)


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": _less,
    "<=": lambda a, b: _less(a, b) or equal(a, b),
    ">": lambda a, b: _less(b, a),
    ">=": lambda a, b: _less(b, a) or equal(a, b),
    "in": _contains,
    "+": _add,
    "-": _subtract,
    "*": lambda a, b: _numbers(a, b, "*", lambda x, y: x * y),
    "/": _divide,
    "%": _modulo,
}


def binary(operator: str) -> Callable[[Any, Any], Any]:
    """Return the function of a binary operator."""
    return _OPERATORS[operator]
