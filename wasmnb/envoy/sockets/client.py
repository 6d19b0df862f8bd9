"""An HTTP/1.1 client that sends requests without changing headers or chunks, and keeps all received bytes.

The client pauses between chunks, so that the proxy reads them separately and calls the filter's body callback for each.
"""

from __future__ import annotations

import contextlib
import socket
import time
from types import EllipsisType

from ...messages import Headers, Request, Response, to_bytes
from ...parsing.chunked_body import encode_chunk
from ...parsing.header_block import encode_header_block
from .client_connection import ClientConnection, ClientResult
from .http1 import MessageReader, ReceivedMessage
from .loopback import reset_when_closed

__all__ = ["Client"]


class Client(ClientConnection):
    """A client connection with HTTP/1.1. The parameters are those of `ClientConnection`."""

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        super().__init__(host, port, timeout=timeout, gap=gap)
        self.reader = MessageReader(self.socket, timeout)

    def request(
        self, request: Request, *, complete: bool = True, wait: float | EllipsisType | None = ...
    ) -> ClientResult:
        """Send a request and read its response, as described for `ClientConnection.request`."""
        if not isinstance(wait, EllipsisType):
            self.reader.timeout = wait
        self.send(request, finish=complete)
        result = self.read_response(request.method)
        self.ended = self.ended or result.end in ("closed", "reset") or _closes(result.response)
        return result

    def read_response(self, method: str = "GET") -> ClientResult:
        """Read the response to a request with this method. The method matters because responses to HEAD have no body."""
        return _result(self.reader.response(method))

    def send(self, request: Request, *, finish: bool = True) -> None:
        """Send a request.

        If the server responds early and closes the connection, no error is raised, and the response can still be read.

        Parameters
        ----------
        request
            The request.
        finish
            Whether to send the end of a chunked body (default True).
        """
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._send(request, finish=finish)

    def raw(self, data: bytes) -> None:
        """Send bytes without changing them."""
        self.socket.sendall(data)

    def receive(self) -> bytes | str:
        """Return the next bytes without parsing them as HTTP, or "closed", "reset" or "timeout" if there are none."""
        try:
            return self.socket.recv(1 << 16) or "closed"
        except TimeoutError:
            return "timeout"
        except OSError:
            return "reset"

    def wait(self, seconds: float) -> None:
        """Wait between two steps, as a slow client does."""
        time.sleep(seconds)

    def half_close(self) -> None:
        """Close the client's side of the connection."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Close the connection. If `reset` is True (default False), send a TCP reset."""
        if reset:
            reset_when_closed(self.socket)
        super().close()

    def _send(self, request: Request, *, finish: bool) -> None:
        in_chunks = request.chunks is not None or len(request.trailers) > 0
        head = _head(request, in_chunks)
        if not in_chunks:
            # Write headers and body in one call, as most clients do, so that Envoy always reads them together.
            self.socket.sendall(head + request.body)
            return
        self.socket.sendall(head)
        for chunk in request.chunks if request.chunks is not None else [request.body]:
            time.sleep(self.gap)
            self.socket.sendall(encode_chunk(chunk))
        if finish:
            time.sleep(self.gap)
            self.socket.sendall(encode_header_block(b"0", request.trailers.raw))


def _result(message: ReceivedMessage) -> ClientResult:
    """Convert a received message to the client's result."""
    if message.head is None:
        return ClientResult(None, message.end, message.raw)
    response = Response(message.head.status, message.header_map(), chunks=message.chunks or None)
    response.trailers = Headers(message.trailers)
    response.reset = message.end not in ("complete", "timeout")
    return ClientResult(response, message.end, message.raw, message.head.start[2].decode("latin-1"))


def _closes(response: Response | None) -> bool:
    """Return whether a response announces the end of the connection."""
    return response is not None and (response.headers.get("connection") or "").lower() == "close"


def _head(request: Request, in_chunks: bool) -> bytes:
    """Return the bytes of request line and headers. If missing, `host` is added first, and a framing header last."""
    start = b" ".join((to_bytes(request.method), to_bytes(request.path), b"HTTP/1.1"))
    headers = list(request.headers.raw)
    if request.authority and "host" not in request.headers:
        headers.insert(0, (b"host", to_bytes(request.authority)))
    if in_chunks and "transfer-encoding" not in request.headers:
        headers.append((b"transfer-encoding", b"chunked"))
    elif request.body and "content-length" not in request.headers:
        headers.append((b"content-length", b"%d" % len(request.body)))
    return encode_header_block(start, headers)
