"""An HTTP/2 client without TLS, which uses the package `h2` for frames.

Envoy's listener recognises HTTP/2 by its first bytes (codec AUTO). The checks of `h2` are disabled, so that unusual messages
reach the filter.
"""

from __future__ import annotations

import contextlib
import time
from types import EllipsisType
from typing import Any

from ...errors import UsageError
from ...messages import Headers, Request, Response, to_bytes
from ...parsing.header_block import HOP_BY_HOP
from .client_connection import ClientConnection, ClientResult

__all__ = ["Http2Client"]

_READ = 1 << 16

#: Headers that don't exist in HTTP/2, which uses pseudo-headers and frames instead.
_CONNECTION_HEADERS = HOP_BY_HOP | {b"host"}


class Http2Client(ClientConnection):
    """A client connection with HTTP/2, which uses one stream at a time. The parameters are those of `ClientConnection`.

    Raises
    ------
    UsageError
        The package `h2` isn't installed.
    """

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        self._h2 = _connection()
        super().__init__(host, port, timeout=timeout, gap=gap)
        self._timeout = timeout
        self._received = _Received()
        self._stream = -1
        self._h2.initiate_connection()

    def request(
        self, request: Request, *, complete: bool = True, wait: float | EllipsisType | None = ...
    ) -> ClientResult:
        """Send a request and read its response, as described for `ClientConnection.request`."""
        if not isinstance(wait, EllipsisType):
            self._timeout = wait
        self._stream += 2
        self._received = _Received(self._stream)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the server can close early
            self._send(request, complete=complete)
        while not self._received.end:
            self._receive(self._timeout)
        return self._received.result()

    def _send(self, request: Request, *, complete: bool) -> None:
        chunks = request.chunks if request.chunks is not None else [request.body] if request.body else []
        trailers = request.trailers.raw
        framed = request.chunks is not None or bool(chunks or trailers)
        self._h2.send_headers(self._stream, _head(request), end_stream=not framed)
        if request.chunks is None and not trailers:  # write headers and body in one call, as for HTTP/1.1
            for index, chunk in enumerate(chunks):
                self._send_data(chunk, end=index == len(chunks) - 1)
            self._flush()
            return
        self._flush()
        for chunk in chunks:
            time.sleep(self.gap)
            self._send_data(chunk, end=False)
            self._flush()
        if not complete:
            return
        time.sleep(self.gap)
        if trailers:
            self._h2.send_headers(self._stream, trailers, end_stream=True)
        else:
            self._h2.end_stream(self._stream)
        self._flush()

    def _send_data(self, data: bytes, *, end: bool) -> None:
        """Send data frames for a chunk. If the flow control window is full, wait until the server enlarges it."""
        while len(data) > (window := self._window()):
            if window:
                self._h2.send_data(self._stream, data[:window])
                data = data[window:]
            else:
                self._flush()
                self._receive(self._timeout)
            if self._received.end:
                return
        self._h2.send_data(self._stream, data, end_stream=end)

    def _window(self) -> int:
        if self._received.end:
            return 0
        return min(int(self._h2.local_flow_control_window(self._stream)), int(self._h2.max_outbound_frame_size))

    def _flush(self) -> None:
        self.socket.sendall(self._h2.data_to_send())

    def _receive(self, timeout: float | None) -> None:
        """Read and record the next frames. If the connection ends or times out, mark the response as ended."""
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(_READ)
        except TimeoutError:
            self._received.end = "timeout"
            return
        except OSError:
            self._received.end, self.ended = "reset", True
            return
        if not data:
            self._received.end, self.ended = "closed", True
            return
        self._received.raw += data
        for event in self._h2.receive_data(data):
            self._received.record(event)
            self.ended = self.ended or type(event).__name__ == "ConnectionTerminated"
            if type(event).__name__ == "DataReceived":
                self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        with contextlib.suppress(OSError):
            self._flush()


class _Received:
    """The part of a response that has been received.

    Attributes
    ----------
    end
        How the response ended, as in `ClientResult.end`, or '' while it hasn't ended.
    """

    def __init__(self, stream: int = 0) -> None:
        self._stream = stream
        self.headers: Headers | None = None
        self.trailers = Headers()
        self.chunks: list[bytes] = []
        self.raw = b""
        self.end = ""

    def record(self, event: Any) -> None:
        """Record an event from the package `h2`."""
        kind = type(event).__name__
        if getattr(event, "stream_id", self._stream) != self._stream:
            return
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
        """Convert the received response to the client's result."""
        if self.headers is None:
            return ClientResult(None, self.end, self.raw)
        status = self.headers[":status"]
        del self.headers[":status"]
        response = Response(int(status), self.headers, chunks=self.chunks or None)
        response.trailers = self.trailers
        response.reset = self.end not in ("complete", "timeout")
        return ClientResult(response, self.end, self.raw)


def _head(request: Request) -> list[tuple[bytes, bytes]]:
    """Return a request's headers for HTTP/2, beginning with the pseudo-headers."""
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
    """Create an `h2` connection that doesn't check or change headers."""
    try:
        from h2.config import H2Configuration
        from h2.connection import H2Connection
    except ImportError:
        raise UsageError(
            "HTTP/2 to a real Envoy requires the package h2. Run `pip install h2`, or install wasmnb with its `envoy` extra."
        ) from None
    config = H2Configuration(
        client_side=True, header_encoding=None, validate_outbound_headers=False, normalize_outbound_headers=False,
        validate_inbound_headers=False, normalize_inbound_headers=False,
    )  # fmt: skip
    return H2Connection(config)
