"""Readers for the fields of a message, which check types and report the position of a field in errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from ..._display import short
from ...errors import UsageError
from ...parsing.durations import duration_seconds
from ...parsing.yaml_lines import Located, line_of
from .schema import suggestion

__all__ = ["ArgumentFields", "Fields"]

#: Maximum number of bits of a number that is accepted as text.
_BITS = 64


class Fields(ABC):
    """Reader of the fields of messages. A missing or null field is empty. A field of the wrong type raises `UsageError`."""

    @abstractmethod
    def fail(self, message: str, holder: Any, key: str = "") -> UsageError:
        """Create an error with the position of the field.

        Parameters
        ----------
        message
            Sentence about the error.
        holder
            The message that contains the field.
        key
            Name of the field. By default (empty), the error is about the whole message.
        """

    @abstractmethod
    def unknown(self, holder: Mapping[str, Any], key: str, kind: str) -> None:
        """Handle a field that isn't defined for this kind of message.

        Parameters
        ----------
        holder
            The message that contains the field.
        key
            Name of the field.
        kind
            Name of the message in Envoy's API.
        """

    def wrong(self, holder: Any, key: str, required: str, value: Any) -> UsageError:
        """Create an error for a field with the wrong type or value. `required` describes valid values, such as `a list`."""
        shown = "a mapping" if isinstance(value, Mapping) else short(_shown(value), 60)
        return self.fail(f"{key} must be {required}, not {shown}.", holder, key)

    def mapping(self, holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Return a field that must be a mapping."""
        value = holder.get(key)
        if value is None:
            # Errors about its fields have the line of the outer message.
            return Located.at(line_of(holder, key), {}, {})
        if not isinstance(value, Mapping):
            raise self.wrong(holder, key, "a mapping", value)
        return value

    def mappings(self, holder: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
        """Return a field that must be a list of mappings."""
        values = self.sequence(holder, key)
        for value in values:
            if not isinstance(value, Mapping):
                raise self.wrong(holder, key, "a list of mappings", value)
        return values

    def sequence(self, holder: Mapping[str, Any], key: str) -> Sequence[Any]:
        """Return a field that must be a list."""
        value = holder.get(key)
        if value is None:
            return []
        if not isinstance(value, list | tuple):
            raise self.wrong(holder, key, "a list", value)
        return value

    def text(self, holder: Mapping[str, Any], key: str, default: str = "") -> str:
        """Return a field that must be text. Numbers and booleans are accepted as text."""
        value = holder.get(key)
        if value is None:
            return default
        if not isinstance(value, str) and not _is_plain(value):
            raise self.wrong(holder, key, "text", value)
        return str(value)

    def integer(self, holder: Mapping[str, Any], key: str, low: int = 0, high: int = (1 << 32) - 1) -> int:
        """Return a field that must be a whole number from `low` to `high`."""
        text = self.text(holder, key)
        try:
            value = int(text)
        except ValueError:
            raise self.fail(f"{key} must be a whole number, not {short(text)!r}.", holder, key) from None
        if not low <= value <= high:
            raise self.wrong(holder, key, f"a whole number from {low:,} to {high:,}", value)
        return value

    def boolean(self, holder: Mapping[str, Any], key: str) -> bool:
        """Return a field that must be true or false."""
        value = holder.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(holder, key, "true or false", value)
        return bool(value)

    def seconds(self, holder: Mapping[str, Any], key: str, default: str) -> float:
        """Return a duration field such as `1.5s` in seconds."""
        text = self.text(holder, key, default)
        try:
            value = duration_seconds(text)
        except ValueError:
            value = -1.0
        if value < 0:
            raise self.fail(f"{key} must be a duration such as 1.5s, not {short(text)!r}.", holder, key)
        return value


class ArgumentFields(Fields):
    """Reader of the fields of a proxy's parameter. Errors contain the path to the message.

    Parameters
    ----------
    name
        Name of the parameter.
    value
        Value of the parameter.
    """

    def __init__(self, name: str, value: Any) -> None:
        self._name = name
        self._value = value

    def fail(self, message: str, holder: Any, key: str = "") -> UsageError:
        """Create an error with the path to the message."""
        del key  # the message already contains the key
        return UsageError(f"{_path(self._value, holder, self._name) or self._name}: {message}")

    def unknown(self, holder: Mapping[str, Any], key: str, kind: str) -> None:
        """Raise an error that suggests the most similar name. No other check detects unknown fields of a parameter."""
        near = suggestion(kind, str(key))
        raise self.fail(f"Envoy's {kind} has no field {key!r}.{f' Did you mean {near!r}?' if near else ''}", holder)


def _path(value: Any, holder: Any, path: str) -> str:
    """Return the path from a value to a message inside it, or an empty string if the value doesn't contain the message."""
    if value is holder:
        return path
    if isinstance(value, Mapping):
        inner = ((f"{path}.{name}", item) for name, item in value.items())
    elif isinstance(value, list | tuple):
        inner = ((f"{path}[{index}]", item) for index, item in enumerate(value))
    else:
        return ""
    return next((deeper for title, item in inner if (deeper := _path(item, holder, title))), "")


def _is_plain(value: Any) -> bool:
    """Return whether a text field accepts this value, such as a number or a boolean, which is then converted to text."""
    if isinstance(value, int):
        return value.bit_length() <= _BITS
    return not isinstance(value, bytes | bytearray | Mapping | list | tuple | set)


def _shown(value: Any) -> str:
    return hex(value) if isinstance(value, int) and value.bit_length() > _BITS else repr(value)
