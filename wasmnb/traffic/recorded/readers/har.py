"""HAR 1.2, as browsers and proxies write it.

Facts: `content.text` is the decoded body, so that `content-encoding` and `transfer-encoding` of the recorded response no
longer apply. Chromium lists HTTP/2 pseudo-headers among the headers. Blocked requests have the status 0.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import IO, Any
from urllib.parse import urlencode

from ....abi.text import encode_text
from ....messages import Response, to_bytes
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, parse_time
from .fields import header_pairs, milliseconds, parse_url, plain, request_of, status_of
from .json_stream import json_items

__all__ = ["exchange_of_entry", "read_har"]

_ENCODINGS = (b"content-encoding", b"transfer-encoding")
_HTTP2 = re.compile(r"(?i)(http/)?h?[23](\.0)?$")


def read_har(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Iterate over the entries of a HAR file."""
    entries = json_items(file, "log.entries.item", notes, "entry")
    for number, entry in enumerate(entries, 1):
        position = f"entry {number:,}"
        try:
            yield exchange_of_entry(entry, position)
        except Unreadable as error:
            notes.add(position, str(error))


def exchange_of_entry(entry: Any, position: str = "") -> RecordedExchange:
    """Return the exchange of an entry.

    Raises
    ------
    Unreadable
        The entry has no request with a method and a URL.
    """
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise Unreadable("The entry has no request.")
    url = request.get("url")
    if not isinstance(url, str) or not url:
        raise Unreadable("The request has no URL.")
    truncated: list[str] = []
    body = _post_data(request, truncated)
    version = str(request.get("httpVersion") or "")
    return RecordedExchange(
        request_of(
            header_pairs(request.get("headers")), body, method=str(request.get("method") or ""), target=parse_url(url)
        ),
        _response(entry.get("response"), truncated),
        parse_time(entry.get("startedDateTime")),
        milliseconds(entry.get("time")),
        str(entry.get("connection") or entry.get("_connectionId") or ""),
        _HTTP2.match(version) is not None,
        tuple(truncated),
        position,
    )


def _post_data(request: dict[str, Any], truncated: list[str]) -> bytes:
    data = request.get("postData")
    if not isinstance(data, dict):
        _note_missing(request.get("bodySize"), "request", truncated)
        return b""
    if data.get("text"):
        return _decode(data, "request")
    params = [p for p in data.get("params") or () if isinstance(p, dict)]
    if params:
        return encode_text(urlencode([(p.get("name", ""), p.get("value", "")) for p in params]))
    _note_missing(request.get("bodySize"), "request", truncated)
    return b""


def _response(response: Any, truncated: list[str]) -> Response | None:
    if not isinstance(response, dict):
        return None
    status = status_of(response.get("status"))
    if not status:
        return None
    headers = plain(header_pairs(response.get("headers")))
    content = response.get("content")
    content = content if isinstance(content, dict) else {}
    headers.raw = [pair for pair in headers.raw if pair[0] not in _ENCODINGS]
    if content.get("text"):
        return Response(status, headers, _decode(content, "response"))
    _note_missing(content.get("size"), "response", truncated)
    return Response(status, headers)


def _decode(content: dict[str, Any], side: str) -> bytes:
    text = content["text"]
    if content.get("encoding") != "base64":
        return to_bytes(text)
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError, TypeError):
        raise Unreadable(f"The body of the {side} is not base64.") from None


def _note_missing(size: Any, side: str, truncated: list[str]) -> None:
    """Mark a body that has a size but no content."""
    if isinstance(size, int | float) and size > 0:
        truncated.append(side)
