"""The sender of a simulated proxy, which opens its clients' connections and sends their requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...messages import Request
from ..clock import Thread, Timer, check_worker
from ..contexts.stream_info import Connection
from ..http.connection_manager.client_connection import HttpConnection
from ..http.stream import HttpStream
from ..tcp.stream import TcpStream
from ..trace.exchange import Exchange, TcpExchange
from .delivery import Delivery
from .session import ClientSession
from .streams import Stream, TcpConnection, send_bytes, send_whole

if TYPE_CHECKING:
    from ..components import ProxyComponents
    from ..settings import ProxySettings
    from ..worker import Worker

__all__ = ["Sender"]

#: The first client port, and the number of ports that are used before they repeat.
_FIRST_PORT, _PORTS = 40000, 20000

#: Maximum number of requests and connections that can be open in a proxy at the same time.
OPEN = 20_000


class Sender:
    """Sender that opens streams and connections on a proxy's workers. See `Proxy` for the parameters of the methods.

    Attributes
    ----------
    settings
        Settings of the proxy. Their limits and listener apply to new streams.
    """

    def __init__(self, components: ProxyComponents, settings: ProxySettings) -> None:
        self.settings = settings
        self._components = components
        self._loop = components.loop
        self._connections = 0
        self._next_worker = 0
        self._client = Thread(0)  # a separate thread, because clients aren't busy when the proxy is

    def send(self, request: Request, delivery: Delivery) -> Exchange:
        """Send a request over a new connection and wait for the end of the exchange."""
        self._loop.check_open()
        stream = self._new_stream(request, delivery, self._pick(delivery.worker), self.new_connection())
        self._loop.run_until_done(stream.exchange, delivery.wait)
        return stream.exchange

    def send_over(
        self, request: Request, delivery: Delivery, worker: Worker, connection: Connection, *, http2: bool
    ) -> HttpStream:
        """Send a request over an open connection and wait for the end of the exchange."""
        self._loop.check_open()
        stream = self._new_stream(request, replace(delivery, http2=http2), worker, connection)
        self._loop.run_until_done(stream.exchange, delivery.wait)
        return stream

    def _new_stream(self, request: Request, delivery: Delivery, worker: Worker, connection: Connection) -> HttpStream:
        """Begin a request on a worker. If the client has a timeout, it disconnects when this time is over."""
        request = delivery.shaped(request)
        stream = self._stream(request, worker, connection, http2=delivery.http2)
        info = stream.state.info
        if delivery.properties:
            info.overrides = delivery.properties
        if delivery.metadata:
            info.metadata = {"filter_metadata": dict(delivery.metadata)}
        stream.exchange.timeout = delivery.timeout
        stream.exchange.options = delivery.repeated
        if delivery.timeout is not None:
            stream.state.call_later(delivery.timeout, stream.control.on_client_disconnect)
        self._loop.run_on_worker(worker, lambda: send_whole(stream, request, complete=delivery.complete))
        return stream

    def send_at(self, requests: Iterable[tuple[float, Request]], wait: float | None, *, http2: bool) -> list[Exchange]:
        """Send each request at its time, then wait until all exchanges are done."""
        self._loop.check_open()
        clock, moment, expected = self._components.server.clock, 0.0, 0
        exchanges: list[Exchange] = []
        for gap, request in requests:
            moment += gap
            due, worker = clock.now + moment, self._pick(None)

            def arrive(request: Request = request, worker: Worker = worker, due: float = due) -> None:
                stream = self._open(request, worker.number, http2=http2)
                stream.exchange.started = due
                exchanges.append(stream.exchange)
                send_whole(stream, request)

            self._client_action(moment, worker.thread, arrive)
            expected += 1
        self._loop.run_while(lambda: len(exchanges) < expected, None)
        for exchange in exchanges:
            self._loop.run_until_done(exchange, wait)
        return exchanges

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run a client's action after some virtual seconds, unless the proxy has been closed by then."""
        self._client_action(seconds, self._client, action)

    def _client_action(self, seconds: float, thread: Thread, action: Callable[[], None]) -> None:
        """Run a client's action on a thread after some virtual seconds. Skip it if the proxy has been closed by then."""
        clock, loop = self._components.server.clock, self._loop
        clock.call_later(seconds, thread, lambda: None if loop.closed else action())

    def schedule(
        self,
        request: Request,
        on_done: Callable[[Exchange, bool], None],
        after: float,
        worker: int | None,
        timeout: float,
        *,
        http2: bool,
    ) -> None:
        """Send a request after some virtual seconds. Call `on_done` when the exchange ends or the client gives up."""
        clock, chosen = self._components.server.clock, self._pick(worker)
        due = clock.time() + after

        def arrive() -> None:
            stream = self._open(request, chosen.number, http2=http2)
            stream.exchange.started = due
            given_up = clock.call_later(timeout, chosen.thread, give_up(stream))
            stream.on_finish = lambda ended: finish(ended, given_up)
            send_whole(stream, request)

        def give_up(stream: HttpStream) -> Callable[[], None]:
            def act() -> None:
                stream.on_finish = lambda ended: on_done(ended.exchange, True)
                stream.control.on_client_disconnect()

            return act

        def finish(stream: HttpStream, timer: Timer) -> None:
            timer.cancel()
            on_done(stream.exchange, False)

        self._client_action(after, chosen.thread, arrive)

    def session(self, worker: int | None, *, http2: bool) -> ClientSession:
        """Open a client connection that can be used for several requests."""
        self._loop.check_open()
        return ClientSession(self, self._loop, self._pick(worker), self.new_connection(), http2=http2)

    def open(self, request: Request, worker: int | None, *, end: bool, http2: bool) -> Stream:
        """Send only the headers of a request, and return the stream for sending the rest."""
        stream = self._open(request, worker, http2=http2)
        self._loop.run_on_worker(stream.worker, lambda: stream.start(request, end=end, has_body=not end))
        return Stream(self._loop, stream)

    def open_connection(self, worker: int | None) -> HttpConnection:
        """Open an HTTP/1 connection for raw bytes."""
        self._loop.check_open()
        chosen, connection = self._pick(worker), self.new_connection()

        def make(request: Request) -> HttpStream:
            return self._stream(request, chosen, connection, http2=False)

        return HttpConnection(self._loop, chosen, make, self.settings.limits)

    def connect(self, worker: int | None, cluster: str) -> TcpConnection:
        """Open a TCP connection to a cluster."""
        stream = self._open_tcp(self._pick(worker), cluster)
        self._loop.run_on_worker(self._pick(stream.exchange.worker), stream.start)
        return TcpConnection(self._loop, stream)

    def connect_at(
        self, items: Iterable[tuple[float, Sequence[bytes]]], cluster: str, wait: float
    ) -> list[TcpExchange]:
        """Open each connection at its time and send its chunks. Then close the client's side and wait until all connections
        have ended.
        """
        clock, moment = self._components.server.clock, 0.0
        streams: list[TcpStream] = []
        expected = 0
        for gap, chunks in items:
            moment += gap
            worker, due = self._pick(None), clock.now + moment

            def arrive(chunks: Sequence[bytes] = chunks, worker: Worker = worker, due: float = due) -> None:
                stream = self._open_tcp(worker, cluster)
                stream.exchange.started = due
                streams.append(stream)
                send_bytes(stream, chunks)

            self._client_action(moment, worker.thread, arrive)
            expected += 1
        self._loop.run_while(lambda: len(streams) < expected, None)
        for stream in streams:
            self._loop.run_until_done(stream.exchange, wait)
            if not stream.exchange.done:
                self._loop.run_on_worker(self._pick(stream.exchange.worker), stream.on_client_reset)
        return [stream.exchange for stream in streams]

    def _open_tcp(self, worker: Worker, cluster: str) -> TcpStream:
        self._loop.check_open()
        parts = self._components
        clusters = parts.server.clusters
        if cluster not in clusters:
            raise UsageError(f"There is no cluster {cluster!r}. Choose one of {', '.join(clusters)}.")
        self._check_room()
        exchange = TcpExchange(parts.exchanges.next_number(), worker.number, parts.server)
        parts.exchanges.append(exchange)
        return TcpStream(worker, exchange, self.new_connection(), clusters[cluster])

    def _open(self, request: Request, number: int | None, *, http2: bool) -> HttpStream:
        self._loop.check_open()
        return self._stream(request, self._pick(number), self.new_connection(), http2=http2)

    def _stream(self, request: Request, worker: Worker, connection: Connection, *, http2: bool) -> HttpStream:
        parts = self._components
        self._check_room()
        exchange = Exchange(parts.exchanges.next_number(), worker.number, parts.server, request)
        parts.exchanges.append(exchange)
        return HttpStream(worker, exchange, connection, self.settings.limits, http2=http2)

    def _check_room(self) -> None:
        """Raise `UsageError` if the maximum number of open requests and connections has been reached."""
        waiting = sum(len(worker.streams) + len(worker.connections) for worker in self._components.workers)
        if waiting >= OPEN:
            raise UsageError(
                f"{waiting:,} requests and connections are open, and a proxy allows at most {OPEN:,}. "
                "Let them time out with advance(), or let the filter continue them."
            )

    def new_connection(self) -> Connection:
        """Create a client connection with the next connection number and client port."""
        self._connections += 1
        listener = self.settings.listener
        peer = f"127.0.0.1:{_FIRST_PORT + self._connections % _PORTS}"
        return Connection(self._connections, peer, listener.address, listener=listener)

    def _pick(self, number: int | None) -> Worker:
        """Return the worker with this number. For None, return each worker in turn."""
        workers = self._components.workers
        if number is None:
            self._next_worker += 1
            return workers[(self._next_worker - 1) % len(workers)]
        check_worker(number, len(workers))
        return workers[number - 1]
