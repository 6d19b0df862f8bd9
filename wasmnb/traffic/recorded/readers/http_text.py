"""Raw HTTP/1: requests and responses as they are on the wire, one after the other, or as editors write them.

Lines may end with LF alone, and lines that begin with `###` separate messages (as in `.http` files). A response belongs to
the request before it. A body has the length that `content-length` or chunks say; without them it ends at the next message.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from ....messages import Request, Response
from ..exchange import ReadingNotes, RecordedExchange, Unreadable
from .fields import Pairs, parse_url, plain, request_of

__all__ = ["REQUEST_LINE", "read_http_text"]

REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: (HTTP/[0-9.]+))?[ \t]*\r?\n?")
_START = re.compile(rb"^(?:###[^\n]*|HTTP/[0-9.]+ [0-9]{3}[^\n]*|[A-Z]{3,20} \S+ HTTP/[0-9.]+[ \t]*\r?)$", re.MULTILINE)
_BLANK = re.compile(rb"\r?\n\r?\n|\Z")
_STATUS = re.compile(rb"HTTP/([0-9.]+) ([0-9]{3})")


class _Message(NamedTuple):
    """A message of the file.

    Attributes
    ----------
    start
        Its position in the file.
    line
        Request or status line.
    headers, body, trailers
        Its parts.
    complete
        The body has the length that the headers say.
    """

    start: int
    line: bytes
    headers: Pairs
    body: bytes
    trailers: Pairs
    complete: bool


def read_http_text(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Iterate over the exchanges of a file with raw HTTP/1 messages."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pending: _Message | None = None
        for message in _messages(data, notes):
            if _STATUS.match(message.line):
                if pending is None:
                    notes.add(f"byte {message.start:,}", "The response has no request before it.")
                    continue
                if message.line.split()[1].startswith(b"1") and message.line.split()[1] != b"101":
                    continue  # an interim response; the final one follows
                yield from _exchange(pending, message, notes)
                pending = None
                continue
            if pending is not None:
                yield from _exchange(pending, None, notes)
            pending = message
        if pending is not None:
            yield from _exchange(pending, None, notes)


def _exchange(request: _Message, response: _Message | None, notes: ReadingNotes) -> Iterator[RecordedExchange]:
    position = f"byte {request.start:,}"
    try:
        yield RecordedExchange(
            _request(request),
            None if response is None else _response(response),
            truncated=tuple(
                side for side, m in (("request", request), ("response", response)) if m is not None and not m.complete
            ),
            position=position,
        )
    except Unreadable as error:
        notes.add(position, str(error))


def _request(message: _Message) -> Request:
    match = REQUEST_LINE.fullmatch(message.line)
    if match is None:
        raise Unreadable("The line is not a request line such as `GET / HTTP/1.1`.")
    url = match[2].decode("utf-8", "surrogateescape")
    target = parse_url("/" if url == "*" else url) if match[1] != b"CONNECT" else None
    return request_of(message.headers, message.body, message.trailers, method=match[1], target=target)


def _response(message: _Message) -> Response:
    status = _STATUS.match(message.line)
    assert status is not None
    return Response(int(status[2]), plain(message.headers), message.body, plain(message.trailers))


def _messages(data: mmap.mmap, notes: ReadingNotes) -> Iterator[_Message]:
    position = 0
    while position < len(data):
        if data[position : position + 1] in (b"\r", b"\n", b" "):
            position += 1
        elif data[position : position + 1] == b"#":
            position = _line_end(data, position)
        else:
            end = _BLANK.search(data, position)
            assert end is not None
            line, *lines = data[position : end.start()].split(b"\n")
            if REQUEST_LINE.fullmatch(line) is None and _STATUS.match(line) is None:
                notes.add(f"byte {position:,}", "The line is neither a request line nor a status line.")
                following = _START.search(data, position + 1)
                position = len(data) if following is None else following.start()
                continue
            message, position = _message(data, position, line.rstrip(b"\r"), _header_lines(lines), end.end())
            yield message


def _message(data: mmap.mmap, start: int, line: bytes, headers: Pairs, body: int) -> tuple[_Message, int]:
    """Return a message, and the position behind it."""
    values = dict(headers)
    if b"chunked" in values.get(b"transfer-encoding", b"").lower():
        content, trailers, end, complete = _chunked(data, body)
        kept = [pair for pair in headers if pair[0] != b"transfer-encoding"]
        return _Message(start, line, kept, content, trailers, complete), end
    length = values.get(b"content-length", b"")
    if length.isdigit():
        end = body + int(length)
        return _Message(start, line, headers, data[body:end], [], end <= len(data)), min(end, len(data))
    following = _START.search(data, body)
    end = len(data) if following is None else following.start()
    return _Message(start, line, headers, data[body:end].rstrip(b"\r\n"), [], True), end


def _chunked(data: mmap.mmap, position: int) -> tuple[bytes, Pairs, int, bool]:
    """Return body, trailers, the position behind them, and whether the body is complete."""
    parts: list[bytes] = []
    while True:
        end = _line_end(data, position)
        try:
            size = int(data[position:end].partition(b";")[0], 16)
        except ValueError:
            return b"".join(parts), [], end, False
        if not size:
            stop = data.find(b"\n", end)
            if data[end : stop + 1].strip() == b"":
                return b"".join(parts), [], max(stop + 1, end), True
            blank = _BLANK.search(data, end)
            assert blank is not None
            return b"".join(parts), _header_lines(data[end : blank.start()].split(b"\n")), blank.end(), True
        parts.append(data[end : end + size])
        position = end + size
        if position >= len(data):
            return b"".join(parts), [], len(data), False
        position = _line_end(data, position)


def _line_end(data: mmap.mmap, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1


def _header_lines(lines: list[bytes]) -> Pairs:
    pairs = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            pairs.append((name.strip().lower(), value.strip()))
    return pairs
