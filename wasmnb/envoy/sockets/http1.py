r"""A lenient parser for HTTP/1.1 messages from a socket.

A strict library isn't enough: a filter can make Envoy send a status of 0, a request line with two methods or a message without
`host`, and the user should see this. So names keep their case and order, bodies keep their chunks, and bytes that can't be
parsed end the message and are kept in `raw`.

According to RFC 9112, a body is chunked, has the length in content-length, or (only in responses) ends with the connection.
Responses 1xx, 204, 304 and those to HEAD have no body. Trailers follow the last chunk.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from ...messages import Headers
from ...parsing.chunked_body import read_chunk_size
from ...parsing.header_block import parse_header_lines

__all__ = ["MessageHead", "MessageReader", "ReceivedMessage"]

Pairs = list[tuple[bytes, bytes]]
_NO_BODY = frozenset((204, 304))
_LIMIT = 1 << 30  # maximum bytes of one message


@dataclass
class MessageHead:
    """The head of a message: the start line, split at its first two spaces, and the headers as they were received."""

    start: tuple[bytes, bytes, bytes]
    headers: Pairs

    def get(self, name: bytes) -> bytes | None:
        """Return the first value of a header, or None. `name` must be in lower case."""
        return next((v for n, v in self.headers if n.lower() == name), None)

    @property
    def is_chunked(self) -> bool:
        """Whether the body of the message is chunked."""
        return (self.get(b"transfer-encoding") or b"").lower().endswith(b"chunked")

    @property
    def length(self) -> int | None:
        """Value of content-length, or None if it is missing or isn't a number."""
        text = self.get(b"content-length") or b""
        return int(text) if text.isdigit() else None

    @property
    def status(self) -> int:
        """Status of a response, or 0 if it isn't a number."""
        return int(self.start[1]) if self.start[1].isdigit() else 0


@dataclass
class ReceivedMessage:
    """The received part of an HTTP message.

    Attributes
    ----------
    head
        Start line and headers, or None if they aren't complete.
    chunks, trailers
        Body in the chunks in which it arrived, and trailers.
    interim
        Statuses of interim responses (1xx) that arrived before this message.
    end
        "complete", or how the connection failed before the end of the message: "closed", "reset" or "timeout" (no traffic).
    raw
        Bytes of the message as they were received.
    """

    head: MessageHead | None = None
    chunks: list[bytes] = field(default_factory=list)
    trailers: Pairs = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    end: str = "closed"
    raw: bytes = b""

    @property
    def body(self) -> bytes:
        """The whole body of the message."""
        return b"".join(self.chunks)

    def header_map(self) -> Headers:
        """Return the headers of the message with names in lower case."""
        return Headers(self.head.headers if self.head else [])


class _ConnectionEnded(Exception):
    """The connection ended before the message did. `args[0]` is the reason, as in `ReceivedMessage.end`."""


class MessageReader:
    """Reader of HTTP messages from a socket.

    Parameters
    ----------
    sock
        Socket of the connection.
    timeout
        Seconds without traffic after which a message ends with "timeout" (default 5). None means no limit.
    """

    def __init__(self, sock: socket.socket, timeout: float | None = 5.0) -> None:
        self.sock = sock
        self.timeout = timeout
        self._buffer = bytearray()
        self._message = ReceivedMessage()

    def response(self, method: str = "GET") -> ReceivedMessage:
        """Read the response to a request with this method, including interim responses before it."""
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

    def request_head(self) -> MessageHead | None:
        """Read and return the head of the next request. Returns None if the connection ends first."""
        message = self._begin()
        try:
            message.head = self._head()
        except _ConnectionEnded as end:
            message.end = str(end)
        return message.head

    def request_body(self) -> ReceivedMessage:
        """Read the body of the request whose head was read last, and return the request."""
        message = self._message
        try:
            if message.head is not None:
                self._body(message.head, until_close=False)
            message.end = "complete"
        except _ConnectionEnded as end:
            message.end = str(end)
        return message

    def pause(self, seconds: float) -> str | None:
        """Wait for some seconds. Return "closed" or "reset" if the connection ends during this time, otherwise None."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._fill(left)
            except _ConnectionEnded as end:
                return None if str(end) == "timeout" else str(end)
        return None

    @property
    def pending(self) -> bytes:
        """Received bytes that haven't been parsed yet."""
        return bytes(self._buffer)

    def _begin(self) -> ReceivedMessage:
        self._message = ReceivedMessage()
        return self._message

    def _head(self) -> MessageHead:
        first, *lines = self._until(b"\r\n\r\n").split(b"\r\n")
        parts = first.split(b" ", 2)
        start = (parts[0], parts[1] if len(parts) > 1 else b"", parts[2] if len(parts) > 2 else b"")
        return MessageHead(start, parse_header_lines(lines, nameless=True))

    def _body(self, head: MessageHead, *, until_close: bool) -> None:
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
        size = read_chunk_size(self._until(b"\r\n"))
        if size is None or size > _LIMIT:
            raise _ConnectionEnded("closed")
        return size

    def _exactly(self, size: int) -> None:
        """Read a body of known length as it arrives, so that the received part is kept if the connection ends early."""
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
