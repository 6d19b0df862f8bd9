"""Envoy's access log as JSON, one object a line. The keys are those of the log's configuration.

A log has no bodies. Headers are those that the configuration writes; `fields` maps parts of an exchange to other keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import IO, Any

from ....errors import UsageError
from ....messages import Headers, Request, Response, to_bytes
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, parse_time
from .fields import milliseconds, parse_url, status_of

__all__ = ["LOG_FIELDS", "read_access_log"]

#: Part of an exchange -> keys that commonly hold it, the first one that is there counts.
LOG_FIELDS: dict[str, tuple[str, ...]] = {
    "method": ("method", ":method", "request_method", "req_method"),
    "path": ("path", ":path", "x-envoy-original-path", "request_path", "uri", "url"),
    "authority": ("authority", ":authority", "host", "domain"),
    "scheme": ("scheme", ":scheme", "x-forwarded-proto"),
    "status": ("response_code", "status", "code"),
    "started": ("start_time", "timestamp", "time", "@timestamp"),
    "duration": ("duration", "duration_ms", "response_duration"),
    "protocol": ("protocol",),
    "connection": ("connection_id", "downstream_remote_address"),
    "header:user-agent": ("user_agent", "user-agent"),
    "header:x-forwarded-for": ("x_forwarded_for", "x-forwarded-for"),
    "header:x-request-id": ("request_id", "x_request_id", "x-request-id"),
    "header:referer": ("referer", "referrer"),
    "response_header:content-type": ("content_type", "response_content_type"),
}

_HEADER, _RESPONSE_HEADER = "header:", "response_header:"


def read_access_log(
    file: IO[bytes], notes: ReadingNotes, *, fields: Mapping[str, str] | None = None, **_options: Any
) -> Iterator[RecordedExchange]:
    """Iterate over the exchanges of an access log.

    Parameters
    ----------
    file, notes
        The file, and the object that gets messages.
    fields
        Part of an exchange -> key of the log, for keys that `LOG_FIELDS` doesn't know: `{"method": "verb"}`,
        `{"header:x-user": "user"}`.

    Raises
    ------
    UsageError
        `fields` names a part that an exchange doesn't have.
    """
    keys = {**LOG_FIELDS, **{part: (key,) for part, key in (fields or {}).items()}}
    for part in keys:
        if part not in LOG_FIELDS and not part.startswith((_HEADER, _RESPONSE_HEADER)):
            known = ", ".join(name for name in LOG_FIELDS if ":" not in name)
            raise UsageError(f"An exchange has no {part!r}. Use {known}, header:NAME or response_header:NAME.")
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        try:
            yield _exchange(line, keys, f"line {number:,}")
        except Unreadable as error:
            cut = "" if line.endswith(b"\n") else " The file ends inside of this line."
            notes.add(f"line {number:,}", f"{error}{cut}")


def _exchange(line: bytes, keys: Mapping[str, tuple[str, ...]], position: str) -> RecordedExchange:
    try:
        record = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        raise Unreadable("The line is not JSON.") from None
    if not isinstance(record, dict):
        raise Unreadable("The line is not a JSON object.")
    values = {part: _value(record, names) for part, names in keys.items()}
    method, path = values["method"], values["path"]
    if not method or not path:
        raise Unreadable(f"The line has no {'path' if method else 'method'}; name its key with fields=.")
    target = parse_url(str(path)) if "://" in str(path) else None
    request = Request(
        str(method), target.path if target is not None else str(path), _headers(values, _HEADER),
        authority=str(values["authority"] or (target.authority if target is not None else "") or "example.com"),
        scheme=str(values["scheme"] or "http"),
    )  # fmt: skip
    status = status_of(values["status"])
    return RecordedExchange(
        request,
        Response(status, _headers(values, _RESPONSE_HEADER)) if status else None,
        parse_time(values["started"]),
        milliseconds(values["duration"]),
        str(values["connection"] or ""),
        str(values["protocol"] or "").startswith(("HTTP/2", "HTTP/3")),
        (),
        position,
    )


def _value(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the first value of some keys; Envoy writes `-` or null for one that is missing."""
    return next((record[name] for name in names if record.get(name) not in (None, "-", "")), None)


def _headers(values: Mapping[str, Any], prefix: str) -> Headers:
    headers = Headers()
    headers.raw = [
        (to_bytes(part[len(prefix) :]).lower(), to_bytes(value))
        for part, value in values.items()
        if part.startswith(prefix) and value is not None
    ]
    return headers
