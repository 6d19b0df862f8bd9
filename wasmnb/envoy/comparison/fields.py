"""The fields of an exchange that are compared between the proxies, with masks for values that differ in every run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ...abi import LogLevel
from ...errors import UsageError
from ...messages import Headers, Request, Response, to_text
from ...parsing.header_block import FRAMING
from ...parsing.random_values import RANDOM_HEADERS, UUID

__all__ = ["HINTS", "Field", "Ignored", "fields_of", "hint_of", "is_connection"]

#: Headers that describe the framing of a message in HTTP/1.
_NOT_COMPARED = FRAMING | {b"host"}

#: Patterns of values that differ in every run, and their masks.
_MASKS = [
    (UUID, "<uuid>"),
    (re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT"), "<date>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "127.0.0.1:<port>"),
]

#: Field -> hint about the cause if it differs.
HINTS = {
    "answered": "Only one of the proxies sent a response: a filter paused the stream, or the timeout was too short.",
    "status": "The responses have different origins: compare the upstream's messages and the log.",
    "headers": "The filter writes this header, or only one of the proxies adds it.",
    "body": "The filter received the body in different chunks, or its length didn't match its content-length.",
    "trailers": "The filter changed the trailers, or a body of fixed length dropped them.",
    "reached": "Only one of the proxies forwarded the request.",
    "request line": "Method, path or authority was changed in one proxy only.",
    "log": "Lines about time, random values or the chunks of a body also differ between two runs of one proxy.",
    "metrics": "A metric counts something that happened in one proxy only.",
    "bytes": "A filter received the bytes in different chunks, or stopped them in one proxy only.",
    "end": "Only one of the proxies closed the connection.",
    "crash": "Either Envoy crashed or the simulation predicted a crash, but not both: see the end of Envoy's log.",
}

#: A compared field: its name, its value in the simulated proxy, and its value in Envoy.
Field = tuple[str, Any, Any]


class Ignored:
    """Fields and headers that the user has excluded from a comparison.

    Parameters
    ----------
    names
        Names of fields ("client body", "log") and of headers. The headers are ignored in every message (default none).
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.names = tuple(name.strip().lower() for name in names)
        if "" in self.names:
            raise UsageError("ignore= contains an empty name. Pass names of fields (client body, log) or of headers.")
        known = {part for name, _ in (*_HTTP, *_TCP) for part in (name, name.rpartition(" ")[2])} | {"metrics"}
        self.fields = frozenset(self.names) & known
        self.headers = frozenset(name.encode() for name in self.names if name not in known)

    def field(self, name: str) -> bool:
        """Return whether a field is excluded."""
        return name in self.fields or name.rpartition(" ")[2] in self.fields


def fields_of(simulated: Any, real: Any, ignored: Ignored) -> list[Field]:
    """Return the compared fields of one request or connection, with their values in both proxies.

    Parameters
    ----------
    simulated, real
        The exchanges of the simulated proxy and of the real Envoy.
    ignored
        Fields and headers to leave out.
    """
    table = _TCP if is_connection(simulated) else _HTTP
    values = [(name, read(simulated, ignored), read(real, ignored)) for name, read in table if not ignored.field(name)]
    return [(name, ours, theirs) for name, ours, theirs in values if ours is not None or theirs is not None]


def is_connection(exchange: Any) -> bool:
    """Return whether an exchange is a TCP connection instead of an HTTP request."""
    return hasattr(exchange, "sent")


def hint_of(name: str) -> str:
    """Return a hint about why the field with this name can differ, or '' if there is no hint."""
    return HINTS.get(name.partition(" ")[2], "") or HINTS.get(name.rpartition(" ")[2], "")


def _client(read: Callable[[Response, Ignored], Any]) -> Callable[[Any, Ignored], Any]:
    return lambda exchange, ignored: read(exchange.response, ignored) if has_response(exchange) else None


def _upstream(read: Callable[[Request, Ignored], Any]) -> Callable[[Any, Ignored], Any]:
    return lambda exchange, ignored: (
        None if exchange.upstream_request is None else read(exchange.upstream_request, ignored)
    )


def has_response(exchange: Any) -> bool:
    """Return whether the client received a response."""
    return exchange.response is not None and bool(exchange.response.status)


def _headers(headers: Headers, ignored: Ignored) -> list[tuple[str, str]]:
    """Return the headers in order, with masked values, and without headers that describe the framing."""
    kept = [(n, v) for n, v in headers.raw if n not in _NOT_COMPARED and n not in ignored.headers]
    return [(to_text(n), "<random>" if n in RANDOM_HEADERS else mask(to_text(v))) for n, v in kept]


def _log(exchange: Any, _ignored: Ignored) -> list[str]:
    """Return the text of the filters' log lines with level info and above. Values that differ in every run are masked."""
    lines = [line for line in exchange.log if line.level >= LogLevel.INFO and line.source == "filter"]
    return [mask(line.text) for line in lines]


def mask(text: str) -> str:
    """Replace the parts of a text that differ in every run by masks."""
    for pattern, replacement in _MASKS:
        text = pattern.sub(replacement, text)
    return text


#: Name of a field, and the function that reads it from an exchange. The function returns None if the message is missing.
_HTTP: Sequence[tuple[str, Callable[[Any, Ignored], Any]]] = (
    ("client answered", lambda exchange, _: has_response(exchange)),
    ("client status", _client(lambda r, _: r.status)),
    ("client headers", _client(lambda r, i: _headers(r.headers, i))),
    ("client body", _client(lambda r, _: r.body)),
    ("client trailers", _client(lambda r, i: _headers(r.trailers, i))),
    ("upstream reached", lambda exchange, _: exchange.upstream_request is not None),
    ("upstream request line", _upstream(lambda r, _: (r.method, r.path, r.authority))),
    ("upstream headers", _upstream(lambda r, i: _headers(r.headers, i))),
    ("upstream body", _upstream(lambda r, _: r.body)),
    ("upstream trailers", _upstream(lambda r, i: _headers(r.trailers, i))),
    ("filter log", _log),
)

_TCP: Sequence[tuple[str, Callable[[Any, Ignored], Any]]] = (
    ("client bytes", lambda exchange, _: exchange.received),
    ("client end", lambda exchange, _: exchange.closed_by_proxy),
    ("upstream bytes", lambda exchange, _: exchange.upstream_received),
    ("filter log", _log),
)
