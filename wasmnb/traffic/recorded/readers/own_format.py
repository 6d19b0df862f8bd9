r"""Read and write wasmnb's own format for recordings (`.jsonl`), with one exchange per line as JSON.

    {"request": {"method": "GET", "path": "/", "authority": "a.test", "headers": [["accept", "*/*"]], "body": "..."},
     "response": {"status": 200, "headers": [...], "body": "..."}, "started": 1767225600.0, "duration": 0.02}

Bytes that aren't UTF-8 are written as surrogates in headers (`\udcff`, PEP 383) and as base64 in bodies (`body_base64`).
Default values are omitted. The lines are independent of each other. A recording can therefore be split at any line.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from typing import IO, Any

from ....abi.text import encode_text
from ....errors import UsageError
from ....messages import Headers, Request, Response, to_bytes, to_text
from ..exchange import ReadingNotes, RecordedExchange, Unreadable, finite
from .har import exchange_of_entry

__all__ = ["decode_line", "encode_line", "read_jsonl"]


def encode_line(recorded: RecordedExchange) -> bytes:
    """Return an exchange as a line of JSON, including the line end."""
    request, response = recorded.request, recorded.response
    record: dict[str, Any] = {
        "request": {
            "method": request.method, "path": request.path, "authority": request.authority, "scheme": request.scheme,
            **_content(request),
        }
    }  # fmt: skip
    if response is not None:
        record["response"] = {"status": response.status, **_content(response)}
        if response.reset:
            record["response"]["reset"] = True
    for name in ("started", "duration", "connection", "http2", "truncated"):
        value = getattr(recorded, name)
        if value or isinstance(value, float):
            record[name] = value
    return encode_text(json.dumps(record, separators=(",", ":"))) + b"\n"


def _content(message: Request | Response) -> dict[str, Any]:
    content: dict[str, Any] = {"headers": [(to_text(n), to_text(v)) for n, v in message.headers.raw]}
    if message.body:
        try:
            content["body"] = message.body.decode()
        except UnicodeDecodeError:
            content["body_base64"] = base64.b64encode(message.body).decode()
    if message.chunks is not None:
        content["chunks"] = [len(chunk) for chunk in message.chunks]
    if message.trailers.raw:
        content["trailers"] = message.trailers.items()
    return content


def decode_line(line: bytes, position: str = "", notes: ReadingNotes | None = None) -> RecordedExchange:
    """Return the exchange of a line. Messages about omitted parts are added to `notes`.

    Raises
    ------
    Unreadable
        The line is not JSON, or a part of the exchange is missing or invalid.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"The line is not JSON ({error}).") from None
    try:
        request, response = record["request"], record.get("response")
        if "url" in request:
            return exchange_of_entry(record, position, notes)  # a HAR file's entries, one per line
        return RecordedExchange(
            _request(request),
            None if response is None else _response(response),
            finite(record.get("started")),
            finite(record.get("duration")),
            str(record.get("connection", "")),
            bool(record.get("http2", False)),
            tuple(map(str, record.get("truncated", ()))),
            position,
        )
    except Unreadable:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, UsageError, binascii.Error) as error:
        raise Unreadable(f"The line is not an exchange in wasmnb's format ({_reason(error)}).") from None


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error).rstrip(".")


def _request(record: dict[str, Any]) -> Request:
    return Request(
        str(record["method"]), str(record["path"]), _headers(record.get("headers")), _body(record),
        _headers(record.get("trailers")), str(record.get("authority", "example.com")), str(record.get("scheme", "http")), _chunks(record),
    )  # fmt: skip


def _response(record: dict[str, Any]) -> Response:
    return Response(
        int(record["status"]), _headers(record.get("headers")), _body(record), _headers(record.get("trailers")), _chunks(record),
        reset=bool(record.get("reset", False)),
    )  # fmt: skip


def _headers(pairs: Any) -> Headers:
    headers = Headers()
    if pairs:
        headers.raw = [(encode_text(n).lower(), encode_text(v)) for n, v in pairs]
    return headers


def _body(record: dict[str, Any]) -> bytes:
    if "body_base64" in record:
        return base64.b64decode(record["body_base64"], validate=True)
    return to_bytes(record.get("body") or b"")


def _chunks(record: dict[str, Any]) -> list[bytes] | None:
    if "chunks" not in record:
        return None
    body, start, chunks = _body(record), 0, []
    for length in record["chunks"]:
        chunks.append(body[start : start + length])
        start += length
    return chunks


def read_jsonl(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Yield the exchanges of a file in wasmnb's format."""
    for number, line in enumerate(file, 1):
        if line.isspace():
            continue
        try:
            yield decode_line(line, f"line {number:,}", notes)
        except Unreadable as error:
            cut = "" if line.endswith(b"\n") else " The file ends inside this line."
            notes.add(f"line {number:,}", f"{error}{cut}")
