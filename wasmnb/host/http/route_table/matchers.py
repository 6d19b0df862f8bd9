"""Matchers of routes, created from Envoy's messages: strings, headers, query parameters, cookies and paths.

In Envoy 1.40, a header matches if one of its values matches. Query parameters are compared without decoding, and only the first
parameter with each name is used. A regular expression must match the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ....abi.text import encode_text
from ....messages import to_bytes
from ..header_map import HeaderMap

__all__ = ["BytesPredicate", "HeaderMatcher", "PathMatcher", "parameter", "string_matcher"]

BytesPredicate = Callable[[bytes], bool]


def string_matcher(config: Mapping[str, Any]) -> BytesPredicate:
    """Create the condition for a text from a `StringMatcher` message."""
    lower = bool(config.get("ignore_case"))
    if "safe_regex" in config:
        pattern = re.compile(to_bytes(str(config["safe_regex"]["regex"])))
        return lambda text: pattern.fullmatch(text) is not None
    kind = next((k for k in _COMPARE if k in config), None)
    if kind is None:
        return lambda _text: False
    expected = to_bytes(str(config[kind]))
    compare = _COMPARE[kind]
    if lower:
        return lambda text: compare(text.lower(), expected.lower())
    return lambda text: compare(text, expected)


_COMPARE: dict[str, Callable[[bytes, bytes], bool]] = {
    "exact": lambda text, expected: text == expected,
    "prefix": bytes.startswith,
    "suffix": bytes.endswith,
    "contains": lambda text, expected: expected in text,
}

#: Older fields of `HeaderMatcher`, with the fields that replace them.
_OLD = {
    "exact_match": "exact",
    "prefix_match": "prefix",
    "suffix_match": "suffix",
    "contains_match": "contains",
    "safe_regex_match": "safe_regex",
}


class HeaderMatcher:
    """Condition for one header, created from Envoy's `HeaderMatcher`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.name = to_bytes(str(config["name"])).lower()
        self.invert = bool(config.get("invert_match"))
        self.empty_if_missing = bool(config.get("treat_missing_header_as_empty"))
        old = next((k for k in _OLD if k in config), None)
        text = {_OLD[old]: config[old]} if old else config.get("string_match")
        self.text = string_matcher(text) if text is not None else None
        self.present: bool | None = config.get("present_match")
        numbers = config.get("range_match")
        self.range = (int(numbers.get("start", 0)), int(numbers.get("end", 0))) if numbers is not None else None

    def __call__(self, headers: HeaderMap) -> bool:
        """Return whether a request's headers meet the condition."""
        values = headers.get_all(self.name) or ([b""] if self.empty_if_missing else [])
        if self.text is not None:
            return bool(values) and any(self.text(value) for value in values) != self.invert
        if self.range is not None:
            return bool(values) and any(_in_range(value, self.range) for value in values) != self.invert
        return (bool(values) == (self.present is not False)) != self.invert


def _in_range(value: bytes, limits: tuple[int, int]) -> bool:
    return re.fullmatch(rb"\s*[+-]?\d+\s*", value) is not None and limits[0] <= int(value) < limits[1]


def parameter(config: Mapping[str, Any]) -> Callable[[bytes], bool]:
    """Create the condition for a path with its query from a `QueryParameterMatcher` message."""
    name = to_bytes(str(config["name"]))
    text = string_matcher(config["string_match"]) if "string_match" in config else None
    present = config.get("present_match")

    def matches(path: bytes) -> bool:
        value = _query(path).get(name)
        if text is not None:
            return value is not None and text(value)
        return (value is not None) == (present is not False)

    return matches


def _query(path: bytes) -> dict[bytes, bytes]:
    parameters: dict[bytes, bytes] = {}
    for part in path.partition(b"?")[2].split(b"&"):
        name, _, value = part.partition(b"=")
        if name:
            parameters.setdefault(name, value)
    return parameters


def _unquoted(value: bytes) -> bytes:
    quoted = len(value) > 1 and value[:1] == value[-1:] == b'"'
    return value[1:-1] if quoted else value


def cookie(config: Mapping[str, Any]) -> Callable[[HeaderMap], bool]:
    """Create the condition for a request's headers from a `CookieMatcher` message."""
    name = to_bytes(str(config["name"]))
    text = string_matcher(config.get("string_match") or {})
    invert = bool(config.get("invert_match"))

    def matches(headers: HeaderMap) -> bool:
        cookies = [c.strip() for value in headers.get_all(b"cookie") for c in value.split(b";")]
        values = [_unquoted(c.partition(b"=")[2]) for c in cookies if c.partition(b"=")[0] == name]
        return bool(values) and text(values[0]) != invert if values else invert

    return matches


@dataclass(frozen=True)
class PathMatcher:
    """A route's condition for the path of a request.

    Attributes
    ----------
    kind
        Kind of condition: "prefix", "path", "separated", "regex", "template" or "connect".
    """

    kind: str
    text: bytes = b""
    case_sensitive: bool = True
    pattern: re.Pattern[bytes] | None = None

    @classmethod
    def of(cls, match: Mapping[str, Any]) -> PathMatcher | None:
        """Create the condition from a `RouteMatch` message, or return None if its kind is unknown."""
        sensitive = bool(match.get("case_sensitive", True))
        for name, kind in (("prefix", "prefix"), ("path", "path"), ("path_separated_prefix", "separated")):
            if name in match:
                return cls(kind, to_bytes(str(match[name])), sensitive)
        if "safe_regex" in match:
            return cls("regex", pattern=re.compile(to_bytes(str(match["safe_regex"]["regex"]))))
        template = ((match.get("path_match_policy") or {}).get("typed_config") or {}).get("path_template")
        if template:
            return cls("template", pattern=_template(str(template)))
        return cls("connect") if "connect_matcher" in match else None

    def __call__(self, path: bytes, *, connect: bool = False) -> bool:
        """Return whether a path with its query meets the condition. `connect` is True for CONNECT requests without a path."""
        if self.kind == "connect" or connect:
            return connect and self.kind == "connect"
        plain = path.partition(b"?")[0]
        if self.pattern is not None:
            return self.pattern.fullmatch(plain) is not None
        text = self.text
        if not self.case_sensitive:
            plain, text = plain.lower(), text.lower()
        if self.kind == "path":
            return plain == text
        if not plain.startswith(text):
            return False
        return self.kind == "prefix" or plain[len(text) : len(text) + 1] in (b"", b"/")

    def matched(self, path: bytes) -> bytes:
        """Return the part of the path that a rewrite replaces."""
        plain = path.partition(b"?")[0]
        return plain if self.pattern is not None else plain[: len(self.text)]


def _template(text: str) -> re.Pattern[bytes]:
    """Convert a URI template (`/{one}/x`, `/*/y`, `/**`) to a regular expression."""
    parts = []
    for part in re.split(r"(\{[^}]*\}|\*\*|\*)", text):
        if part == "**" or part.endswith("=**}"):
            parts.append(".*")
        elif part == "*" or (part.startswith("{") and ("=" not in part or part.endswith("=*}"))):
            parts.append("[^/]+")
        elif part.startswith("{"):
            parts.append(re.escape(part[1:-1].partition("=")[2]).replace(r"\*", "[^/]+"))
        else:
            parts.append(re.escape(part))
    return re.compile(encode_text("".join(parts)))
