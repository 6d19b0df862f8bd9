"""A plain HTTP/1.1 client that sends what it is told, in the order and pieces it is told, and shows every byte.

Chunks of a request go out one by one with a pause between, so that the proxy reads them one by one; that is what makes
one body callback a chunk.
"""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import dataclass
from typing import Self

from ...messages import Headers, Request, Response, to_bytes
from .http1 import Message, Reader, chunked, head_bytes
from .loopback import reset_when_closed

__all__ = ["Answer", "Client"]


@dataclass
class Answer:
    """What the client got for one request.

    Attributes
    ----------
    response
        None if not even a status line came.
    end
        "complete", "closed", "reset" or "timeout".
    raw
        The bytes as they came.
    """

    response: Response | None
    end: str
    raw: bytes
    reason: str = ""

    @classmethod
    def of(cls, message: Message) -> Answer:
        """From a message that was read."""
        if message.head is None:
            return cls(None, message.end, message.raw)
        response = Response(message.head.status, message.header_map(), chunks=message.chunks or None)
        response.trailers = Headers(message.trailers)
        response.reset = message.end != "complete"
        return cls(response, message.end, message.raw, message.head.start[2].decode("latin-1"))


class Client:
    """One connection.

    Parameters
    ----------
    timeout
        Seconds of silence after which an answer counts as not coming.
    gap
        Seconds between two chunks of a request.
    """

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        self.gap = gap
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.socket, timeout)

    def request(self, request: Request) -> Answer:
        """Send a request and read its answer."""
        self.send(request)
        return self.answer(request.method)

    def answer(self, method: str = "GET") -> Answer:
        """Read the answer to a request of `method`."""
        return Answer.of(self.reader.response(method))

    def send(self, request: Request, *, finish: bool = True) -> None:
        """Send a request; with `finish=False` a chunked body stays open.

        A peer that answers early and closes does not make this fail: its answer is still to be read.
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(request, finish)

    def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def receive(self) -> bytes | str:
        """What comes next, for connections that speak no HTTP: bytes; else "closed", "reset" or "timeout"."""
        try:
            return self.socket.recv(1 << 16) or "closed"
        except TimeoutError:
            return "timeout"
        except OSError:
            return "reset"

    def wait(self, seconds: float) -> None:
        """Do nothing for a while, as a slow client does."""
        time.sleep(seconds)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Close the connection; `reset` aborts it."""
        if reset:
            reset_when_closed(self.socket)
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, request: Request, finish: bool) -> None:
        in_chunks = request.chunks is not None or len(request.trailers) > 0
        head = _head(request, in_chunks)
        if not in_chunks:
            # At once, as most clients do: whether Envoy reads the body together with the headers is no race then.
            self.socket.sendall(head + request.body)
            return
        self.socket.sendall(head)
        for piece in request.chunks if request.chunks is not None else [request.body]:
            time.sleep(self.gap)
            self.socket.sendall(chunked(piece))
        if finish:
            time.sleep(self.gap)
            self.socket.sendall(b"0\r\n" + head_bytes(b"", request.trailers.raw).removeprefix(b"\r\n"))


def _head(request: Request, in_chunks: bool) -> bytes:
    """Request line and headers: `host` first, the framing header last, unless the request brings its own."""
    start = b" ".join((to_bytes(request.method), to_bytes(request.path), b"HTTP/1.1"))
    headers = list(request.headers.raw)
    if request.authority and "host" not in request.headers:
        headers.insert(0, (b"host", to_bytes(request.authority)))
    if in_chunks and "transfer-encoding" not in request.headers:
        headers.append((b"transfer-encoding", b"chunked"))
    elif request.body and "content-length" not in request.headers:
        headers.append((b"content-length", b"%d" % len(request.body)))
    return head_bytes(start, headers)
