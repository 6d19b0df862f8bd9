"""Conversion of JSON configurations to dataclasses.

If a context class annotates `config: Settings`, its attribute `config` is a `Settings` object whose fields have been checked.
The annotation can also contain dataclasses, as in `list[Rule]` or `Settings | None`. Annotations without a dataclass are
ignored.

Supported types of fields are str, int, float, bool, None, Any, dataclasses, Enums (by value), `re.Pattern` (compiled from
text), Literal, unions of these, and lists, tuples, sets, frozensets and dicts of these. An error message lists all invalid
fields.
"""

import collections.abc
import dataclasses
import difflib
import enum
import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..errors import ConfigurationError

__all__ = ["build", "declared_settings"]

_UNIONS = (typing.Union, types.UnionType)

#: Name of the package that defines the context classes.
_SDK = __name__.rpartition(".config.")[0]


def declared_settings(*classes: type[Any]) -> Any:
    """Return the annotation of `config` in these context classes, or None if it contains no dataclass.

    Raises
    ------
    ConfigurationError
        The classes annotate `config` differently, although they share one configuration.
    """
    declared = [(cls, kind) for cls in classes if _has_dataclass(kind := _annotation(cls))]
    for cls, kind in declared[1:]:
        first, first_kind = declared[0]
        if kind != first_kind:
            raise ConfigurationError(
                f"{first.__name__} annotates config as {_name(first_kind)}, and {cls.__name__} as {_name(kind)}, "
                "but both share one configuration: use the same annotation in both classes"
            )
    return declared[0][1] if declared else None


def _annotation(cls: type[Any]) -> Any:
    """Return the annotation of `config` in a class or its nearest annotated base class, or None if it isn't annotated."""
    for base in cls.__mro__:
        if "config" in getattr(base, "__annotations__", {}) and not base.__module__.startswith(_SDK):
            return _hints(base).get("config")
    return None


