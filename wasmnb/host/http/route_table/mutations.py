"""Header changes by routes and by Envoy's filter `header_mutation`.

In Envoy 1.40, headers are first removed, then overwritten, then added. Before any change, Envoy decides which overwrites and
additions apply. An empty value is skipped unless `keep_empty_value` is set. The changes of the route are made first, followed
by those of the virtual host and of the route configuration. With `most_specific_header_mutations_wins`, this order is reversed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....abi.text import encode_text
from ..header_map import HeaderMap
from .formatter import Facts, SubstitutionFormat
from .matchers import BytesPredicate, string_matcher

__all__ = ["Addition", "Mutation", "Mutations", "change", "mutate", "mutate_query"]


@dataclass(frozen=True)
class Addition:
    """A header to add or overwrite.

    Attributes
    ----------
    action
        Envoy's `append_action`, which determines what happens if the header exists.
    """

    name: bytes
    value: SubstitutionFormat
    action: str = "APPEND_IF_EXISTS_OR_ADD"
    keep_empty: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Addition:
        """Create the addition from a `HeaderValueOption` message."""
        header = config.get("header") or {}
        action = config.get("append_action") or "APPEND_IF_EXISTS_OR_ADD"
        if config.get("append") is False:
            action = "OVERWRITE_IF_EXISTS_OR_ADD"
        name = encode_text(str(header.get("key", "")).lower())
        return cls(name, SubstitutionFormat(str(header.get("value", ""))), action, bool(config.get("keep_empty_value")))

    @property
    def overwrites(self) -> bool:
        """Whether the addition replaces an existing header."""
        return _overwrites(self.action)

    def due(self, headers: HeaderMap, facts: Facts) -> bytes | None:
        """Return the value to set, or None if the header isn't changed."""
        value = self.value(facts, b"")
        if not value and not self.keep_empty:
            return None
        return value if _is_due(self.action, there=self.name in headers) else None

    def set(self, headers: HeaderMap, value: bytes) -> None:
        """Overwrite the header or add another entry, depending on the action."""
        if self.overwrites or self.name[:1] == b":":
            _overwrite(headers, self.name, value)
        else:
            headers.add(self.name, value)


def _is_due(action: str, *, there: bool) -> bool:
    """Return whether an action changes a header. `there` is True if the header exists."""
    if action == "ADD_IF_ABSENT":
        return not there
    return there or action != "OVERWRITE_IF_EXISTS"


def _overwrites(action: str) -> bool:
    return action.startswith("OVERWRITE")


def _overwrite(headers: HeaderMap, name: bytes, value: bytes) -> None:
    """Set a header like Envoy's `setCopy`. Headers known to Envoy keep their position, and others move to the end."""
    if name in headers.INLINE:
        headers.put(name, value)
    else:
        headers.replace(name, value)


@dataclass(frozen=True)
class Mutations:
    """Header changes of a route, a virtual host, a weighted cluster or the route configuration."""

    request_add: Sequence[Addition] = ()
    request_remove: Sequence[bytes] = ()
    response_add: Sequence[Addition] = ()
    response_remove: Sequence[bytes] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Mutations:
        """Create the changes from the four fields of Envoy's message, such as `request_headers_to_add`."""
        return cls(
            tuple(Addition.of(c) for c in config.get("request_headers_to_add") or ()),
            tuple(encode_text(str(n).lower()) for n in config.get("request_headers_to_remove") or ()),
            tuple(Addition.of(c) for c in config.get("response_headers_to_add") or ()),
            tuple(encode_text(str(n).lower()) for n in config.get("response_headers_to_remove") or ()),
        )

    def __bool__(self) -> bool:
        return bool(self.request_add or self.request_remove or self.response_add or self.response_remove)

    def request(self, headers: HeaderMap, facts: Facts) -> None:
        """Apply the changes to a request's headers."""
        change(headers, facts, self.request_remove, self.request_add)

    def response(self, headers: HeaderMap, facts: Facts) -> None:
        """Apply the changes to a response's headers."""
        change(headers, facts, self.response_remove, self.response_add)


def change(headers: HeaderMap, facts: Facts, remove: Iterable[bytes], add: Iterable[Addition]) -> None:
    """Remove headers, decide which additions apply, then overwrite headers, then add headers."""
    for name in remove:
        headers.remove(name)
    due = [(addition, value) for addition in add if (value := addition.due(headers, facts)) is not None]
    for overwriting in (True, False):
        for addition, value in due:
            if addition.overwrites == overwriting:
                addition.set(headers, value)


@dataclass(frozen=True)
class Mutation:
    """One step of Envoy's filter `header_mutation`.

    Attributes
    ----------
    removal
        Name of the header to remove, or a condition for the names of headers to remove.
    """

    addition: Addition | None = None
    removal: bytes | BytesPredicate = field(default=b"")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Mutation:
        """Create the step from a `HeaderMutation` message (`envoy.config.common.mutation_rules`)."""
        if "remove" in config:
            return cls(removal=encode_text(str(config["remove"]).lower()))
        if "remove_on_match" in config:
            return cls(removal=string_matcher(config["remove_on_match"].get("key_matcher") or {}))
        return cls(Addition.of(config.get("append") or {}))


def mutate(headers: HeaderMap, steps: Iterable[Mutation], facts: Facts) -> None:
    """Apply steps to headers in order. Overwritten headers move to the end."""
    for step in steps:
        if step.addition is not None:
            value = step.addition.due(headers, facts)
            if value is not None and step.addition.overwrites:
                headers.replace(step.addition.name, value)
            elif value is not None:
                headers.add(step.addition.name, value)
        elif isinstance(step.removal, bytes):
            headers.remove(step.removal)
        else:
            for name in {n for n, _ in headers if n[:1] != b":" and step.removal(n)}:
                headers.remove(name)


def mutate_query(headers: HeaderMap, steps: Iterable[Mapping[str, Any]]) -> None:
    """Apply steps to the query of a request's path."""
    path = headers.get(b":path")
    if path is None or not steps:
        return
    plain, _, query = path.partition(b"?")
    pairs = [(n, v) for n, _, v in (part.partition(b"=") for part in query.split(b"&") if part)]
    for step in steps:
        if "remove" in step:
            pairs = [p for p in pairs if p[0] != encode_text(str(step["remove"]))]
            continue
        append = step.get("append") or {}
        record = append.get("record") or {}
        pair = (encode_text(str(record.get("key", ""))), encode_text(str(record.get("value", ""))))
        action, there = str(append.get("action", "APPEND_IF_EXISTS_OR_ADD")), any(n == pair[0] for n, _ in pairs)
        if not _is_due(action, there=there):
            continue
        if _overwrites(action):
            pairs = [p for p in pairs if p[0] != pair[0]]
        pairs.append(pair)
    query = b"&".join(n + b"=" + v for n, v in sorted(pairs, key=lambda pair: pair[0]))
    headers.put(b":path", plain + b"?" + query if query else plain)
