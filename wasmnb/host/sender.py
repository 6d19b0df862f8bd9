"""Requests into a simulated proxy: whole, in a row, piece by piece, and as TCP connections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..messages import HeadersLike, Request, Text
from .client_streams import Stream, TcpConnection, send_whole
from .contexts.stream_info import Connection
from .event_loop import Running
from .http.stream import HttpStream
from .tcp.stream import TcpStream
from .trace.exchange import Exchange, TcpExchange

if TYPE_CHECKING:
    from .contexts.stream_info import Listener
    from .http.stream_state import Limits
    from .trace.exchange_log import Exchanges
    from .worker import Worker

__all__ = ["Sending"]

#: Virtual seconds that `request` waits for a stream that a filter holds.
DEFAULT_WAIT = 20.0


class Sending(Running):
    """The part of a proxy that its clients meet."""

    exchanges: Exchanges
    _listener: Listener
    _limits: Limits
    _connections = 0
    _next_worker = 0

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = (),
        body: Text = b"",
        trailers: HeadersLike = (),
        *,
        chunks: Iterable[Text] | None = None,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
        wait: float | None = DEFAULT_WAIT,
    ) -> Exchange:
        """Send a request and wait for its end.

        Parameters
        ----------
        method, path
            The request line.
        headers, trailers
            `Headers`, a mapping, or names and values in pairs.
        body, chunks
            The body in one piece (with content-length) or in several (chunked).
        worker
            Number of the worker that accepts the connection, from 1; by default they take turns.
        authority
            Value of the `host` header.
        http2
            Speak HTTP/2 rather than HTTP/1.1.
        wait
            Virtual seconds to wait for a stream that a filter holds; then its exchange is returned as `paused`, and goes
            on in later calls.

        Returns
        -------
        Exchange
        """
        request = Request.of(method, path, headers, body, trailers, authority, chunks)
        return self.send(request, worker=worker, http2=http2, wait=wait)

    def send(
        self, request: Request, *, worker: int | None = None, http2: bool = False, wait: float | None = DEFAULT_WAIT
    ) -> Exchange:
        """As `request`, for one that is made already."""
        stream = self._open(request, worker, http2=http2)
        self._on_worker(stream.worker, lambda: send_whole(stream, request))
        self._run_until(stream.exchange, wait)
        return stream.exchange

    def send_at(
        self, requests: Iterable[tuple[float, Request]], *, http2: bool = False, wait: float | None = DEFAULT_WAIT
    ) -> list[Exchange]:
        """Send requests one after the other without waiting for answers in between, then wait until all are over.

        Parameters
        ----------
        requests
            Virtual seconds since the one before, and the request. Workers take turns; one that is still busy makes the
            request wait, which its exchange's duration counts.
        """
        self._check_open()
        clock, moment, expected = self._server.clock, 0.0, 0
        exchanges: list[Exchange] = []
        for gap, request in requests:
            moment += gap
            due, worker = clock.now + moment, self._pick(None)

            def arrive(request: Request = request, worker: Worker = worker, due: float = due) -> None:
                stream = self._open(request, worker.thread.number, http2=http2)
                stream.exchange.started = due
                exchanges.append(stream.exchange)
                send_whole(stream, request)

            clock.call_later(moment, worker.thread, arrive)
            expected += 1
        self._run_while(lambda: len(exchanges) < expected, None)
        for exchange in exchanges:
            self._run_until(exchange, wait)
        return exchanges

    def get(self, path: str = "/", headers: Any = (), **more: Any) -> Exchange:
        """`request("GET", ...)`."""
        return self.request("GET", path, headers, **more)

    def post(self, path: str = "/", headers: Any = (), body: Text = b"", **more: Any) -> Exchange:
        """`request("POST", ...)`."""
        return self.request("POST", path, headers, body, **more)

    def open(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = (),
        *,
        end: bool = False,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
    ) -> Stream:
        """Send a request's headers only; the `Stream` sends the rest piece by piece.

        Parameters
        ----------
        end
            The request has no body.
        """
        request = Request.of(method, path, headers, authority=authority, chunks=None if end else [])
        stream = self._open(request, worker, http2=http2)
        self._on_worker(stream.worker, lambda: stream.start(request, end=end, has_body=not end))
        return Stream(self, stream)

    def connect(self, *, worker: int | None = None, cluster: str = "upstream") -> TcpConnection:
        """Open a TCP connection through the network filters.

        Parameters
        ----------
        cluster
            Where it goes. Its upstream is an echo, or a function from bytes to bytes or `TcpReply`; empty bytes mean that
            the client has closed its side.
        """
        self._check_open()
        if cluster not in self._server.clusters:
            raise UsageError(f"There is no cluster {cluster!r}.")
        on = self._pick(worker)
        exchange = TcpExchange(self.exchanges.next_number(), on.name, self._server)
        self.exchanges.append(exchange)
        stream = TcpStream(on, exchange, self._connect(), self._server.clusters[cluster])
        self._on_worker(on, stream.start)
        return TcpConnection(self, stream)

    def _open(self, request: Request, number: int | None, *, http2: bool) -> HttpStream:
        self._check_open()
        worker = self._pick(number)
        exchange = Exchange(self.exchanges.next_number(), worker.name, self._server, request)
        self.exchanges.append(exchange)
        connection = self._connect()
        return HttpStream(worker, exchange, connection, self._limits, http2=http2)

    def _connect(self) -> Connection:
        self._connections += 1
        peer = f"127.0.0.1:{40000 + self._connections % 20000}"
        return Connection(self._connections, peer, self._listener.address, listener=self._listener)

    def _pick(self, number: int | None) -> Worker:
        if number is None:
            self._next_worker += 1
            return self.workers[(self._next_worker - 1) % len(self.workers)]
        if not 1 <= number <= len(self.workers):
            raise UsageError(f"There is no worker {number}; they are numbered from 1 to {len(self.workers)}.")
        return self.workers[number - 1]
