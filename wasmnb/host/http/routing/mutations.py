"""Headers that routes and filters of the configuration add and remove.

Facts (Envoy 1.40): removals come first, then what overwrites, then what is added. An entry whose value comes out empty is left out unless `keep_empty_value`. Route, then
virtual host, then the whole configuration change a message, or the other way round with `most_specific_header_mutations_wins`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ....abi.text import encode_text
from ..header_map import HeaderMap
from .formatter import Facts, Format

__all__ = ["Addition", "Mutations", "mutate"]


@dataclass(frozen=True)
class Addition:
    """One header that is added.

    Attributes
    ----------
    action
        Envoy's `append_action`.
    """

    name: bytes
    value: Format
    action: str = "APPEND_IF_EXISTS_OR_ADD"
    keep_empty: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Addition:
        """From a `HeaderValueOption`."""
        header = config.get("header") or {}
        action = config.get("append_action") or "APPEND_IF_EXISTS_OR_ADD"
        if config.get("append") is False:
            action = "OVERWRITE_IF_EXISTS_OR_ADD"
        name = encode_text(str(header.get("key", "")).lower())
        return cls(name, Format(str(header.get("value", ""))), action, bool(config.get("keep_empty_value")))

    @property
    def overwrites(self) -> bool:
        """Whether it replaces what is there."""
        return self.action.startswith("OVERWRITE")

    def apply(self, headers: HeaderMap, facts: Facts) -> None:
        """Add the header, if its action says so."""
        value = self.value(facts, b"")
        there = self.name in headers
        if not value and not self.keep_empty:
            return
        if self.action == "ADD_IF_ABSENT" and there:
            return
        if self.action == "OVERWRITE_IF_EXISTS" and not there:
            return
        if self.overwrites or self.name[:1] == b":":
            _overwrite(headers, self.name, value)
        else:
            headers.add(self.name, value)


def _overwrite(headers: HeaderMap, name: bytes, value: bytes) -> None:
    """Envoy's `setCopy`: a header that Envoy knows keeps its place, any other goes to the end."""
    if name in headers.INLINE:
        headers.put(name, value)
    else:
        headers.replace(name, value)


@dataclass(frozen=True)
class Mutations:
    """What one level of the configuration does to requests and responses."""

    request_add: Sequence[Addition] = ()
    request_remove: Sequence[bytes] = ()
    response_add: Sequence[Addition] = ()
    response_remove: Sequence[bytes] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Mutations:
        """From the four fields that routes, virtual hosts, configurations and weighted clusters have."""
        return cls(
            tuple(Addition.of(c) for c in config.get("request_headers_to_add") or ()),
            tuple(encode_text(str(n).lower()) for n in config.get("request_headers_to_remove") or ()),
            tuple(Addition.of(c) for c in config.get("response_headers_to_add") or ()),
            tuple(encode_text(str(n).lower()) for n in config.get("response_headers_to_remove") or ()),
        )

    def __bool__(self) -> bool:
        return bool(self.request_add or self.request_remove or self.response_add or self.response_remove)

    def request(self, headers: HeaderMap, facts: Facts) -> None:
        """Change a request."""
        _change(headers, facts, self.request_remove, self.request_add)

    def response(self, headers: HeaderMap, facts: Facts) -> None:
        """Change a response."""
        _change(headers, facts, self.response_remove, self.response_add)


def _change(headers: HeaderMap, facts: Facts, remove: Iterable[bytes], add: Iterable[Addition]) -> None:
    for name in remove:
        headers.remove(name)
    for overwriting in (True, False):
        for addition in add:
            if addition.overwrites == overwriting:
                addition.apply(headers, facts)


@dataclass(frozen=True)
class Mutation:
    """One step of the filter `header_mutation`."""

    addition: Addition | None = None
    removal: bytes = field(default=b"")

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Mutation:
        """From a `HeaderMutation` message of the common rules."""
        if "remove" in config:
            return cls(removal=encode_text(str(config["remove"]).lower()))
        return cls(Addition.of(config.get("append") or {}))


def mutate(headers: HeaderMap, steps: Iterable[Mutation], facts: Facts) -> None:
    """Do the steps in their order."""
    for step in steps:
        if step.addition is not None:
            step.addition.apply(headers, facts)
        else:
            headers.remove(step.removal)
