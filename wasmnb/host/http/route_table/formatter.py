"""Envoy's substitution format, with operators such as `%REQ(:path)%` in added headers and local replies.

In Envoy 1.40, an operator without a value is replaced by `-` in a text, and by an empty string in an added header.

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/observability/access_log/usage
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....abi.text import encode_text
from ....errors import UsageError
from .operators import NUMBERS, OPERATORS, Facts

__all__ = ["BodyFormat", "Facts", "SubstitutionFormat", "data_source"]

_OPERATOR = re.compile(r"%%|%([A-Z_0-9]+)(?:\(((?:[^)\\]|\\.)*)\))?(?::(\d+))?%")


class SubstitutionFormat:
    """A text with operators, which are replaced by properties of a stream."""

    def __init__(self, text: str) -> None:
        self.parts: list[bytes | tuple[str, str, int | None]] = []
        at = 0
        for operator in _OPERATOR.finditer(text):
            if operator.start() > at:
                self.parts.append(encode_text(text[at : operator.start()]))
            limit = int(operator[3]) if operator[3] else None
            self.parts.append(b"%" if operator[0] == "%%" else (operator[1], operator[2] or "", limit))
            at = operator.end()
        if at < len(text):
            self.parts.append(encode_text(text[at:]))

    @property
    def unknown(self) -> list[str]:
        """Operators in the text that the simulation doesn't support."""
        return [p[0] for p in self.parts if isinstance(p, tuple) and p[0] not in OPERATORS]

    def __call__(self, facts: Facts, missing: bytes = b"-") -> bytes:
        """Replace the operators by properties of a stream. `missing` replaces operators without a value."""
        return b"".join(p if isinstance(p, bytes) else self._value(p, facts, missing) for p in self.parts)

    def _value(self, part: tuple[str, str, int | None], facts: Facts, missing: bytes) -> bytes:
        name, argument, limit = part
        read = OPERATORS.get(name)
        value = read(facts, argument) if read is not None else None
        return missing if value is None else value[:limit]

    def plain(self, facts: Facts) -> Any:
        """Return the value of the text in a JSON template.

        If the text is a single operator, the value can be a number, or None if the operator has no value. Otherwise it is text.
        """
        if len(self.parts) == 1 and isinstance(self.parts[0], tuple):
            name, argument, limit = self.parts[0]
            read = OPERATORS.get(name)
            value = read(facts, argument) if read is not None else None
            if value is None:
                return None
            return int(value) if name in NUMBERS else value[:limit].decode("utf-8", "replace")
        return self(facts).decode("utf-8", "replace")


@dataclass(frozen=True)
class BodyFormat:
    """Format of a local reply's body, which is Envoy's `SubstitutionFormatString`.

    Attributes
    ----------
    text, template
        The format as a text or as a JSON template. The other attribute is None.
    content_type
        Content type of the body.
    """

    text: SubstitutionFormat | None
    template: Any
    content_type: bytes

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> BodyFormat:
        """Create the format from Envoy's message."""
        if "json_format" in config:
            form, template, kind = None, config["json_format"], "application/json"
        else:
            source = config.get("text_format_source") or {}
            text = data_source(source) if source else encode_text(str(config.get("text_format", "")))
            form, template, kind = SubstitutionFormat(text.decode("utf-8", "replace")), None, "text/plain"
        return cls(form, template, encode_text(str(config.get("content_type", kind))))

    def __call__(self, facts: Facts) -> bytes:
        """Return the body for a stream."""
        return _json_text(self.template, facts) if self.text is None else self.text(facts)


def data_source(config: Mapping[str, Any]) -> bytes:
    """Return the inline bytes of Envoy's `DataSource`.

    Raises
    ------
    UsageError
        `inline_bytes` isn't valid base64.
    """
    if "inline_bytes" in config:
        try:
            return base64.b64decode(str(config["inline_bytes"]))
        except ValueError as error:
            raise UsageError(f"inline_bytes isn't valid base64: {error}. Encode the bytes as base64.") from None
    return encode_text(str(config.get("inline_string", "")))


def _json_text(template: Any, facts: Facts) -> bytes:
    """Fill a JSON template, in which each string is a format, and sort its keys."""

    def fill(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(k): fill(v) for k, v in value.items()}
        if isinstance(value, list):
            return [fill(v) for v in value]
        return SubstitutionFormat(value).plain(facts) if isinstance(value, str) else value

    return encode_text(json.dumps(fill(template), sort_keys=True, separators=(",", ":"), ensure_ascii=False)) + b"\n"