def _hints(cls: type[Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise ConfigurationError(
            f"an annotation of {cls.__name__} can't be evaluated: {error}. Define or import its types in the filter's module."
        ) from None


def build(settings: Any, value: Any, title: str = "the plugin configuration") -> Any:
    """Convert a JSON value to the annotated type of `config`.

    Parameters
    ----------
    settings
        The annotated type: a dataclass, or a type that contains one, such as `list[Rule]`.
    value
        The JSON value.
    title
        Name of the configuration in error messages (default "the plugin configuration").

    Raises
    ------
    ConfigurationError
        The value is invalid. The message lists all invalid fields.
    """
    problems: list[str] = []
    result = _SettingsReader(problems).read(value, settings, "config")
    if problems:
        raise ConfigurationError(f"{title} is invalid: {'; '.join(problems)}")
    return result


class _SettingsReader:
    """Converter of JSON values to annotated types, which collects a description of every problem."""

    def __init__(self, problems: list[str]) -> None:
        self._problems = problems

    def read(self, value: Any, kind: Any, place: str) -> Any:
        """Convert a value to the type `kind`. The result has no meaning if a problem was added to the list.

        Parameters
        ----------
        value
            JSON value.
        kind
            Annotated type.
        place
            Path of the value in error messages, such as `config.rules[0]`.
        """
        kind = _bare(kind)
        origin = typing.get_origin(kind)
        if kind is Any or kind is object:
            return value
        if origin in _UNIONS:
            return self._union(value, kind, place)
        if origin is typing.Literal:
            return value if self._is_one_of(value, typing.get_args(kind)) else self._wrong(value, kind, place)
        reader = _READERS.get(origin or kind)
        if reader is not None:
            return reader(self, value, kind, place)
        if _is_dataclass(kind):
            return self._dataclass(value, kind, place)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return self._enum(value, kind, place)
        self._problems.append(f"{place}: JSON can't be converted to the annotated type {_name(kind)}")
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
        try:
            return float(value) if type(value) in (int, float) else self._wrong(value, kind, place)
        except OverflowError:
            return self._wrong(value, kind, place)

    def _pattern(self, value: Any, kind: Any, place: str) -> Any:
        if not isinstance(value, str):
            return self._wrong(value, kind, place)
        try:
            return re.compile(value)
        except re.error as error:
            self._problems.append(f"{place}: invalid regular expression: {error}")
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
        part, before = args[0] if args else Any, len(self._problems)
        read = [self.read(v, part, f"{place}[{i}]") for i, v in enumerate(value)]
        container = _CONTAINERS.get(typing.get_origin(kind) or kind, list)
        if container is list or len(self._problems) > before:
            return read
        try:
            return container(read)
        except TypeError as error:  # for example, an item of a set is not hashable
            self._problems.append(f"{place}: {error}")
            return None

    def _fixed(self, value: list[Any], kind: Any, args: tuple[Any, ...], place: str) -> Any:
        if len(value) != len(args):
            return self._wrong(value, kind, place)
        return tuple(self.read(v, a, f"{place}[{i}]") for i, (v, a) in enumerate(zip(value, args, strict=True)))

    def _dict(self, value: Any, kind: Any, place: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, kind, place)
        name, part = typing.get_args(kind) or (str, Any)
        return {self._key(k, name, place): self.read(v, part, f"{place}.{k}") for k, v in value.items()}

    def _key(self, key: str, kind: Any, place: str) -> Any:
        """Convert the key of a JSON object, which is always text, to its annotated type."""
        if kind is int and re.fullmatch(r"-?[0-9]{1,20}", key):
            return int(key)
        return self.read(key, kind, f"the key {key!r} of {place}")

    def _union(self, value: Any, kind: Any, place: str) -> Any:
        tried: list[tuple[Any, list[str]]] = []
        for part in typing.get_args(kind):
            problems: list[str] = []
            result = _SettingsReader(problems).read(value, part, place)
            if not problems:
                return result
            if _has_shape(part, value):
                tried.append((part, problems))
        if len(tried) == 1:  # the only type that matches the value's shape: report only its problems
            self._problems += tried[0][1]
            return None
        if not tried:
            return self._wrong(value, kind, place)
        reasons = ", nor ".join(f"{_name(part)} ({'; '.join(problems)})" for part, problems in tried)
        self._problems.append(f"{place}: it is neither {reasons}")
        return None

    def _dataclass(self, value: Any, kind: type[Any], place: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(value, kind, place)
        hints = _hints(kind)
        fields = {f.name: f for f in dataclasses.fields(kind) if f.init}
        before = len(self._problems)
        self._problems += _unknown(value, fields, place)
        values = {n: self.read(value[n], hints[n], f"{place}.{n}") for n in fields if n in value}
        for name, field in fields.items():
            if name not in value and _is_required(field):
                self._problems.append(f"{place}.{name} is missing ({_name(hints[name])})")
        if len(self._problems) > before:
            return None
        try:
            return kind(**values)
        except (ValueError, TypeError) as error:  # raised by the dataclass's __post_init__
            self._problems.append(f"{place}: {error}")
            return None


_READERS: dict[Any, Callable[[_SettingsReader, Any, Any, str], Any]] = {
    str: _SettingsReader._plain,
    int: _SettingsReader._plain,
    bool: _SettingsReader._plain,
    float: _SettingsReader._float,
    None: _SettingsReader._none,
    type(None): _SettingsReader._none,
    re.Pattern: _SettingsReader._pattern,
    list: _SettingsReader._items,
    tuple: _SettingsReader._items,
    set: _SettingsReader._items,
    frozenset: _SettingsReader._items,
    collections.abc.Sequence: _SettingsReader._items,
    dict: _SettingsReader._dict,
    collections.abc.Mapping: _SettingsReader._dict,
}

#: Annotated collection type -> function that converts a list to it.
_CONTAINERS: dict[Any, Callable[[list[Any]], Any]] = {tuple: tuple, set: set, frozenset: frozenset}


def _bare(kind: Any) -> Any:
    """Unwrap Final[...], NewType and `type X = ...`, and return the underlying type."""
    while True:
        if typing.get_origin(kind) is typing.Final:
            kind = typing.get_args(kind)[0]
        elif (inner := getattr(kind, "__supertype__", None) or getattr(kind, "__value__", None)) is not None:
            kind = inner
        else:
            return kind


def _is_dataclass(kind: Any) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _has_dataclass(kind: Any) -> bool:
    return _is_dataclass(kind) or any(map(_has_dataclass, typing.get_args(kind)))


def _has_shape(kind: Any, value: Any) -> bool:
    """Return whether a JSON value has the outer shape (object or list) of a type. Its parts may still be wrong."""
    kind = _bare(kind)
    reader = _READERS.get(typing.get_origin(kind) or kind)
    if isinstance(value, dict):
        return _is_dataclass(kind) or reader is _SettingsReader._dict
    if isinstance(value, list):
        return reader is _SettingsReader._items
    return isinstance(value, str) and reader is _SettingsReader._pattern


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _unknown(value: Iterable[str], fields: dict[str, Any], place: str) -> Iterator[str]:
    """Yield an error message for each name that is not a field, with the most similar field as a suggestion."""
    known = f" (known: {', '.join(fields) or 'nothing'})"
    for name in value:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1)
            hint, known = (f" (did you mean {near[0]}?)", known) if near else (known, "")
            yield f"{place}.{name} is not known{hint}"


def _parts(kind: Any) -> Iterator[str]:
    return (_name(part) for part in typing.get_args(kind))


def _name(kind: Any) -> str:
    """Describe an annotated type for error messages, for example "list of str"."""
    origin = typing.get_origin(kind)
    if origin in _UNIONS:
        return " or ".join(_parts(kind))
    if origin is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(kind)))
    if (origin or kind) is re.Pattern:
        return "a regular expression"
    if origin is not None:
        parts = [p for p in _parts(kind) if p != "..."]
        return f"{_name(origin)} of {', '.join(parts)}" if parts else _name(origin)
    if kind is type(None):
        return "null"
    if kind is ...:
        return "..."
    name = getattr(kind, "__name__", str(kind))
    return f"an object ({name})" if dataclasses.is_dataclass(kind) else name


def _json_name(value: Any) -> str:
    """Describe a JSON value for error messages, for example "a list of 3"."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) < 60 else f"{text[:50]}..."
