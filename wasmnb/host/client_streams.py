"""A stream or connection in the hands of its client: send piece by piece, look, go away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import UsageError
from ..messages import Headers, HeadersLike, Request, Text, to_bytes

if TYPE_CHECKING:
    from .event_loop import Running
    from .http.stream import HttpStream
    from .tcp.stream import TcpStream
    from .trace.exchange import Exchange, TcpExchange

__all__ = ["Stream", "TcpConnection", "send_whole"]


class Stream:
    """A request being sent.

    Every method lets the proxy work until nothing is left to do at this moment; virtual time passes only in
    `Proxy.advance` and `wait`.

    Attributes
    ----------
    exchange
        What has happened so far.
    """

    def __init__(self, proxy: Running, stream: HttpStream) -> None:
        self._proxy = proxy
        self._stream = stream
        self.exchange: Exchange = stream.exchange
        self._ended = False

    def send_body(self, chunk: Text, *, end: bool = False) -> Stream:
        """Send a piece of the body; with `end` the last."""
        self._check()
        data = to_bytes(chunk)
        request = self.exchange.request
        request.chunks = [*(request.chunks or []), data]
        request.body += data
        self._ended = end
        self._do(lambda: self._stream.decoder.data(data, end=end))
        return self

    def send_trailers(self, trailers: HeadersLike = ()) -> Stream:
        """Send trailers, the end of the request."""
        self._check()
        items = Headers(trailers)
        self.exchange.request.trailers = items
        self._ended = True
        self._do(lambda: self._stream.decoder.trailers(items.raw))
        return self

    def reset(self) -> Exchange:
        """Go away."""
        self._ended = True
        self._do(self._stream.control.on_client_disconnect)
        return self.exchange

    def wait(self, seconds: float | None = None) -> Exchange:
        """Wait for the end, at most so many virtual seconds."""
        self._proxy._run_until(self.exchange, seconds)
        return self.exchange

    def _check(self) -> None:
        if self._ended:
            raise UsageError("The request has been sent completely; nothing can follow.")

    def _do(self, action: Callable[[], None]) -> None:
        self._proxy._on_worker(self._stream.worker, action)

    def __repr__(self) -> str:
        return f"<Stream of {self.exchange!r}>"


class TcpConnection:
    """A TCP connection of a client.

    Every method lets the proxy work until nothing is left to do at this moment.

    Attributes
    ----------
    exchange
        What has happened so far.
    """

    def __init__(self, proxy: Running, stream: TcpStream) -> None:
        self._proxy = proxy
        self._stream = stream
        self.exchange: TcpExchange = stream.exchange
        self._read = 0
        self._ended = False

    def send(self, data: Text, *, end: bool = False) -> TcpConnection:
        """Send bytes; with `end` close the own side after them."""
        if self._ended:
            raise UsageError("The connection's own side is closed; nothing can be sent any more.")
        raw = to_bytes(data)
        self.exchange.sent += raw
        self._ended = end
        self._do(lambda: self._stream.data(raw, end=end))
        return self

    def end(self) -> TcpConnection:
        """Close the own side (half-close)."""
        return self.send(b"", end=True)

    def read(self, wait: float | None = None) -> bytes | None:
        """What has arrived since the last `read`; b"" at the end, None if nothing has come.

        Parameters
        ----------
        wait
            Virtual seconds to wait for something.
        """
        if wait and not self._news():
            self._proxy._run_while(lambda: not self._news(), wait)
        fresh = self.exchange.received[self._read :]
        self._read += len(fresh)
        return fresh or (b"" if self.exchange.ended else None)

    def _news(self) -> bool:
        return len(self.exchange.received) > self._read or self.exchange.ended

    @property
    def received(self) -> bytes:
        """All that has arrived."""
        return self.exchange.received

    def close(self) -> TcpExchange:
        """Close both sides."""
        if not self._ended:
            self._ended = True
            self._do(self._stream.closed_by_client)
        return self.exchange

    def reset(self) -> TcpExchange:
        """Go away without a word."""
        self._ended = True
        self._do(self._stream.reset_by_client)
        return self.exchange

    def _do(self, action: Callable[[], None]) -> None:
        self._proxy._on_worker(self._stream.worker, action)

    def __repr__(self) -> str:
        return f"<TcpConnection of {self.exchange!r}>"


def send_whole(stream: HttpStream, request: Request) -> None:
    """A whole request: headers and a body in one piece arrive together, chunks and trailers are events of their own."""
    trailers = request.trailers.raw
    has_body = bool(request.body) or bool(trailers) or request.chunks is not None
    stream.start(request, end=not has_body, has_body=has_body)
    if request.chunks is None and request.body:
        stream.decoder.data(request.body, end=not trailers)
    last = len(request.chunks or ()) - 1
    for at, piece in enumerate(request.chunks or ()):
        stream.state.call_soon(lambda p=piece, e=at == last and not trailers: stream.decoder.data(p, end=e))  # type: ignore[misc]
    if trailers:
        stream.state.call_soon(lambda: stream.decoder.trailers(trailers))
    elif request.chunks is not None and not request.chunks:
        stream.state.call_soon(lambda: stream.decoder.data(b"", end=True))
