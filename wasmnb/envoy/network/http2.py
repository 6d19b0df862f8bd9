"""An HTTP/2 client without TLS, with the interface of `client.Client`; the framing is the package `h2`'s.

Envoy's listener recognises HTTP/2 by its first bytes (codec AUTO). `h2` doesn't check the messages here, so that unusual
ones reach the filter.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any, Self

from ...errors import UsageError
from ...messages import Headers, Request, Response, to_bytes
from .client import ClientResult

__all__ = ["Http2Client"]

_STREAM = 1
_READ = 1 << 16

#: Headers that HTTP/2 replaces by pseudo-headers and frames.
_CONNECTION_HEADERS = frozenset((b"host", b"connection", b"transfer-encoding", b"keep-alive"))


class Http2Client:
    """One connection with one stream.

    Parameters
    ----------
    host, port
        The server's address.
    timeout
        Seconds without traffic after which the response counts as missing (5); None for no limit.
    gap
        Seconds between two chunks of a request (0.02).

    Raises
    ------
    UsageError
        The package `h2` isn't installed.
    """

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        self._h2 = _connection()
        self.gap = gap
        self._timeout = timeout
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = _Received()

    def request(self, request: Request) -> ClientResult:
        """Send a request and read its response."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server may respond early and close
            self._send(request)
        while not self._received.end:
            self._receive(self._timeout)
        return self._received.result()

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, request: Request) -> None:
        chunks = request.chunks if request.chunks is not None else [request.body] if request.body else []
        trailers = request.trailers.raw
        framed = request.chunks is not None or bool(chunks or trailers)
        self._h2.initiate_connection()
        self._h2.send_headers(_STREAM, _head(request), end_stream=not framed)
        if request.chunks is None and not trailers:  # in one write, as for HTTP/1.1
            for index, chunk in enumerate(chunks):
                self._send_data(chunk, end=index == len(chunks) - 1)
            self._flush()
            return
        self._flush()
        for chunk in chunks:
            time.sleep(self.gap)
            self._send_data(chunk, end=False)
            self._flush()
        time.sleep(self.gap)
        if trailers:
            self._h2.send_headers(_STREAM, trailers, end_stream=True)
        else:
            self._h2.end_stream(_STREAM)
        self._flush()

    def _send_data(self, data: bytes, *, end: bool) -> None:
        """Send data frames within the flow control window, which the server's frames enlarge."""
        while len(data) > (window := self._window()):
            if window:
                self._h2.send_data(_STREAM, data[:window])
                data = data[window:]
            else:
                self._flush()
                self._receive(self._timeout)
            if self._received.end:
                return
        self._h2.send_data(_STREAM, data, end_stream=end)

    def _window(self) -> int:
        if self._received.end:
            return 0
        return min(int(self._h2.local_flow_control_window(_STREAM)), int(self._h2.max_outbound_frame_size))

    def _flush(self) -> None:
        self.socket.sendall(self._h2.data_to_send())

    def _receive(self, timeout: float | None) -> None:
        """Read frames and record them. A connection that ends or times out ends the response."""
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(_READ)
        except TimeoutError:
            self._received.end = "timeout"
            return
        except OSError:
            self._received.end = "reset"
            return
        if not data:
            self._received.end = "closed"
            return
        self._received.raw += data
        for event in self._h2.receive_data(data):
            self._received.record(event)
            if type(event).__name__ == "DataReceived":
                self._h2.acknowledge_received_data(event.flow_controlled_length, _STREAM)
        with contextlib.suppress(OSError):
            self._flush()


class _Received:
    """The response so far.

    Attributes
    ----------
    end
        How it ended, as in `ClientResult.end`; empty before its end.
    """

    def __init__(self) -> None:
        self.headers: Headers | None = None
        self.trailers = Headers()
        self.chunks: list[bytes] = []
        self.raw = b""
        self.end = ""

    def record(self, event: Any) -> None:
        """Record an event of h2."""
        kind = type(event).__name__
        if kind == "ResponseReceived":
            self.headers = Headers(event.headers)
        elif kind == "TrailersReceived":
            self.trailers = Headers(event.headers)
        elif kind == "DataReceived" and event.data:
            self.chunks.append(event.data)
        elif kind == "StreamEnded":
            self.end = "complete"
        elif kind in ("StreamReset", "ConnectionTerminated"):
            self.end = self.end or "reset"

    def result(self) -> ClientResult:
        """Return the outcome for the client."""
        if self.headers is None:
            return ClientResult(None, self.end, self.raw)
        status = self.headers[":status"]
        del self.headers[":status"]
        response = Response(int(status), self.headers, chunks=self.chunks or None)
        response.trailers = self.trailers
        response.reset = self.end != "complete"
        return ClientResult(response, self.end, self.raw)


def _head(request: Request) -> list[tuple[bytes, bytes]]:
    """Return the pseudo-headers, then the other headers."""
    pseudo = (
        (b":method", request.method),
        (b":scheme", request.scheme),
        (b":path", request.path),
        (b":authority", request.headers.get("host") or request.authority),
    )
    headers = [(n, v) for n, v in request.headers.raw if n not in _CONNECTION_HEADERS]
    if (
        request.body
        and request.chunks is None
        and not len(request.trailers)
        and "content-length" not in request.headers
    ):
        headers.append((b"content-length", b"%d" % len(request.body)))
    return [*((name, to_bytes(value)) for name, value in pseudo if value), *headers]


def _connection() -> Any:
    """Return a connection of h2 that neither checks nor changes headers."""
    try:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
    except ImportError:
        raise UsageError(
            "HTTP/2 to a real Envoy needs the package h2: `pip install h2` (wasmnb's extra `envoy`)."
        ) from None
    config = H2Configuration(
        client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False,
        validate_inbound_headers=False, normalize_inbound_headers=False,
    )  # fmt: skip
    return H2Connection(config)
