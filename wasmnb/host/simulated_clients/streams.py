"""The client's end of a stream or connection, which sends chunk by chunk, reads and closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Self

from ...errors import UsageError
from ...messages import Headers, HeadersLike, Request, Text, to_bytes

if TYPE_CHECKING:
    from ..event_loop import EventLoop
    from ..http.stream import HttpStream
    from ..tcp.stream import TcpStream
    from ..trace.exchange import Exchange, TcpExchange

__all__ = ["Stream", "TcpConnection", "send_bytes", "send_whole", "to_send"]


class Stream:
    """A request whose body the client sends chunk by chunk.

    Every method runs the proxy until nothing is left to do at the current virtual time. Virtual time passes only in `wait` and
    in `Proxy.advance`.

    Attributes
    ----------
    exchange
        Record of the exchange, which is updated while the stream is open.
    """

    def __init__(self, loop: EventLoop, stream: HttpStream) -> None:
        self._loop = loop
        self._stream = stream
        self.exchange: Exchange = stream.exchange
        self._ended = False

    def send_body(self, chunk: Text, *, end: bool = False) -> Stream:
        """Send a chunk of the body, and return the stream.

        Parameters
        ----------
        chunk
            Bytes, or text to encode as UTF-8.
        end
            Whether this chunk ends the request, without trailers (default False).

        Raises
        ------
        UsageError
            The request is complete already.
        """
        self._check()
        data = to_bytes(chunk)
        request = self.exchange.request
        request.chunks = [*(request.chunks or []), data]
        request.body += data
        self._ended = end
        self._do(lambda: self._stream.decoder.data(data, end=end))
        return self

    def send_trailers(self, trailers: HeadersLike = ()) -> Stream:
        """Send trailers, end the request, and return the stream.

        Parameters
        ----------
        trailers
            Trailers as a mapping or as pairs of names and values (default none).

        Raises
        ------
        UsageError
            The request is complete already.
        """
        self._check()
        items = Headers(trailers)
        self.exchange.request.trailers = items
        self._ended = True
        self._do(lambda: self._stream.decoder.trailers(items.raw))
        return self

    def reset(self) -> Exchange:
        """Reset the stream, as when the client disconnects, and return the exchange."""
        self._ended = True
        self._do(self._stream.control.on_client_disconnect)
        return self.exchange

    def wait(self, seconds: float | None = None) -> Exchange:
        """Wait until the exchange is done, and return it.

        Parameters
        ----------
        seconds
            Maximum virtual seconds to wait. None (the default): no limit.
        """
        self._loop.run_until_done(self.exchange, seconds)
        return self.exchange

    def _check(self) -> None:
        if self._ended:
            raise UsageError(
                "Nothing more can be sent: the request is already complete. Start another one with open()."
            )

    def _do(self, action: Callable[[], None]) -> None:
        self._loop.run_on_worker(self._stream.worker, action)

    def __repr__(self) -> str:
        return f"<Stream of {self.exchange!r}>"


class TcpConnection:
    """The client's end of a TCP connection.

    Every method runs the proxy until nothing is left to do at the current virtual time.

    Attributes
    ----------
    exchange
        Record of the connection, which is updated while it is open.
    """

    def __init__(self, loop: EventLoop, stream: TcpStream) -> None:
        self._loop = loop
        self._stream = stream
        self.exchange: TcpExchange = stream.exchange
        self._read = 0
        self._ended = self._closed = False

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes to the proxy, and return the connection.

        Parameters
        ----------
        data
            Bytes, or text to encode as UTF-8.
        end
            Whether to close the client's side of the connection afterwards (default False).

        Raises
        ------
        UsageError
            The client's side is closed already.
        """
        raw = self._add_sent(data)
        self._ended = self.exchange.half_closed = end
        self._do(lambda: self._stream.data(raw, end=end))
        return self

    def _add_sent(self, data: Text) -> bytes:
        raw = to_send(data, ended=self._ended)
        self.exchange.sent += raw
        self.exchange.sent_chunks += [raw] if raw else []
        return raw

    def end(self) -> Self:
        """Close the client's side of the connection (half-close), and return the connection. The proxy can still send bytes."""
        return self.send(b"", end=True)

    def read(self, wait: float | None = 1.0) -> bytes | None:
        """Return the bytes received since the last `read`. Returns None if none have arrived, and `b""` if the connection has
        ended or the client has closed it.

        Parameters
        ----------
        wait
            Maximum virtual seconds to wait for bytes (default 1). None: return what has arrived, without waiting.
        """
        if wait and not self._has_news():
            self._loop.run_while(lambda: not self._has_news(), wait)
        data = self.exchange.received[self._read :]
        self._read += len(data)
        return data or (b"" if self.exchange.ended or self._closed else None)

    def _has_news(self) -> bool:
        return len(self.exchange.received) > self._read or self.exchange.ended or self._closed

    @property
    def received(self) -> bytes:
        """All bytes that the client has received."""
        return self.exchange.received

    def close(self, data: Text = b"") -> TcpExchange:
        """Close both sides of the connection, and return the exchange.

        Parameters
        ----------
        data
            Bytes to send before closing (default none). The client doesn't wait for a response, which would arrive at a closed
            socket.

        Raises
        ------
        UsageError
            `data` isn't empty, but the client's side is already closed.
        """
        raw = self._add_sent(data) if data else b""
        self._close(lambda: self._stream.on_client_close(raw))
        return self.exchange

    def reset(self) -> TcpExchange:
        """Abort the connection with a TCP reset, and return the exchange."""
        self._close(self._stream.on_client_reset)
        return self.exchange

    def _close(self, action: Callable[[], None]) -> None:
        """Run the action that closes the client's socket. A second call does nothing."""
        if self._closed:
            return
        self._closed = self._ended = True
        self.exchange.closed_by_proxy = self.exchange.ended
        if not self.exchange.done:
            self._do(action)

    def _do(self, action: Callable[[], None]) -> None:
        self._loop.run_on_worker(self._stream.worker, action)

    def __repr__(self) -> str:
        return f"<TcpConnection of {self.exchange!r}>"


