"""Fields of a configuration file, read with the type that they must have.

A field of another type is an error with file, line and field. What the fields mean is decided in `.import_config`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..._display import short
from ...abi.text import encode_text
from ...errors import UsageError
from ...formats import protobuf
from ...formats.yaml_lines import line_of

__all__ = ["Fields"]


class Fields:
    """Reads fields of a configuration with the type that they must have.

    A field that is missing or null counts as empty. One of another type is a `UsageError` with file, line and field.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, message: str, holder: Any, key: str = "") -> UsageError:
        """Return an error that names file and line."""
        return UsageError(f"{self.path}, line {line_of(holder, key)}: {message}")

    def _wrong(self, holder: Any, key: str, required: str, value: Any) -> UsageError:
        shown = "a mapping" if isinstance(value, dict) else short(repr(value), 60)
        return self.fail(f"{key} must be {required}, not {shown}.", holder, key)

    def mapping(self, holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Return a field that is a mapping."""
        value = holder.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(holder, key, "a mapping", value)
        return value

    def mappings(self, holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        """Return a field that is a list of mappings."""
        values = self.sequence(holder, key)
        for value in values:
            if not isinstance(value, dict):
                raise self._wrong(holder, key, "a list of mappings", value)
        return values

    def sequence(self, holder: Mapping[str, Any], key: str) -> list[Any]:
        """Return a field that is a list."""
        value = holder.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(holder, key, "a list", value)
        return value

    def text(self, holder: Mapping[str, Any], key: str, default: str = "") -> str:
        """Return a field that is text; numbers and booleans count as text."""
        value = holder.get(key)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise self._wrong(holder, key, "text", value)
        return str(value)

    def integer(self, holder: Mapping[str, Any], key: str) -> int:
        """Return a field that is a whole number."""
        text = self.text(holder, key)
        try:
            return int(text)
        except ValueError:
            raise self.fail(f"{key} must be a whole number, not {short(text)!r}.", holder, key) from None

    def base64(self, holder: Mapping[str, Any], key: str) -> bytes:
        """Return the bytes of a field in base64."""
        try:
            return base64.b64decode(self.text(holder, key), validate=True)
        except ValueError as error:
            raise self.fail(f"{key} is not base64: {error}.", holder, key) from None

    def seconds(self, holder: Mapping[str, Any], key: str, default: str) -> float:
        """Return a field such as `1.5s` in seconds."""
        text = self.text(holder, key, default)
        try:
            return float(text.removesuffix("s"))
        except ValueError:
            raise self.fail(f"{key} must be a duration such as 1.5s, not {short(text)!r}.", holder, key) from None

    def typed(self, item: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """Return a typed configuration and the last part of its type; of a TypedStruct, those inside it."""
        typed = self.mapping(item, "typed_config")
        kind = self.text(typed, "@type").rpartition("/")[2].rpartition(".")[2]
        if kind == "TypedStruct":
            return self.mapping(typed, "value"), self.text(typed, "type_url").rpartition(".")[2]
        return typed, kind

    def any_bytes(self, holder: Mapping[str, Any], key: str) -> bytes:
        """Return a configuration as the guest receives it."""
        value = self.mapping(holder, key)
        kind = self.text(value, "@type").rpartition(".")[2]
        if kind == "Struct":
            return protobuf.struct_message(self.mapping(value, "value"), default=str)  # as Envoy does: not JSON
        if kind == "BytesValue":
            return self.base64(value, "value")
        return encode_text(self.text(value, "value"))

    def environment(self, holder: Mapping[str, Any], key: str) -> dict[str, str]:
        """Return the configured variables, and those that are taken from the environment of this process."""
        variables = self.mapping(holder, key)
        names, inherited = [str(name) for name in self.sequence(variables, "host_env_keys")], dict(os.environ)
        own = self.mapping(variables, "key_values")
        return {name: self.text(own, name) for name in own} | {n: inherited[n] for n in names if n in inherited}
