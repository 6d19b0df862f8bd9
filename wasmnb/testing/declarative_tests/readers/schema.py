"""Conversion of nodes to typed messages with a schema.

The type of a message is a dataclass whose fields have protobuf types (`once` and `many`). The rules are those of proto3: a
missing field has its default, only one field of a oneof can be set, and a field that isn't repeated occurs at most once. In the
text format, each type of value has a strict notation. In YAML and JSON, other notations are accepted, as in protobuf's JSON
mapping.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from ....parsing.field_names import declared_name
from ..errors import FixtureError, SourceLocation
from .nodes import BlockEntry, Many, MessageNode, Scalar, SyntaxNode

__all__ = ["fill", "many", "once"]

T = TypeVar("T")

#: Type of a field: a name in `_SCALARS`, a dict from names to numbers for an enum, or the dataclass of a message.
FieldType = str | Mapping[str, int] | type

_INTEGERS = {
    "int32": (-(1 << 31), 1 << 31),
    "int64": (-(1 << 63), 1 << 63),
    "uint32": (0, 1 << 32),
    "uint64": (0, 1 << 64),
}
_TRUE, _FALSE = {"true", "True", "t", "1"}, {"false", "False", "f", "0"}


def once(kind: FieldType, *, oneof: str = "", default: Any = None, json: str = "", least: int | None = None) -> Any:
    """Return a dataclass field for a protobuf field that occurs at most once.

    Parameters
    ----------
    kind
        Type of the field.
    oneof
        Name of the field's oneof (default '': none). Only one field of a oneof can be set.
    default
        Value if the field is missing (default None).
    json
        Name of the field in JSON (default '': the field's name in camel case).
    least
        Smallest allowed number (default: no limit).
    """
    metadata = {"kind": kind, "oneof": oneof, "many": False, "json": json, "least": least}
    return dataclasses.field(default=default, metadata=metadata)


def many(kind: FieldType) -> Any:
    """Return a dataclass field for a repeated protobuf field."""
    return dataclasses.field(default_factory=list, metadata={"kind": kind, "oneof": "", "many": True, "json": ""})


def fill(message: type[T], node: SyntaxNode, place: SourceLocation, *, lenient: bool = False) -> T:
    """Convert a node to a message.

    Parameters
    ----------
    message
        Dataclass of the message, with fields created by `once` and `many`, and a field `place` for the location.
    node
        The node to convert.
    place
        Location of the node.
    lenient
        Whether to use the rules of YAML and JSON: numbers and booleans can be in quotes, repeated fields are lists, null means
        that a field is missing, and names can be in camel case (default False).

    Returns
    -------
    T
        The message.

    Raises
    ------
    FixtureError
        The node doesn't match the schema. The message contains the file, the line and the field.
    """
    if not isinstance(node, MessageNode):
        raise FixtureError("this must be a message with fields, not a value or a list.", place.at(node.line))
    return _Filler(message, place.at(node.line), lenient).fill(node)  # type: ignore[no-any-return]


class _Filler:
    def __init__(self, message: type, place: SourceLocation, lenient: bool) -> None:
        self.message = message
        self.place = place
        self.lenient = lenient
        self.fields = {f.name: f for f in dataclasses.fields(message) if "kind" in f.metadata}
        self.values: dict[str, Any] = {}
        self.lines: dict[str, int] = {}

    def fill(self, block: MessageNode) -> Any:
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
                raise FixtureError(f"{value} is too small. Write a number of at least {least}.", place)
        self.lines.setdefault(field.name, entry.line)

    def name(self, name: str) -> str:
        """Convert the name of a field, which can be in camel case in JSON, to its name in the schema."""
        if name in self.fields or not self.lenient:
            return name
        exact = next((f.name for f in self.fields.values() if f.metadata["json"] == name), None)
        return exact or declared_name(name)

    def unknown(self, name: str) -> str:
        names = [(self.lenient and field.metadata["json"]) or field.name for field in self.fields.values()]
        names += getattr(self.message, "by_hand", ())
        close = get_close_matches(name, names, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}."
        return f"{self.message.__name__} has no field {name!r}; {hint}"

    def check_once(self, field: dataclasses.Field[Any], place: SourceLocation) -> None:
        if field.name in self.lines:
            raise FixtureError(
                f"this field may occur only once. Remove it here or on line {self.lines[field.name]}.", place
            )
        oneof = field.metadata["oneof"]
        for other in self.lines:
            if oneof and self.fields[other].metadata["oneof"] == oneof:
                raise FixtureError(
                    f"this field excludes {other!r} of line {self.lines[other]}. Remove one of them.", place
                )

    def items(self, node: SyntaxNode, place: SourceLocation) -> tuple[SyntaxNode, ...]:
        if isinstance(node, Many):
            return node.items
        if self.lenient:
            raise FixtureError(
                "this field is repeated, so its value must be a list. Write each item after a dash.", place
            )
        return (node,)

    def value(self, kind: FieldType, node: SyntaxNode, place: SourceLocation) -> Any:
        if isinstance(node, Many):
            raise FixtureError("this field must have a single value, not a list.", place)
        if isinstance(kind, type):
            return fill(kind, node, place, lenient=self.lenient)
        if isinstance(node, MessageNode):
            raise FixtureError(f"this field must be a value of type {_describe(kind)}, not a message.", place)
        if isinstance(kind, Mapping):
            return _enum(kind, node, place)
        return _SCALARS[kind](node, place, kind, self.lenient)


def _describe(kind: FieldType) -> str:
    return " or ".join(kind) if isinstance(kind, Mapping) else str(kind)


def _enum(kind: Mapping[str, int], node: Scalar, place: SourceLocation) -> int:
    if node.kind == "number" and node.text.lstrip("-").isdigit() and int(node.text) in kind.values():
        return int(node.text)
    if node.text not in kind:
        raise FixtureError(f"unknown value {node.text!r}. Use one of {', '.join(kind)}.", place)
    return kind[node.text]


def _bytes(node: Scalar, place: SourceLocation, _kind: str, lenient: bool) -> bytes:
    if node.kind != "string" and not lenient:
        raise FixtureError(f"{node.text!r} must be text in quotes.", place)
    return node.data


def _string(node: Scalar, place: SourceLocation, kind: str, lenient: bool) -> str:
    try:
        return _bytes(node, place, kind, lenient).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FixtureError(
            f"the text is not valid UTF-8: {error.reason} at byte {error.start}. Save the file as UTF-8.", place
        ) from error


def _bool(node: Scalar, place: SourceLocation, _kind: str, lenient: bool) -> bool:
    if (lenient or node.kind != "string") and node.text in _TRUE | _FALSE:
        return node.text in _TRUE
    raise FixtureError(f"{node.text!r} is not a boolean. Write true or false.", place)


def _integer(node: Scalar, place: SourceLocation, kind: str, lenient: bool) -> int:
    low, high = _INTEGERS[kind]
    value = _number(node.text) if node.kind == "number" or (lenient and node.kind == "string") else None
    if value is None:
        raise FixtureError(f"{node.text!r} is not a whole number.", place)
    if not low <= value < high:
        raise FixtureError(f"{node.text} is out of the range of {kind}. Use {low} to {high - 1}.", place)
    return value


def _number(text: str) -> int | None:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    try:
        if digits[:2].lower() == "0x":
            return sign * int(digits, 16)
        if digits.isdigit():
            return sign * int(digits, 8 if len(digits) > 1 and digits[0] == "0" else 10)
        value = float(text)  # JSON and YAML accept notations such as 1e3 for ints
    except ValueError:
        return None
    return int(value) if math.isfinite(value) and value == int(value) else None


_SCALARS: dict[str, Callable[[Scalar, SourceLocation, str, bool], Any]] = {
    "bytes": _bytes, "string": _string, "bool": _bool, **dict.fromkeys(_INTEGERS, _integer),
}  # fmt: skip
