"""Read raw HTTP/1 requests and responses, as they are sent over a connection or written in `.http` files.

Lines may end with LF, and messages may be separated by lines that begin with `###`. A response belongs to the request before
it. The length of a body is set by `content-length` or by chunks. A body without a length ends at the next message. Responses
to HEAD and responses with status 1xx, 204 or 304 have no body.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from ....messages import Request, Response
from ....parsing.chunked_body import read_chunk_size
from ....parsing.header_block import TOKEN, parse_header_lines
from ..exchange import ReadingNotes, RecordedExchange, Unreadable
from .fields import Pairs, Remark, parse_url, plain, request_of

__all__ = ["REQUEST_LINE", "read_http_text"]

REQUEST_LINE = re.compile(rb"(" + TOKEN.pattern + rb") (\S+)(?: (HTTP/[0-9.]+))?[ \t]*\r?\n?")
_START = re.compile(
    rb"^(?:###[^\n]*|HTTP/[0-9.]+ [0-9]{3}[^\n]*|[A-Za-z]{3,20} +\S[^\n]* HTTP/[0-9.]+[ \t]*\r?)$", re.MULTILINE
)
#: Beginning of the message that follows a body that is shorter than its stated length.
_RESUMED = re.compile(rb"(?:[A-Z]{3,20} \S+ HTTP/1\.[01]|HTTP/1\.[01] [0-9]{3}[^\n]*)\r?\n")
_BLANK = re.compile(rb"\r?\n\r?\n|\Z")
_STATUS = re.compile(rb"HTTP/([0-9.]+) ([0-9]{3})")


class _TextMessage(NamedTuple):
    """A request or response in the file.

    Attributes
    ----------
    start
        Position of the message in the file.
    line
        Request line or status line.
    headers, body, trailers
        The other parts of the message.
    complete
        Whether the body has the length that the headers state.
    """

    start: int
    line: bytes
    headers: Pairs
    body: bytes
    trailers: Pairs
    complete: bool


def read_http_text(file: IO[bytes], notes: ReadingNotes, **_options: Any) -> Iterator[RecordedExchange]:
    """Yield the exchanges of a file with raw HTTP/1 messages."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pending: _TextMessage | None = None
        for message in _messages(data, notes):
            if _STATUS.match(message.line):
                if pending is None:
                    notes.add(
                        f"byte {message.start:,}", "The response was skipped, because there is no request before it."
                    )
                    continue
                if message.line.split()[1].startswith(b"1") and message.line.split()[1] != b"101":
                    continue  # an interim response, which is followed by the final one
                yield from _exchange(pending, message, notes)
                pending = None
                continue
            if pending is not None:
                yield from _exchange(pending, None, notes)
            pending = message
        if pending is not None:
            yield from _exchange(pending, None, notes)


def _exchange(request: _TextMessage, response: _TextMessage | None, notes: ReadingNotes) -> Iterator[RecordedExchange]:
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


def _request(message: _TextMessage) -> Request:
    match = REQUEST_LINE.fullmatch(message.line)
    if match is None:
        raise Unreadable("The line is not a request line such as `GET / HTTP/1.1`.")
    url = match[2].decode("utf-8", "surrogateescape")
    target = parse_url("/" if url == "*" else url) if match[1] != b"CONNECT" else None
    return request_of(message.headers, message.body, message.trailers, method=match[1], target=target)


def _response(message: _TextMessage) -> Response:
    status = _STATUS.match(message.line)
    assert status is not None
    return Response(int(status[2]), plain(message.headers), message.body, plain(message.trailers))


def _messages(data: mmap.mmap, notes: ReadingNotes) -> Iterator[_TextMessage]:
    position, head = 0, False
    while position < len(data):
        if data[position : position + 1] in (b"\r", b"\n", b" "):
            position += 1
        elif data[position : position + 1] == b"#":
            position = _line_end(data, position)
        else:
            end = _BLANK.search(data, position)
            assert end is not None
            line, *lines = data[position : end.start()].split(b"\n")
            status = _STATUS.match(line)
            if status is None and REQUEST_LINE.fullmatch(line) is None:
                notes.add(f"byte {position:,}", "The line is neither a request line nor a status line.")
                following = _START.search(data, position + 1)
                position = len(data) if following is None else following.start()
                continue
            remark = notes.remark_at(f"byte {position:,}")
            headers = _header_lines(lines, remark)
            line = line.rstrip(b"\r")
            if status is None:
                head = line.startswith(b"HEAD ")
            elif head or status[2] in (b"204", b"304") or status[2][:1] == b"1":
                # Responses of these kinds have no body, even if the headers state a length.
                yield _TextMessage(position, line, headers, b"", [], True)
                position = end.end()
                continue
            message, position = _message(data, position, line, headers, end.end(), remark)
            yield message


def _message(
    data: mmap.mmap, start: int, line: bytes, headers: Pairs, body: int, remark: Remark
) -> tuple[_TextMessage, int]:
    """Read the body of a message. Returns the message and the position after it."""
    values = dict(headers)
    if b"chunked" in values.get(b"transfer-encoding", b"").lower():
        content, trailers, end, complete = _chunked(data, body, remark)
        kept = [pair for pair in headers if pair[0] != b"transfer-encoding"]
        return _TextMessage(start, line, kept, content, trailers, complete), end
    length = values.get(b"content-length", b"")
    if length.isdigit():
        end = body + int(length)
        complete = end <= len(data)
        end = end if complete else _body_end(data, body, _RESUMED)
        return _TextMessage(start, line, headers, data[body:end], [], complete), end
    end = _body_end(data, body)
    return _TextMessage(start, line, headers, data[body:end].rstrip(b"\r\n"), [], True), end


def _body_end(data: mmap.mmap, start: int, pattern: re.Pattern[bytes] = _START) -> int:
    """Return the position of the next message, for a body with an unknown or wrong length."""
    following = pattern.search(data, start)
    return len(data) if following is None else following.start()


def _chunked(data: mmap.mmap, position: int, remark: Remark) -> tuple[bytes, Pairs, int, bool]:
    """Read a chunked body. Returns the body, the trailers, the position after them, and whether the body is complete."""
    parts: list[bytes] = []
    while True:
        end = _line_end(data, position)
        size = read_chunk_size(data[position:end])
        if size is None:
            return b"".join(parts), [], end, False
        if not size:
            stop = data.find(b"\n", end)
            if data[end : stop + 1].strip() == b"":
                return b"".join(parts), [], max(stop + 1, end), True
            blank = _BLANK.search(data, end)
            assert blank is not None
            return b"".join(parts), _header_lines(data[end : blank.start()].split(b"\n"), remark), blank.end(), True
        position = end + size
        if position >= len(data):
            stop = _body_end(data, end, _RESUMED)
            return b"".join([*parts, data[end:stop]]), [], stop, False
        parts.append(data[end:position])
        position = _line_end(data, position)


def _line_end(data: mmap.mmap, position: int) -> int:
    end = data.find(b"\n", position)
    return len(data) if end < 0 else end + 1


def _header_lines(lines: list[bytes], remark: Remark) -> Pairs:
    """Parse header lines. A line that begins with a space or tab continues the previous header."""

    def malformed(_index: int, _line: bytes) -> None:
        remark("A header without a name or a colon was omitted.")

    pairs = parse_header_lines(filter(None, map(bytes.rstrip, lines)), unfold="space", on_malformed=malformed)
    return [(name.strip().lower(), value.strip()) for name, value in pairs]
