r"""HTTP/1.1 messages on a socket, read leniently and shown as they are.

A strict library is the wrong tool here: a filter can make Envoy send a status of 0, a request line of two methods or a
message without `host`, and the point is to see that. So: names keep their case and order, bodies keep their chunks, and
whatever does not parse ends the message and stays readable in `raw`.

Facts (RFC 9112): a body is chunked, or as long as content-length says, or (responses only) ends with the connection;
1xx, 204, 304 and answers to HEAD have none. Trailers follow the last chunk.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass, field

from ...formats.header_block import parse_header_lines
from ...messages import Headers

__all__ = ["Head", "Message", "Reader", "chunked", "head_bytes"]

Pairs = list[tuple[bytes, bytes]]
_NO_BODY = frozenset((204, 304))
_LIMIT = 1 << 30  # bytes of one message; whatever sends more is broken


@dataclass
class Head:
    """Start line, split at its first two spaces, and headers as they stand."""

    start: tuple[bytes, bytes, bytes]
    headers: Pairs

    def get(self, name: bytes) -> bytes | None:
        """First value of a name, whatever its case."""
        return next((v for n, v in self.headers if n.lower() == name), None)

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return (self.get(b"transfer-encoding") or b"").lower().endswith(b"chunked")

    @property
    def length(self) -> int | None:
        """The content-length, if there is a sensible one."""
        text = self.get(b"content-length") or b""
        return int(text) if text.isdigit() else None

    @property
    def status(self) -> int:
        """The status of a response; 0 if it is no number."""
        return int(self.start[1]) if self.start[1].isdigit() else 0


@dataclass
class Message:
    """What came of one message.

    Attributes
    ----------
    end
        "complete"; "closed", "reset" or "timeout" if the connection ended, was reset or fell silent before that.
    raw
        Every byte of it.
    """

    head: Head | None = None
    chunks: list[bytes] = field(default_factory=list)
    trailers: Pairs = field(default_factory=list)
    interim: list[int] = field(default_factory=list)
    end: str = "closed"
    raw: bytes = b""

    @property
    def body(self) -> bytes:
        """The chunks joined."""
        return b"".join(self.chunks)

    def header_map(self) -> Headers:
        """The headers, names in lower case."""
        return Headers(self.head.headers if self.head else [])


class _Ended(Exception):
    """The connection gave no more; `args[0]` says how."""


class Reader:
    """Reads messages from a socket.

    Parameters
    ----------
    timeout
        Seconds of silence after which a message counts as ended.
    """

    def __init__(self, sock: socket.socket, timeout: float | None = 5.0) -> None:
        self.sock = sock
        self.timeout = timeout
        self._buffer = bytearray()
        self._message = Message()

    def response(self, method: str = "GET") -> Message:
        """Read one response (interim ones are noted on the way) to a request of `method`."""
        message = self._begin()
        try:
            head = message.head = self._head()
            while 100 <= head.status < 200 and head.status != 101 and head.length is None:
                message.interim.append(head.status)
                head = message.head = self._head()
            if method != "HEAD" and head.status not in _NO_BODY:
                self._body(head, until_close=True)
            message.end = "complete"
        except _Ended as end:
            message.end = str(end)
        return message

    def request_head(self) -> Head | None:
        """Read the head of the next request; None if the connection ended first."""
        message = self._begin()
        try:
            message.head = self._head()
        except _Ended as end:
            message.end = str(end)
        return message.head

    def request_body(self) -> Message:
        """Read the body of the request whose head was read last."""
        message = self._message
        try:
            if message.head is not None:
                self._body(message.head, until_close=False)
            message.end = "complete"
        except _Ended as end:
            message.end = str(end)
        return message

    def pause(self, seconds: float) -> str | None:
        """Wait, and say how the connection ended if it did ("closed", "reset")."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._fill(left)
            except _Ended as end:
                return None if str(end) == "timeout" else str(end)
        return None

    @property
    def pending(self) -> bytes:
        """Bytes read that belong to no message yet."""
        return bytes(self._buffer)

    def _begin(self) -> Message:
        self._message = Message()
        return self._message

    def _head(self) -> Head:
        first, *lines = self._until(b"\r\n\r\n").split(b"\r\n")
        parts = first.split(b" ", 2)
        start = (parts[0], parts[1] if len(parts) > 1 else b"", parts[2] if len(parts) > 2 else b"")
        return Head(start, parse_header_lines(lines))

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
        self._message.trailers = parse_header_lines(lines)

    def _chunk_size(self) -> int:
        text = self._until(b"\r\n").split(b";")[0].strip()
        try:
            size = int(text, 16)
        except ValueError:
            raise _Ended("closed") from None
        if not 0 <= size <= _LIMIT:
            raise _Ended("closed")
        return size

    def _exactly(self, size: int) -> None:
        """A body of known length, piece by piece, so that a cut one shows what came."""
        while size:
            if not self._buffer:
                self._fill(self.timeout)
            piece = self._take(min(size, len(self._buffer)))
            self._message.chunks.append(piece)
            size -= len(piece)

    def _rest(self) -> None:
        while True:
            try:
                if not self._buffer:
                    self._fill(self.timeout)
            except _Ended as end:
                if str(end) == "closed":
                    return
                raise
            self._message.chunks.append(self._take(len(self._buffer)))

    def _until(self, mark: bytes) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            if len(self._buffer) > _LIMIT:
                raise _Ended("closed")
            self._fill(self.timeout)
        return self._take(at + len(mark))[:at]

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
            raise _Ended("timeout") from None
        except OSError:
            raise _Ended("reset") from None
        if not data:
            raise _Ended("closed")
        self._message.raw += data
        self._buffer += data


def head_bytes(start: bytes, headers: Pairs) -> bytes:
    """Start line and headers, as they go on the wire."""
    return b"\r\n".join([start, *(name + b": " + value for name, value in headers), b"", b""])


def chunked(data: bytes) -> bytes:
    """One chunk; no data gives nothing, since an empty chunk would end the body."""
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""
