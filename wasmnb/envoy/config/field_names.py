"""Conversion of field names to those declared in protocol buffers. Files can spell them in camel case, as `istioctl` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...parsing.field_names import declared_name
from ...parsing.yaml_lines import Located

__all__ = ["with_field_names"]

#: Fields whose values aren't renamed, because the file's author chooses their keys: `Any`, `Struct`, or maps of text.
_DATA = frozenset(
    {"allowed_capabilities", "configuration", "filter_metadata", "json_format", "key_values", "static_layer"}
)
#: Fields of the metadata of routes, clusters and listeners. The metadata of a node is a `Struct` instead.
_METADATA = {"filterMetadata": "filter_metadata", "typedFilterMetadata": "typed_filter_metadata"}


def with_field_names(message: Mapping[str, Any]) -> Located:
    """Return a configuration message with declared field names. The line numbers of its fields are kept.

    Parameters
    ----------
    message
        The message. Names of filters, metadata and plugin configurations in it aren't changed.
    """
    is_data = "value" in message and not str(message.get("@type", "")).endswith("TypedStruct")
    return _renamed(
        message, _declared, lambda name, value: value if name == "value" and is_data else _field(name, value)
    )


def _renamed(message: Mapping[str, Any], rename: Callable[[str], str], convert: Callable[[str, Any], Any]) -> Located:
    """Return a message with renamed fields and converted values."""
    lines = {rename(key): line for key, line in getattr(message, "lines", {}).items()}
    content = {name: convert(name, value) for name, value in ((rename(key), value) for key, value in message.items())}
    return Located.at(getattr(message, "line", 0), lines, content)


def _declared(key: str) -> str:
    return declared_name(key) if key[:1].islower() else key


def _field(name: str, value: Any) -> Any:
    if name in _DATA:
        return value
    if name == "metadata" and isinstance(value, Mapping):
        return _renamed(value, lambda key: _METADATA.get(key, key), lambda _name, data: data)
    if name == "typed_per_filter_config" and isinstance(value, Mapping):
        return _renamed(value, str, lambda _filter, config: _converted(config))
    return _converted(value)


def _converted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return with_field_names(value)
    return [_converted(item) for item in value] if isinstance(value, list) else value
