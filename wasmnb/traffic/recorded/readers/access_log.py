"""Read Envoy's access log as JSON, with one object per line.

The keys and headers depend on the configuration of the log. If wasmnb doesn't know a key, the parameter `fields` of
`read_access_log` assigns the key to a part of the exchange. Access logs don't contain bodies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any

from ....abi.text import encode_text
from ....errors import UsageError
from ....messages import Headers, Request, Response, to_bytes
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, parse_time
from .fields import Remark, check_method, milliseconds, parse_url, status_of, text_of

__all__ = ["LOG_FIELDS", "read_access_log"]

#: Part of an exchange -> common keys for it. The first key that exists is used.
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

_BLANKS = re.compile(r"\s*")
_DECODER = json.JSONDecoder()
_HEADER, _RESPONSE_HEADER = "header:", "response_header:"


def read_access_log(
    file: IO[bytes], notes: ReadingNotes, *, fields: Mapping[str, str] | None = None, **_options: Any
) -> Iterator[RecordedExchange]:
    """Yield the exchanges of an access log.

    Parameters
    ----------
    file
        The open file.
    notes
        Object to which messages about unreadable lines are added.
    fields
        Part of an exchange -> its key in the log, for keys that aren't in `LOG_FIELDS` (default None). Examples:
        `{"method": "verb"}`, `{"header:x-user": "user"}`.

    Raises
    ------
    UsageError
        `fields` contains an unknown part.
    """
    keys = {**LOG_FIELDS, **{part: (key,) for part, key in (fields or {}).items()}}
    for part in keys:
        if part not in LOG_FIELDS and not part.startswith((_HEADER, _RESPONSE_HEADER)):
            known = ", ".join(name for name in LOG_FIELDS if ":" not in name)
            raise UsageError(
                f"The part {part!r} in fields= is unknown. Use {known}, header:NAME or response_header:NAME."
            )
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        position = f"line {number:,}"
        try:
            for record in _records(line):
                try:
                    yield _exchange(record, keys, position, notes)
                except Unreadable as error:
                    notes.add(position, str(error))
        except Unreadable as error:
            cut = "" if line.endswith(b"\n") else " The file ends inside this line."
            notes.add(position, f"{error}{cut}")


def _records(line: bytes) -> Iterator[Any]:
    """Yield the JSON objects of a line.

    Log collectors may write a time or the name of a stream before the object, or store the line in a field of an object.
    """
    text = line.decode("utf-8", "surrogateescape").strip().removeprefix("\ufeff")
    at = 0 if text.startswith("[") else max(text.find("{"), 0)
    while at < len(text):
        try:
            record, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            raise Unreadable("The line is not JSON.") from None
        inner = record.get("log", record.get("message")) if isinstance(record, dict) else None
        if isinstance(inner, str) and inner.lstrip().startswith("{"):
            yield from _records(encode_text(inner))
        else:
            yield record
        blanks = _BLANKS.match(text, at)
        assert blanks is not None
        at = blanks.end()


def _exchange(record: Any, keys: Mapping[str, tuple[str, ...]], position: str, notes: ReadingNotes) -> RecordedExchange:
    if not isinstance(record, dict):
        raise Unreadable("The line is not a JSON object.")
    remark = notes.remark_at(position)
    values = {part: _value(record, names) for part, names in keys.items()}
    method, path, authority, scheme = (_text(part, values[part]) for part in ("method", "path", "authority", "scheme"))
    if not method or (not path and method != "CONNECT"):
        missing = "path" if method else "method"
        raise Unreadable(
            f"The line contains no {missing}. If the log stores it under another key, pass that key in fields=."
        )
    check_method(method)
    target = parse_url(path) if "://" in path else None
    request = Request(
        method, target.path if target is not None else path, _headers(values, _HEADER, remark),
        authority=authority or (target.authority if target is not None else "") or "example.com",
        scheme=scheme or (target.scheme if target is not None else "http"),
    )  # fmt: skip
    status = status_of(values["status"])
    return RecordedExchange(
        request,
        Response(status, _headers(values, _RESPONSE_HEADER, remark)) if status else None,
        parse_time(values["started"]),
        milliseconds(values["duration"]),
        str(values["connection"] or ""),
        str(values["protocol"] or "").startswith(("HTTP/2", "HTTP/3")),
        (),
        position,
    )


def _text(part: str, value: Any) -> str:
    """Return a part of the request line as text. Raises `Unreadable` if it is not text or contains a line break."""
    if isinstance(value, dict | list) or any(c < " " for c in str(value or "")):
        raise Unreadable(f"The {part} is not text or contains a line break.")
    return "" if value is None else str(value).strip()


def _value(record: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """Return the value of the first key with a value, or None if no key has a value.

    Envoy writes `-` or null for missing values. In a key with dots, the parts are the keys of nested objects.
    """
    for name in names:
        value: Any = record.get(name)
        if value is None and "." in name:
            value = record
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
        if value not in (None, "-", ""):
            return value
    return None


def _headers(values: Mapping[str, Any], prefix: str, remark: Remark) -> Headers:
    headers = Headers()
    for part, value in values.items():
        if not part.startswith(prefix) or value is None:
            continue
        text = text_of(value)
        if b"\n" in text or b"\r" in text or b"\0" in text:
            remark(f"A value of {part[len(prefix) :]} with a line break was omitted.")
        else:
            headers.raw.append((to_bytes(part[len(prefix) :]).lower(), text))
    return headers