def to_send(data: Text, *, ended: bool) -> bytes:
    """Return data as the bytes that a client sends over a TCP connection.

    Parameters
    ----------
    data
        Bytes, or text to encode as UTF-8.
    ended
        Whether the client has closed its side.

    Raises
    ------
    UsageError
        The client's side is closed already.
    """
    if ended:
        raise UsageError("The client has already closed its side of the connection. Open another one with connect().")
    return to_bytes(data)


def send_whole(stream: HttpStream, request: Request, *, complete: bool = True) -> None:
    """Send a whole request. Headers and body arrive in one event, further chunks and trailers in separate events.

    Parameters
    ----------
    stream, request
        The new stream, and the request to send over it.
    complete
        Whether to send the end of the body (default True).
    """
    trailers = request.trailers.raw if complete else []
    has_body = bool(request.body) or bool(trailers) or request.chunks is not None
    stream.start(request, end=not has_body, has_body=has_body)
    if request.chunks is None and request.body:
        stream.decoder.data(request.body, end=not trailers)
    last = len(request.chunks or ()) - 1
    for index, chunk in enumerate(request.chunks or ()):
        end = index == last and not trailers and complete
        stream.state.call_soon(lambda c=chunk, e=end: stream.decoder.data(c, end=e))  # type: ignore[misc]
    if trailers:
        stream.state.call_soon(lambda: stream.decoder.trailers(trailers))
    elif request.chunks is not None and not request.chunks and complete:
        stream.state.call_soon(lambda: stream.decoder.data(b"", end=True))


def send_bytes(stream: TcpStream, chunks: Sequence[bytes]) -> None:
    """Open a connection and send each chunk in a separate event. The last chunk also closes the client's side."""
    stream.start()
    stream.exchange.sent, stream.exchange.sent_chunks = b"".join(chunks), list(chunks)
    stream.exchange.half_closed = True
    call_soon, thread = stream.worker.server.clock.call_soon, stream.worker.thread
    for chunk in chunks[:-1]:
        call_soon(thread, lambda c=chunk: stream.data(c))  # type: ignore[misc]
    call_soon(thread, lambda: stream.data(chunks[-1] if chunks else b"", end=True))
