"""Configuration as a dataclass: `config: Settings` on a context, and JSON becomes a checked `Settings`.

What a field may be: str, int, float, bool, None, Any, a dataclass, an Enum (by value), `re.Pattern` (compiled from text),
Literal, unions of these, and list, tuple, set, frozenset and dict of these. Every field that does not fit is named, all of
them at once, so that a configuration is mended in one go.
"""

import dataclasses
import difflib
import enum
import re
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

from .errors import ConfigurationError

__all__ = ["build", "declared_settings"]


def declared_settings(*classes: type[Any]) -> type[Any] | None:
    """The dataclass that one of the classes annotates its `config` with, if any does."""
    for cls in classes:
        for base in cls.__mro__:
            if "config" in getattr(base, "__annotations__", {}) and not base.__module__.startswith("wasmnb.sdk"):
                declared = typing.get_type_hints(base).get("config")
                return declared if dataclasses.is_dataclass(declared) and isinstance(declared, type) else None
    return None


def build(settings: type[Any], value: Any) -> Any:
    """Make a dataclass from JSON; `ConfigurationError` names every field that does not fit."""
    problems: list[str] = []
    made = _Reader(problems).read(value, settings, "config")
    if problems:
        raise ConfigurationError("the plugin configuration does not fit: " + "; ".join(problems))
    return made


class _Reader:
    """Turns JSON into the types that annotations ask for, and collects what does not fit."""

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems

    def read(self, value: Any, kind: Any, place: str) -> Any:
        """The value as `kind`; a problem is noted, and what is returned then does not matter."""
        origin = typing.get_origin(kind)
        if kind is Any:
            return value
        if origin in (typing.Union, types.UnionType):
            return self._union(value, kind, place)
        if origin is typing.Literal:
            return value if self._is_one_of(value, typing.get_args(kind)) else self._wrong(value, kind, place)
        reader = _READERS.get(origin or kind)
        if reader is not None:
            return reader(self, value, kind, place)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            return self._dataclass(value, kind, place)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return self._enum(value, kind, place)
        self._problems.append(f"{place}: the annotation {kind!r} is not one that configuration can be read as")
        return None

    def _wrong(self, value: Any, kind: Any, place: str) -> Any:
        self._problems.append(f"{place}: expected {_name(kind)}, got {_json_name(value)}")
        return None

    @staticmethod
    def _is_one_of(value: Any, allowed: tuple[Any, ...]) -> bool:
        return any(type(value) is type(a) and value == a for a in allowed)

    def _plain(self, value: Any, kind: Any, place: str) -> Any:
        return value if type(value) is kind else self._wrong(value, kind, place)

    def _none(self, value: Any, kind: Any, place: str) -> Any:
        return None if value is None else self._wrong(value, kind, place)

    def _float(self, value: Any, kind: Any, place: str) -> Any:
        return float(value) if type(value) in (int, float) else self._wrong(value, kind, place)

    def _pattern(self, value: Any, kind: Any, place: str) -> Any:
        if not isinstance(value, str):
            return self._wrong(value, kind, place)
        try:
            return re.compile(value)
        except re.error as error:
            self._problems.append(f"{place}: not a regular expression: {error}")
            return None

    def _enum(self, value: Any, kind: type[enum.Enum], place: str) -> Any:
        member = next((m for m in kind if type(m.value) is type(value) and m.value == value), None)
        if member is None:
            allowed = ", ".join(repr(m.value) for m in kind)
            self._problems.append(f"{place}: expected one of {allowed}, got {_json_name(value)}")
        return member

    def _items(self, value: Any, kind: Any, place: str) -> Any:
        if not isinstance(value, list):
            return self._wrong(value, kind, place)
        args = typing.get_args(kind)
        if typing.get_origin(kind) is tuple and args and args[-1] is not ...:
            return self._fixed(value, kind, args, place)
        part = args[0] if args else Any
        read = [self.read(v, part, f"{place}[{i}]") for i, v in enumerate(value)]
        made: type[Any] = typing.get_origin(kind) or kind
        return read if made is list or self._problems else made(read)

    def _fixed(self, value: list[Any], kind: Any, args: tuple[Any, ...], place: str) -> Any:
        if len(value) != len(args):
            return self._wrong(value, kind, place)
        return tuple(self.read(v, a, f"{place}[{i}]") for i, (v, a) in enumerate(zip(value, args, strict=True)))

    def _dict(self, value: Any, kind: Any, place: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, kind, place)
        part = (typing.get_args(kind) or (str, Any))[1]
        return {k: self.read(v, part, f"{place}.{k}") for k, v in value.items()}

    def _union(self, value: Any, kind: Any, place: str) -> Any:
        for part in typing.get_args(kind):
            problems: list[str] = []
            made = _Reader(problems).read(value, part, place)
            if not problems:
                return made
        return self._wrong(value, kind, place)

    def _dataclass(self, value: Any, kind: type[Any], place: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, kind, place)
        hints = typing.get_type_hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind) if f.init}
        for name in value.keys() - fields.keys():
            self._problems.append(f"{place}.{name} is not known{_perhaps(name, fields)}")
        before = len(self._problems)
        given = {n: self.read(value[n], hints[n], f"{place}.{n}") for n in fields if n in value}
        for name in fields.keys() - value.keys():
            if _is_required(fields[name]):
                self._problems.append(f"{place}.{name} is missing ({_name(hints[name])})")
        if len(self._problems) > before:
            return None
        try:
            return kind(**given)
        except (ValueError, TypeError) as error:  # its own __post_init__ refuses
            self._problems.append(f"{place}: {error}")
            return None


_READERS: dict[Any, Callable[[_Reader, Any, Any, str], Any]] = {
    str: _Reader._plain,
    int: _Reader._plain,
    bool: _Reader._plain,
    float: _Reader._float,
    None: _Reader._none,
    type(None): _Reader._none,
    re.Pattern: _Reader._pattern,
    list: _Reader._items,
    tuple: _Reader._items,
    set: _Reader._items,
    frozenset: _Reader._items,
    dict: _Reader._dict,
}


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _perhaps(name: str, known: dict[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f" (did you mean {near[0]}?)" if near else f" (known: {', '.join(known) or 'nothing'})"


def _parts(kind: Any) -> Iterator[str]:
    return (_name(part) for part in typing.get_args(kind))


def _name(kind: Any) -> str:
    """An annotation as its author wrote it, more or less."""
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_parts(kind))
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(kind)))
    if origin is not None:
        parts = [p for p in _parts(kind) if p != "..."]
        return f"{_name(origin)} of {', '.join(parts)}" if parts else _name(origin)
    if kind is type(None):
        return "null"
    if kind is ...:
        return "..."
    if dataclasses.is_dataclass(kind):
        return "an object"
    return {"Pattern": "a regular expression"}.get(getattr(kind, "__name__", ""), getattr(kind, "__name__", str(kind)))


def _json_name(value: Any) -> str:
    """A value as JSON calls it, short enough for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return repr(value) if len(repr(value)) < 60 else f"a {type(value).__name__}"
