"""One TCP connection: from the client through the network filters to the upstream, and back.

Facts (Envoy 1.40): filters see a connection, then its bytes. A filter that stops leaves the bytes in the connection's
buffer; the next data event brings old and new ones together, and starts with the first filter again. A stop at the
connection itself holds everything back, also the upstream's connection. Bytes for the client go through the filters in
reverse. The end of the upstream shows as an empty or last piece with its end, followed by the close callback of unknown
type. A connection that ends brings its own close callback (1 closed by the proxy, 2 by the peer), then `on_done`, `on_log`,
`on_delete`. When a filter's VM fails the connection is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...abi import CloseType
from ..contexts.stream_info import Connection, Route, StreamInfo
from ..contexts.tcp import DOWN, UP, TcpContext
from ..http.buffers import Buffer
from ..properties.filter_state import FilterState

if TYPE_CHECKING:
    from ..clock import Timer
    from ..trace.exchange import TcpExchange
    from ..upstream.cluster import Cluster
    from ..worker import Worker

__all__ = ["TcpReply", "TcpStream"]


@dataclass
class TcpReply:
    """What a TCP upstream does on data.

    Attributes
    ----------
    data
        Bytes to send.
    close
        Close after them.
    latency
        Virtual seconds before it does so.
    """

    data: bytes = b""
    close: bool = False
    latency: float = 0.0


class TcpStream:
    """One connection on a worker.

    Attributes
    ----------
    filters
        Contexts of the chain, in order.
    """

    def __init__(self, worker: Worker, exchange: TcpExchange, connection: Connection, cluster: Cluster) -> None:
        self.worker = worker
        self.exchange = exchange
        self.cluster = cluster
        clock = worker.clock
        state = FilterState(connection.state)
        self.info = StreamInfo(connection, clock.time(), clock.wall_ns(), state)
        self.filters: list[TcpContext] = []
        self.finished = False
        self._accepted = 0  # filters that have let the connection pass
        self._connected = False
        self._in, self._out = Buffer(), Buffer()
        self._client_ended = self._upstream_ended = False
        self._end_passed = False
        self._client_closed = False  # completely: what is written to it from now on is answered by a reset
        self._client_reset = False
        self._timers: list[Timer] = []
        worker.connections[exchange.number] = self

    def _soon(self, action: Callable[[], None]) -> None:
        self._timers.append(self.worker.clock.call_soon(self.worker.thread, action))

    def note(self, name: str, **args: Any) -> None:
        """Leave a mark in the trace."""
        worker = self.worker
        worker.server.trace.note(
            "stream", name, args, time=worker.clock.time(), thread=worker.thread.name, exchange=self.exchange.number
        )

    # -- connecting -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The client has connected."""
        for handle in self.worker.network_plugins:
            root = handle.root_for_stream()
            if root is not None:
                self.filters.append(TcpContext(root, self))
            elif not handle.bypassed:
                self.exchange.failure = handle.vm.failure if handle.vm is not None else None
                self._finish(CloseType.LOCAL, "failed")
                return
        self._accept()

    def _accept(self) -> None:
        """Show the connection to the filters that have not seen it, then connect to the upstream."""
        while self._accepted < len(self.filters):
            passed = self.filters[self._accepted].new_connection()
            if self.finished:
                return
            self._accepted += 1
            if not passed:
                return
        self._connected = True
        self.info.route, self.info.cluster = Route(self.cluster.name), self.cluster
        if not self.cluster.alive or not self.cluster.endpoints:
            self._finish(CloseType.LOCAL, "reset")
            return
        self.info.attempts = 1
        self.note("upstream_connected", cluster=self.cluster.name)
        self.exchange.upstream_connected = True
        if self._in.data or self._client_ended:
            self._soon(self._read)

    # -- from the client ------------------------------------------------------------------------------------------

    def data(self, data: bytes, *, end: bool = False) -> None:
        """Bytes from the client, or the end of its side."""
        if self.finished or self._client_ended:
            return
        self.info.request_size += len(data)
        self._in.data += data
        self._client_ended = end
        self._read()

    def closed_by_client(self) -> None:
        """The client closes its socket."""
        self._client_closed = True
        self.data(b"", end=True)

    def reset_by_client(self) -> None:
        """The client resets."""
        if not self.finished:
            self._finish(CloseType.REMOTE, "reset")

    def _read(self, start: int = 0) -> None:
        if self.finished or not self._connected or self._end_passed:
            return
        for context in self.filters[start:]:
            passed = context.take(DOWN, self._in, end=self._client_ended)
            if self.finished or not passed:
                return
        self._end_passed = self._client_ended
        self._to_upstream(self._in.take())
        if self._end_passed and self._upstream_ended:
            self._finish(CloseType.REMOTE, "done")

    def resume(self, context: TcpContext) -> None:
        """`continue_stream`, after the callback: go on behind that filter."""
        if self.finished:
            return
        context.held = ""
        if not self._connected:
            self._accept()
        elif self._in.data or self._client_ended:
            self._read(self.filters.index(context) + 1)

    # -- upstream ---------------------------------------------------------------------------------------------------

    def _to_upstream(self, data: bytes) -> None:
        if data:
            self.exchange.upstream_chunks.append(data)
            self._soon(lambda: self._ask(data))
        if self._end_passed and not self._upstream_ended:
            self.exchange.upstream_end = "end"
            self._soon(lambda: self._ask(b""))

    def _ask(self, data: bytes) -> None:
        """What the upstream does on data, or (empty) on the client's end: it then ends, too."""
        upstream: Any = self.cluster.upstream
        answer = TcpReply(data) if upstream is None else upstream(data)
        reply = answer if isinstance(answer, TcpReply) else TcpReply(answer or b"")
        reply.close = reply.close or not data
        if reply.latency > 0:
            clock = self.worker.clock
            self._timers.append(clock.call_later(reply.latency, self.worker.thread, lambda: self._answer(reply)))
        else:
            self._answer(reply)

    def _answer(self, reply: TcpReply) -> None:
        if self.finished or self._upstream_ended or not (reply.data or reply.close):
            return
        self.exchange.upstream_sent += reply.data
        self.info.response_size += len(reply.data)
        self._out.data += reply.data
        self._upstream_ended = reply.close
        if reply.close:
            self.exchange.upstream_end = self.exchange.upstream_end or "closed"
        for context in reversed(self.filters):
            passed = context.take(UP, self._out, end=reply.close)
            if self.finished or not passed:
                return
        self._to_client(self._out.take())

    def _to_client(self, data: bytes) -> None:
        if data and self._client_closed:
            self._client_reset = True
        elif data:
            self.exchange.received += data
        if self._upstream_ended:
            self.exchange.ended = True
            if self._end_passed:
                self._finish(CloseType.REMOTE if self._client_reset else CloseType.LOCAL, "done")

    # -- the end ------------------------------------------------------------------------------------------------------

    def fail(self, context: TcpContext) -> None:
        """A filter's VM has failed: close."""
        if self.exchange.failure is None:
            self.exchange.failure = context.vm.failure
        if not self.finished:
            self._finish(CloseType.LOCAL, "failed")

    def disconnect(self) -> None:
        """The proxy closes the connection."""
        if not self.finished:
            self._finish(CloseType.LOCAL, "done")

    def _finish(self, how: CloseType, state: str) -> None:
        self.finished = True
        for timer in self._timers:
            timer.cancel()
        clock, exchange = self.worker.clock, self.exchange
        self.info.finished = exchange.finished = clock.time()
        exchange.state, exchange.ended = state, True
        if exchange.upstream_connected and not exchange.upstream_end:
            exchange.upstream_end = "reset" if state == "reset" else "end"
        self.worker.connections.pop(exchange.number, None)
        for context in self.filters[: max(self._accepted, 1)]:
            context.closed(how)
        for context in self.filters:
            context.over = True
            context.leave()
        self.note("closed", by=how.name.lower())

    def update_exchange(self) -> None:
        """Let the exchange show whether a filter holds something."""
        self.exchange.paused = self.paused
        self.exchange.state = "paused" if self.exchange.paused else "open"

    @property
    def paused(self) -> str:
        """Which filter holds what, in words; empty if none does."""
        for context in self.filters:
            if context.held:
                return f"{context.held} held by {context.plugin.name if context.plugin else 'a filter'}"
        return ""
