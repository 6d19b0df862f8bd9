"""Access to the fields of a configuration file, with line numbers in errors. `.import_config` interprets the fields."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...abi.text import encode_text
from ...errors import UsageError
from ...host.envoy_messages.fields import Fields
from ...host.plugins.typed_config import TypedConfig
from ...parsing import protobuf
from ...parsing.yaml_lines import Located, line_of

__all__ = ["FileFields"]


class TypedMessage(NamedTuple):
    """A message from a `typed_config`, and the last part of its type's name."""

    message: Mapping[str, Any]
    kind: str


class FileFields(Fields):
    """Reader of the fields of a configuration file. Its errors contain the file and the line.

    Parameters
    ----------
    path
        Path of the file, for error messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, message: str, holder: Any, key: str = "") -> UsageError:
        """Return an error whose message begins with the file and the line of a field."""
        return UsageError(f"{self.path}, line {line_of(holder, key)}: {message}")

    def unknown(self, holder: Mapping[str, Any], key: str, kind: str) -> None:
        """Accept an unknown field. The real Envoy has validated the file, and `EnvoySetup.left_out` lists the field."""

    def base64(self, holder: Mapping[str, Any], key: str) -> bytes:
        """Return the decoded bytes of a base64 field."""
        try:
            return base64.b64decode(self.text(holder, key), validate=True)
        except ValueError as error:
            raise self.fail(f"{key} isn't valid base64: {error}. Encode the bytes as base64.", holder, key) from None

    def typed(self, item: Mapping[str, Any]) -> TypedMessage:
        """Return a `typed_config` and the last part of its type's name. A TypedStruct is replaced by the message that it
        contains.
        """
        typed = self.mapping(item, "typed_config")
        if self.text(typed, "@type").endswith(".TypedStruct"):
            inside = self.mapping(typed, "value")
            typed = Located.like(inside, {**inside, "@type": self.text(typed, "type_url")})
        return TypedMessage(typed, self.text(typed, "@type").rpartition("/")[2].rpartition(".")[2])

    def any_bytes(self, holder: Mapping[str, Any], key: str) -> bytes:
        """Return a plugin's configuration as the bytes that the filter receives."""
        value = self.mapping(holder, key)
        name = self.text(value, "@type").rpartition("/")[2]
        kind = name.rpartition(".")[2]
        if kind == "BytesValue":
            return self.base64(value, "value")
        if kind in ("StringValue", ""):
            return encode_text(self.text(value, "value"))
        if kind == "Struct":
            values = self.mapping(value, "value")
            return TypedConfig(name, values, data=protobuf.struct_message(values, default=str))  # dates of YAML
        fields = {k: v for k, v in value.items() if k != "@type"}
        try:
            return TypedConfig(name, fields.get("value", 0) if name.startswith("google.protobuf.") else fields)
        except UsageError as error:
            raise self.fail(str(error), holder, key) from None

    def environment(self, holder: Mapping[str, Any], key: str) -> dict[str, str]:
        """Return the configured environment variables, including those copied from this process."""
        variables = self.mapping(holder, key)
        names, inherited = [str(name) for name in self.sequence(variables, "host_env_keys")], dict(os.environ)
        own = self.mapping(variables, "key_values")
        return {name: self.text(own, name) for name in own} | {n: inherited[n] for n in names if n in inherited}
