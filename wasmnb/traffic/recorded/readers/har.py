"""HAR 1.2, as browsers and proxies write it.

Facts: `content.text` is the decoded body, so that `content-encoding` and `transfer-encoding` of the recorded response no
longer apply. Chromium lists HTTP/2 pseudo-headers among the headers. Blocked requests have the status 0.
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
from ...curl import FormField, encode_form
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, parse_time
from .fields import Remark, Target, header_pairs, milliseconds, parse_url, plain, request_of, status_of, text_of
from .json_salvage import Place
from .json_stream import json_items

__all__ = ["exchange_of_entry", "read_har"]

_BOUNDARY = re.compile(r'(?i)multipart/[^;]*;.*?\bboundary="?([^";\s]+)')
_ENCODINGS = (b"content-encoding", b"transfer-encoding")
_ENTRIES = re.compile(rb'\{\s*"entries"\s*:')
#: Names that entries begin with.
_NAMES = (b"startedDateTime", b"pageref", b"_initiator", b"_connectionId", b"_fromCache", b"request")
#: Place of the entries in the document, by ijson's prefix.
_PLACES = {
    "item": Place(re.compile(rb"\["), _NAMES),
    **dict.fromkeys(("entries.item", "log.entries.item"), Place(re.compile(rb'"entries"\s*:\s*\['), _NAMES)),
}
_BLANK = re.compile(r"[\x00-\x20\x7f]")
#: Statuses of requests that got no response.
_NO_STATUS = (None, 0, -1, "", "0")
_HTTP2 = re.compile(r"(?i)(http/)?h?[23](\.0)?$")


def read_har(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Iterate over the entries of a HAR file."""
    prefix = _prefix(file)
    entries = json_items(file, prefix, notes, "entry", resume=_PLACES[prefix])
    for number, entry in entries:
        position = f"entry {number:,}"
        try:
            yield exchange_of_entry(entry, position, notes)
        except Unreadable as error:
            notes.add(position, str(error))


def _prefix(file: IO[bytes]) -> str:
    """Return the place of the entries: below `log`, or below `entries` or at the top, as some tools export them."""
    start = file.tell()
    head = file.read(4096).lstrip()
    file.seek(start)
    return "item" if head[:1] == b"[" else "entries.item" if _ENTRIES.match(head) else "log.entries.item"


def exchange_of_entry(entry: Any, position: str = "", notes: ReadingNotes | None = None) -> RecordedExchange:
    """Return the exchange of an entry. Parts of it that can't be read are left out and noted.

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


def _target(url: str) -> Target:
    """Return the parts of a URL. Some exporters decode it; a request line has no blanks and no control characters."""
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
        remark("A field of the form without a name was left out.")
    if fields:
        return _form(fields, str(data.get("mimeType") or ""), truncated)
    _note_missing(request.get("bodySize"), "request", truncated)
    return b""


def _form(params: list[dict[str, Any]], content_type: str, truncated: list[str]) -> bytes:
    """Return a form that is recorded as its fields; content of files is often left out, which is marked."""
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
            remark("The response has no status and was left out.")
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
        remark(f"The body of the {side} is not base64 and was left out.")
        return b""


def _note_missing(size: Any, side: str, truncated: list[str]) -> None:
    """Mark a body that has a size but no content."""
    if isinstance(size, int | float) and size > 0:
        truncated.append(side)
