"""Read HAR 1.2 files, which browsers and proxies write.

`content.text` is the decoded body, so `content-encoding` and `transfer-encoding` are removed from recorded responses. Chromium
writes HTTP/2 pseudo-headers among the headers. Blocked requests have status 0.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import IO, Any
from urllib.parse import quote, urlencode

from ....abi.text import encode_text
from ....messages import Response, to_bytes
from ...forms import FormField, encode_form
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, parse_time
from .fields import Remark, UrlTarget, header_pairs, milliseconds, parse_url, plain, request_of, status_of, text_of
from .json_salvage import ResumePoint
from .json_stream import json_items

__all__ = ["exchange_of_entry", "read_har"]

_BOUNDARY = re.compile(r'(?i)multipart/[^;]*;.*?\bboundary="?([^";\s]+)')
_ENCODINGS = (b"content-encoding", b"transfer-encoding")
_ENTRIES = re.compile(rb'\{\s*"entries"\s*:')
#: Names of the first field of an entry.
_NAMES = (b"startedDateTime", b"pageref", b"_initiator", b"_connectionId", b"_fromCache", b"request")
#: ijson's prefix of the entries -> their place in the document.
_PLACES = {
    "item": ResumePoint(re.compile(rb"\["), _NAMES),
    **dict.fromkeys(("entries.item", "log.entries.item"), ResumePoint(re.compile(rb'"entries"\s*:\s*\['), _NAMES)),
}
_BLANK = re.compile(r"[\x00-\x20\x7f]")
#: Values of the status if there was no response.
_NO_STATUS = (None, 0, -1, "", "0")
_HTTP2 = re.compile(r"(?i)(http/)?h?[23](\.0)?$")


def read_har(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Yield the exchanges of a HAR file."""
    prefix = _prefix(file)
    entries = json_items(file, prefix, notes, "entry", resume=_PLACES[prefix])
    for number, entry in entries:
        position = f"entry {number:,}"
        try:
            yield exchange_of_entry(entry, position, notes)
        except Unreadable as error:
            notes.add(position, str(error))


def _prefix(file: IO[bytes]) -> str:
    """Return ijson's prefix of the entries. They are in `log`, or at the top of the document if another tool wrote it."""
    start = file.tell()
    head = file.read(4096).lstrip()
    file.seek(start)
    return "item" if head[:1] == b"[" else "entries.item" if _ENTRIES.match(head) else "log.entries.item"


def exchange_of_entry(entry: Any, position: str = "", notes: ReadingNotes | None = None) -> RecordedExchange:
    """Return the exchange of a HAR entry. Unreadable parts are omitted, and a message is added to `notes`.

    Raises
    ------
    Unreadable
        The entry doesn't contain a request with a method and a URL.
    """
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        raise Unreadable("The entry has no request.")
    url = request.get("url")
    if not isinstance(url, str) or not url:
        raise Unreadable("The request has no URL.")
    truncated: list[str] = []
    remark = (notes or ReadingNotes("")).remark_at(position)
    body = _post_data(request, truncated, remark)
    version = str(request.get("httpVersion") or "")
    return RecordedExchange(
        request_of(
            header_pairs(request.get("headers"), remark),
            body,
            method=str(request.get("method") or ""),
            target=_target(url),
        ),
        _response(entry.get("response"), truncated, remark),
        parse_time(entry.get("startedDateTime")),
        milliseconds(entry.get("time")),
        str(entry.get("connection") or entry.get("_connectionId") or ""),
        _HTTP2.match(version) is not None,
        tuple(truncated),
        position,
    )


def _target(url: str) -> UrlTarget:
    """Split a URL into its parts. Blanks and control characters, which some exporters decode, are percent-encoded again."""
    target = parse_url(url)
    return target._replace(path=_BLANK.sub(lambda match: quote(match[0]), target.path))


def _post_data(request: dict[str, Any], truncated: list[str], remark: Remark) -> bytes:
    data = request.get("postData")
    if isinstance(data, str):
        return to_bytes(data)
    if not isinstance(data, dict):
        data = {"params": data} if isinstance(data, list) else {}
    if data.get("text"):
        return _decode(data, "request", truncated, remark)
    params = data.get("params")
    if isinstance(params, Mapping):
        params = [{"name": name, "value": value} for name, value in params.items()]
    params = params if isinstance(params, list) else []
    fields = [p for p in params if isinstance(p, dict) and p.get("name") is not None]
    if len(fields) < len(params):
        remark("A form field without a name was omitted.")
    if fields:
        return _form(fields, str(data.get("mimeType") or ""), truncated)
    _note_missing(request.get("bodySize"), "request", truncated)
    return b""


def _form(params: list[dict[str, Any]], content_type: str, truncated: list[str]) -> bytes:
    """Return the body of a form that was recorded as a list of fields.

    If the contents of a file are missing, "request" is added to `truncated`.
    """
    boundary = _BOUNDARY.search(content_type)
    values = [
        ["" if p.get(key) is None else p[key] for key in ("name", "value", "fileName", "contentType")] for p in params
    ]
    if boundary is None:
        return encode_text(urlencode([(name, value) for name, value, *_ in values]))
    if any(p.get("fileName") and p.get("value") is None for p in params):
        truncated.append("request")
    fields = (FormField(str(name), to_bytes(str(value)), str(file), str(kind)) for name, value, file, kind in values)
    return encode_form(fields, boundary[1])


def _response(response: Any, truncated: list[str], remark: Remark) -> Response | None:
    status = status_of(response.get("status")) if isinstance(response, dict) else 0
    if not status:
        if response and (not isinstance(response, dict) or response.get("status") not in _NO_STATUS):
            remark("The response has no status and was omitted.")
        return None
    headers = plain(header_pairs(response.get("headers"), remark))
    content = response.get("content")
    content = content if isinstance(content, dict) else {}
    headers.raw = [pair for pair in headers.raw if pair[0] not in _ENCODINGS]
    if content.get("text"):
        return Response(status, headers, _decode(content, "response", truncated, remark))
    _note_missing(content.get("size"), "response", truncated)
    return Response(status, headers)


def _decode(content: dict[str, Any], side: str, truncated: list[str], remark: Remark) -> bytes:
    text = content["text"]
    if str(content.get("encoding") or "").lower() != "base64":
        return text_of(text)
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError, TypeError):
        truncated.append(side)
        remark(f"The body of the {side} is not valid base64 and was omitted.")
        return b""


def _note_missing(size: Any, side: str, truncated: list[str]) -> None:
    """Add `side` ("request" or "response") to `truncated` if its body has a size but no recorded contents."""
    if isinstance(size, int | float) and size > 0:
        truncated.append(side)
