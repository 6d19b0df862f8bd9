"""Nodes to typed messages, after a schema: which fields a message has, of which type, once or many times.

A message type is a dataclass whose fields carry their protobuf type (see `once` and `many`). Filling one follows proto3:
an absent field has its default, a field of a oneof excludes the others, a field that is not repeated may stand only once.
The text format is strict about how a value is written; YAML and JSON are lenient, as their mapping to protobuf is.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from ..errors import FixtureError, SourceLocation
from .nodes import Block, BlockEntry, Many, Node, Scalar

__all__ = ["fill", "many", "once"]

T = TypeVar("T")

#: Type of a field: a name in `_SCALARS`, an enum (its names with numbers), or a message.
FieldType = str | Mapping[str, int] | type

_INTEGERS = {
    "int32": (-(1 << 31), 1 << 31),
    "int64": (-(1 << 63), 1 << 63),
    "uint32": (0, 1 << 32),
    "uint64": (0, 1 << 64),
}
_TRUE, _FALSE = {"true", "True", "t", "1"}, {"false", "False", "f", "0"}


def once(kind: FieldType, *, oneof: str = "", default: Any = None, json: str = "", least: int | None = None) -> Any:
    """A field that stands at most once.

    Fields of one `oneof` exclude each other; `json` is its name in JSON; `least` is the smallest number that it takes.
    """
    told = {"kind": kind, "oneof": oneof, "many": False, "json": json, "least": least}
    return dataclasses.field(default=default, metadata=told)


def many(kind: FieldType) -> Any:
    """A repeated field."""
    return dataclasses.field(default_factory=list, metadata={"kind": kind, "oneof": "", "many": True, "json": ""})


def fill(message: type[T], node: Node, place: SourceLocation, *, lenient: bool = False) -> T:
    """A message from a node.

    Parameters
    ----------
    message
        A dataclass made with `once` and `many`; its field `place` gets the message's place.
    lenient
        For YAML and JSON: numbers and booleans may stand in quotes, repeated fields are lists, null means absent, names
        may be in camel case.

    Raises
    ------
    FixtureError
        With file, line and field.
    """
    if not isinstance(node, Block):
        raise FixtureError("a message with fields is expected here, not a single value or a list.", place.at(node.line))
    return _Filler(message, place.at(node.line), lenient).fill(node)  # type: ignore[no-any-return]


class _Filler:
    def __init__(self, message: type, place: SourceLocation, lenient: bool) -> None:
        self.message = message
        self.place = place
        self.lenient = lenient
        self.fields = {f.name: f for f in dataclasses.fields(message) if "kind" in f.metadata}
        self.values: dict[str, Any] = {}
        self.lines: dict[str, int] = {}

    def fill(self, block: Block) -> Any:
        for entry in block.entries:
            self.entry(entry)
        return self.message(place=self.place, **self.values)

    def entry(self, entry: BlockEntry) -> None:
        field = self.fields.get(self.name(entry.name))
        if field is None:
            raise FixtureError(self.unknown(entry.name), self.place.into(entry.name, entry.line))
        place = self.place.into(entry.name, entry.line)
        if isinstance(entry.value, Scalar) and entry.value.kind == "null" and self.lenient:
            return
        kind = field.metadata["kind"]
        if field.metadata["many"]:
            nodes = self.items(entry.value, place)
            self.values.setdefault(field.name, []).extend(self.value(kind, n, place.at(n.line)) for n in nodes)
        else:
            self.check_once(field, place)
            value = self.values[field.name] = self.value(kind, entry.value, place)
            least = field.metadata["least"]
            if least is not None and value < least:
                raise FixtureError(f"it has to be at least {least}, not {value}.", place)
        self.lines.setdefault(field.name, entry.line)

    def name(self, name: str) -> str:
        """A field's name as the schema has it; camel case is JSON's way to write it."""
        if name in self.fields or not self.lenient:
            return name
        exact = next((f.name for f in self.fields.values() if f.metadata["json"] == name), None)
        return exact or "".join(f"_{c.lower()}" if c.isupper() else c for c in name)

    def unknown(self, name: str) -> str:
        names = [(self.lenient and field.metadata["json"]) or field.name for field in self.fields.values()]
        names += getattr(self.message, "by_hand", ())
        close = get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}."
        return f"{self.message.__name__} has no field {name!r}; {hint}"

    def check_once(self, field: dataclasses.Field[Any], place: SourceLocation) -> None:
        if field.name in self.lines:
            raise FixtureError(f"it is given a second time; the first is on line {self.lines[field.name]}.", place)
        oneof = field.metadata["oneof"]
        for other in self.lines:
            if oneof and self.fields[other].metadata["oneof"] == oneof:
                raise FixtureError(f"it excludes {other!r}, which line {self.lines[other]} gives.", place)

    def items(self, node: Node, place: SourceLocation) -> tuple[Node, ...]:
        if isinstance(node, Many):
            return node.items
        if self.lenient:
            raise FixtureError(
                "a list is expected here, since the field is repeated: write its values after dashes.", place
            )
        return (node,)

    def value(self, kind: FieldType, node: Node, place: SourceLocation) -> Any:
        if isinstance(node, Many):
            raise FixtureError("a single value is expected here, not a list.", place)
        if isinstance(kind, type):
            return fill(kind, node, place, lenient=self.lenient)
        if isinstance(node, Block):
            raise FixtureError(f"a value is expected here ({_describe(kind)}), not a message.", place)
        if isinstance(kind, Mapping):
            return _enum(kind, node, place)
        return _SCALARS[kind](node, place, kind, self.lenient)


def _describe(kind: FieldType) -> str:
    return " or ".join(kind) if isinstance(kind, Mapping) else str(kind)


def _enum(kind: Mapping[str, int], node: Scalar, place: SourceLocation) -> int:
    if node.kind == "number" and node.text.lstrip("-").isdigit() and int(node.text) in kind.values():
        return int(node.text)
    if node.text not in kind:
        raise FixtureError(f"{node.text!r} is none of {', '.join(kind)}.", place)
    return kind[node.text]


def _bytes(node: Scalar, place: SourceLocation, _kind: str, lenient: bool) -> bytes:
    if node.kind != "string" and not lenient:
        raise FixtureError(f"text in quotes is expected, not {node.text!r}.", place)
    return node.data


def _string(node: Scalar, place: SourceLocation, kind: str, lenient: bool) -> str:
    try:
        return _bytes(node, place, kind, lenient).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FixtureError(f"this text has to be UTF-8: {error.reason} at byte {error.start}.", place) from error


def _bool(node: Scalar, place: SourceLocation, _kind: str, lenient: bool) -> bool:
    if (lenient or node.kind != "string") and node.text in _TRUE | _FALSE:
        return node.text in _TRUE
    raise FixtureError(f"true or false is expected, not {node.text!r}.", place)


def _integer(node: Scalar, place: SourceLocation, kind: str, lenient: bool) -> int:
    low, high = _INTEGERS[kind]
    value = _number(node.text) if node.kind == "number" or (lenient and node.kind == "string") else None
    if value is None:
        raise FixtureError(f"a whole number is expected, not {node.text!r}.", place)
    if not low <= value < high:
        raise FixtureError(f"{node.text} does not fit into {kind} ({low} to {high - 1}).", place)
    return value


def _number(text: str) -> int | None:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    try:
        if digits[:2].lower() == "0x":
            return sign * int(digits, 16)
        if digits.isdigit():
            return sign * int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)
        value = float(text)  # 1e3, which JSON and YAML may write
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


_SCALARS: dict[str, Callable[[Scalar, SourceLocation, str, bool], Any]] = {
    "bytes": _bytes, "string": _string, "bool": _bool, **dict.fromkeys(_INTEGERS, _integer),
}  # fmt: skip
