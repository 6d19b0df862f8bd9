r"""A lenient reader of HTTP/1.1 messages on a socket.

A strict library would not do: a filter can make Envoy send a status of 0, a request line with two methods or a message
without `host`, and the user wants to see that. So names keep their case and order, bodies keep their chunks, and bytes that
can't be parsed end the message and stay in `raw`.

Facts (RFC 9112): a body is chunked, or has the length in content-length, or (responses only) ends with the connection;
1xx, 204, 304 and responses to HEAD have none. Trailers follow the last chunk.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from ...formats.header_block import parse_header_lines
from ...messages import Headers

__all__ = ["Head", "Message", "Reader", "encode_chunk", "encode_head"]

Pairs = list[tuple[bytes, bytes]]
_NO_BODY = frozenset((204, 304))
_LIMIT = 1 << 30  # bytes of one message


@dataclass
class Head:
    """Start line, split at its first two spaces, and headers as received."""

    start: tuple[bytes, bytes, bytes]
    headers: Pairs

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of a name in any case, or None."""
        return next((v for n, v in self.headers if n.lower() == name), None)

    @property
    def is_chunked(self) -> bool:
        """Whether the body is chunked."""
        return (self.get(b"transfer-encoding") or b"").lower().endswith(b"chunked")

    @property
    def length(self) -> int | None:
        """The content-length; None without one, or if it isn't a number."""
        text = self.get(b"content-length") or b""
        return int(text) if text.isdigit() else None

    @property
    def status(self) -> int:
        """The status of a response; 0 if it isn't a number."""
        return int(self.start[1]) if self.start[1].isdigit() else 0


@dataclass
class Message:
    """The received part of one message.

    Attributes
    ----------
    head
        Start line and headers; None if they are not complete.
    chunks, trailers
        The body as it arrived, and the trailers.
    interim
        Statuses of interim responses (1xx) that came before it.
    end
        "complete"; "closed", "reset" or "timeout" if the connection ended, was reset or had no traffic before that.
    raw
        Its bytes.
    """

    head: Head | None = None
    chunks: list[bytes] = field(default_factory=list)
    trailers: Pairs = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    end: str = "closed"
    raw: bytes = b""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)

    def header_map(self) -> Headers:
        """Return the headers with names in lower case."""
        return Headers(self.head.headers if self.head else [])


class _ConnectionEnded(Exception):
    """The connection ended; `args[0]` is the kind of end, as in `Message.end`."""


class Reader:
    """Reads messages from a socket.

    Parameters
    ----------
    sock
        The socket.
    timeout
        Seconds without traffic after which a message counts as ended (5); None for no limit.
    """

    def __init__(self, sock: socket.socket, timeout: float | None = 5.0) -> None:
        self.sock = sock
        self.timeout = timeout
        self._buffer = bytearray()
        self._message = Message()

    def response(self, method: str = "GET") -> Message:
        """Read the response to a request of this method, and the interim responses before it."""
        message = self._begin()
        try:
            head = message.head = self._head()
            while 100 <= head.status < 200 and head.status != 101 and head.length is None:
                message.interim.append(head.status)
                head = message.head = self._head()
            if method != "HEAD" and head.status not in _NO_BODY:
                self._body(head, until_close=True)
            message.end = "complete"
        except _ConnectionEnded as end:
            message.end = str(end)
        return message

    def request_head(self) -> Head | None:
        """Read the head of the next request; return None if the connection ended first."""
        message = self._begin()
        try:
            message.head = self._head()
        except _ConnectionEnded as end:
            message.end = str(end)
        return message.head

    def request_body(self) -> Message:
        """Read the body that belongs to the last head."""
        message = self._message
        try:
            if message.head is not None:
                self._body(message.head, until_close=False)
            message.end = "complete"
        except _ConnectionEnded as end:
            message.end = str(end)
        return message

    def pause(self, seconds: float) -> str | None:
        """Wait for some seconds; return "closed" or "reset" if the connection ended meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._fill(left)
            except _ConnectionEnded as end:
                return None if str(end) == "timeout" else str(end)
        return None

    @property
    def pending(self) -> bytes:
        """Received bytes that don't belong to a message yet."""
        return bytes(self._buffer)

    def _begin(self) -> Message:
        self._message = Message()
        return self._message

    def _head(self) -> Head:
        first, *lines = self._until(b"\r\n\r\n").split(b"\r\n")
        parts = first.split(b" ", 2)
        start = (parts[0], parts[1] if len(parts) > 1 else b"", parts[2] if len(parts) > 2 else b"")
        return Head(start, parse_header_lines(lines, nameless=True))

    def _body(self, head: Head, *, until_close: bool) -> None:
        if head.is_chunked:
            self._chunks()
        elif head.length is not None:
            self._exactly(head.length)
        elif until_close:
            self._rest()

    def _chunks(self) -> None:
        while size := self._chunk_size():
            self._message.chunks.append(self._take(size))
            self._until(b"\r\n")
        lines = []
        while line := self._until(b"\r\n"):
            lines.append(line)
        self._message.trailers = parse_header_lines(lines, nameless=True)

    def _chunk_size(self) -> int:
        text = self._until(b"\r\n").split(b";")[0].strip()
        try:
            size = int(text, 16)
        except ValueError:
            raise _ConnectionEnded("closed") from None
        if not 0 <= size <= _LIMIT:
            raise _ConnectionEnded("closed")
        return size

    def _exactly(self, size: int) -> None:
        """Read a body of known length chunk by chunk, so that the received part of an incomplete one is kept."""
        while size:
            if not self._buffer:
                self._fill(self.timeout)
            chunk = self._take(min(size, len(self._buffer)))
            self._message.chunks.append(chunk)
            size -= len(chunk)

    def _rest(self) -> None:
        while True:
            try:
                if not self._buffer:
                    self._fill(self.timeout)
            except _ConnectionEnded as end:
                if str(end) == "closed":
                    return
                raise
            self._message.chunks.append(self._take(len(self._buffer)))

    def _until(self, delimiter: bytes) -> bytes:
        while (index := self._buffer.find(delimiter)) < 0:
            if len(self._buffer) > _LIMIT:
                raise _ConnectionEnded("closed")
            self._fill(self.timeout)
        return self._take(index + len(delimiter))[:index]

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill(self.timeout)
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data

    def _fill(self, timeout: float | None) -> None:
        self.sock.settimeout(None if timeout is None else max(timeout, 0.001))
        try:
            data = self.sock.recv(1 << 16)
        except TimeoutError:
            raise _ConnectionEnded("timeout") from None
        except OSError:
            raise _ConnectionEnded("reset") from None
        if not data:
            raise _ConnectionEnded("closed")
        self._message.raw += data
        self._buffer += data


def encode_head(start: bytes, headers: Pairs) -> bytes:
    """Return start line and headers as bytes."""
    return b"\r\n".join([start, *(name + b": " + value for name, value in headers), b"", b""])


def encode_chunk(data: bytes) -> bytes:
    """Return data as one chunk; empty data as nothing, since an empty chunk would end the body."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""
