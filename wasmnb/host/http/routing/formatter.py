"""Envoy's substitution format: `%REQ(:path)%` and the like, in header additions and local replies.

Facts (Envoy 1.40): an operator without a value gives `-` in a text of its own, and nothing in a header that is added if the
value is empty. Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/observability/access_log/usage
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ....abi.text import encode_text
from ...contexts.response_flags import flag_names
from ..header_map import HeaderMap

__all__ = ["Facts", "Format", "StreamFacts", "json_text"]

_OPERATOR = re.compile(r"%%|%([A-Z_0-9]+)(?:\(((?:[^)\\]|\\.)*)\))?(?::(\d+))?%")


class StreamFacts(Protocol):
    """Facts about a stream, as `StreamInfo` has them."""

    connection: Any
    protocol: str
    request_size: int
    response_size: int
    code: int | None
    details: str
    flags: int
    route: Any
    attempts: int
    metadata: dict[str, Any]
    remote_address: str

    @property
    def cluster_name(self) -> str:
        """Name of the cluster."""
        ...


@dataclass
class Facts:
    """What operators ask for."""

    info: StreamFacts
    request: HeaderMap | None = None
    response: HeaderMap | None = None
    body: bytes = b""


def _header(which: str) -> Callable[[Facts, str], bytes | None]:
    def read(facts: Facts, argument: str) -> bytes | None:
        headers: HeaderMap | None = getattr(facts, which)
        if headers is None:
            return None
        for name in argument.split("?"):
            value = headers.get(encode_text(name.strip().lower()))
            if value is not None:
                return value
        return None

    return read


def _address(facts: Facts, _argument: str) -> bytes:
    return encode_text(facts.info.remote_address or facts.info.connection.peer)


def _metadata(facts: Facts, argument: str) -> bytes | None:
    value: Any = facts.info.metadata
    for part in argument.split(":"):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return None
    return encode_text(value) if isinstance(value, str) else encode_text(json.dumps(value, separators=(",", ":")))


def _text(value: object) -> bytes | None:
    return None if value in (None, "") else encode_text(str(value))


_OPERATORS: dict[str, Callable[[Facts, str], bytes | None]] = {
    "REQ": _header("request"),
    "RESP": _header("response"),
    "PROTOCOL": lambda f, _a: _text(f.info.protocol),
    "RESPONSE_CODE": lambda f, _a: encode_text(str(f.info.code or 0)),
    "RESPONSE_CODE_DETAILS": lambda f, _a: _text(f.info.details),
    "RESPONSE_FLAGS": lambda f, _a: encode_text(flag_names(f.info.flags)),
    "DOWNSTREAM_REMOTE_ADDRESS": _address,
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": lambda f, a: _address(f, a).rpartition(b":")[0],
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS": lambda f, _a: encode_text(f.info.connection.peer),
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT": lambda f, _a: encode_text(
        f.info.connection.peer.rpartition(":")[0]
    ),
    "DOWNSTREAM_LOCAL_ADDRESS": lambda f, _a: encode_text(f.info.connection.local),
    "DOWNSTREAM_LOCAL_PORT": lambda f, _a: encode_text(f.info.connection.local.rpartition(":")[2]),
    "UPSTREAM_CLUSTER": lambda f, _a: _text(f.info.cluster_name),
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": lambda f, _a: encode_text(str(f.info.attempts)),
    "ROUTE_NAME": lambda f, _a: _text(f.info.route.name if f.info.route is not None else ""),
    "BYTES_RECEIVED": lambda f, _a: encode_text(str(f.info.request_size)),
    "BYTES_SENT": lambda f, _a: encode_text(str(f.info.response_size)),
    "DYNAMIC_METADATA": _metadata,
    "LOCAL_REPLY_BODY": lambda f, _a: f.body,
}


class Format:
    """A text with operators."""

    def __init__(self, text: str) -> None:
        self.parts: list[bytes | tuple[str, str, int | None]] = []
        at = 0
        for found in _OPERATOR.finditer(text):
            if found.start() > at:
                self.parts.append(encode_text(text[at : found.start()]))
            limit = int(found[3]) if found[3] else None
            self.parts.append(b"%" if found[0] == "%%" else (found[1], found[2] or "", limit))
            at = found.end()
        if at < len(text):
            self.parts.append(encode_text(text[at:]))

    @property
    def unknown(self) -> list[str]:
        """Operators that the simulation does not have."""
        return [p[0] for p in self.parts if isinstance(p, tuple) and p[0] not in _OPERATORS]

    def __call__(self, facts: Facts, missing: bytes = b"-") -> bytes:
        """The text for a stream."""
        return b"".join(p if isinstance(p, bytes) else self._value(p, facts, missing) for p in self.parts)

    def _value(self, part: tuple[str, str, int | None], facts: Facts, missing: bytes) -> bytes:
        name, argument, limit = part
        read = _OPERATORS.get(name)
        value = read(facts, argument) if read is not None else None
        return missing if value is None else value[:limit]

    def plain(self, facts: Facts) -> Any:
        """The value as JSON has it: a number for a lone operator that is one, None for one without a value."""
        if len(self.parts) == 1 and isinstance(self.parts[0], tuple):
            name, argument, limit = self.parts[0]
            read = _OPERATORS.get(name)
            value = read(facts, argument) if read is not None else None
            if value is None:
                return None
            return int(value) if name in _NUMBERS else value[:limit].decode("utf-8", "replace")
        return self(facts).decode("utf-8", "replace")


_NUMBERS = frozenset(("RESPONSE_CODE", "BYTES_RECEIVED", "BYTES_SENT", "UPSTREAM_REQUEST_ATTEMPT_COUNT"))


def json_text(template: Any, facts: Facts) -> bytes:
    """A JSON format: every text in it is a format of its own; keys are sorted."""

    def fill(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(k): fill(v) for k, v in value.items()}
        if isinstance(value, list):
            return [fill(v) for v in value]
        return Format(value).plain(facts) if isinstance(value, str) else value

    return encode_text(json.dumps(fill(template), sort_keys=True, separators=(",", ":"), ensure_ascii=False)) + b"\n"
