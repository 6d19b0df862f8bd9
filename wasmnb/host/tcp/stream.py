"""One TCP connection, from the client through the network filters to the upstream and back.

In Envoy 1.40, filters are called for a connection, and then for its bytes. If a filter stops, the bytes stay in the
connection's buffer. The next data event contains both the old and the new bytes, and starts with the first filter again. If a
filter stops at the connection itself, Envoy holds back everything and doesn't connect to the upstream. Bytes for the client
pass through the filters in reverse order. When the upstream closes its side, filters are called for a last chunk, which can be
empty, with `end_of_stream`. Then their close callback is called with type 0 (unknown). At the end of the connection, the
connection's own close callback is called (1: closed by the proxy, 2: by the peer), then `on_done`, `on_log` and `on_delete`. If
a filter's VM fails, Envoy closes the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ...abi import CloseType
from ..contexts.stream_info import Connection, StreamInfo
from ..http.buffers import Buffer
from ..http.route_table.route import Route
from ..properties.filter_state import FilterState
from .network_filter import DOWNSTREAM, UPSTREAM
from .upstream_connection import EventThread, UpstreamConnection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..clusters.cluster import Cluster
    from ..server_context import ServerContext
    from ..trace.exchange import TcpExchange
    from .network_filter import FilterSet, NetworkFilter

__all__ = ["TcpStream", "TcpWorker"]


class TcpWorker(EventThread, Protocol):
    """The attributes of a worker that `TcpStream` uses."""

    server: ServerContext
    #: Live connections by exchange number.
    connections: dict[int, TcpStream]

    def create_network_filters(self, stream: TcpStream) -> FilterSet:
        """Create the filters of a new connection."""
        ...


class TcpStream:
    """One TCP connection on a worker.

    Parameters
    ----------
    worker
        The worker that handles the connection.
    exchange
        Record of the connection for the user.
    connection
        The downstream connection.
    cluster
        The cluster to connect to.

    Attributes
    ----------
    filters
        The network filters in the order of the chain.
    done
        Whether the connection has ended.
    """

    def __init__(self, worker: TcpWorker, exchange: TcpExchange, connection: Connection, cluster: Cluster) -> None:
        self.worker = worker
        self.exchange = exchange
        self.cluster = cluster
        clock = worker.clock
        self.info = StreamInfo(connection, clock.time(), clock.wall_ns(), FilterState(connection.state))
        self.filters: Sequence[NetworkFilter] = ()
        self.done = False
        self._accepted = 0  # number of filters called for the new connection
        self._connected = False
        self._from_client, self._from_upstream = Buffer(), Buffer()
        self._client_ended = self._end_passed = False
        self._client_closed = False  # on both sides, so that the client responds to further bytes with a reset
        self._client_reset = False  # from now on sending bytes fails, but sending only the end doesn't
        self._upstream = UpstreamConnection(worker, exchange, cluster, self._on_upstream_data)
        worker.connections[exchange.number] = self

    def _note(self, name: str, **args: Any) -> None:
        """Add an event about the connection to the trace."""
        worker = self.worker
        worker.server.trace.note(
            "stream", name, args, time=worker.clock.time(), thread=worker.thread.name, exchange=self.exchange.number
        )

    # -- the beginning ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the connection: create its filters and call them."""
        self.exchange.began = self.worker.clock.time()
        created = self.worker.create_network_filters(self)
        self.filters = created.filters
        if created.blocked:
            self.exchange.failure = created.failure
            self._finish(CloseType.LOCAL, "failed")
            return
        self._accept()

    def _accept(self) -> None:
        """Call the remaining filters for the new connection, then connect to the upstream."""
        while self._accepted < len(self.filters):
            network_filter = self.filters[self._accepted]
            self._accepted += 1  # before the callback, which can continue the connection itself
            passed = network_filter.on_new_connection()
            if self.done or self._connected or not passed:
                return
        self._connected = True
        self.info.route, self.info.cluster = Route(self.cluster.name), self.cluster
        if not self.cluster.alive or not self.cluster.endpoints:
            self._note("connection_refused", cluster=self.cluster.name)
            self._finish(CloseType.LOCAL, "reset")
            return
        self.info.attempts = 1
        self.info.host_chosen = True
        self._note("upstream_connected", cluster=self.cluster.name)
        self.exchange.upstream_connected = True
        if self._from_client.data or self._client_ended:
            self._upstream.call_soon(self._read_downstream)

    # -- from the client --------------------------------------------------------------------------------------------

    def data(self, data: bytes, *, end: bool = False) -> None:
        """Receive bytes from the client. If `end` is True, the client has closed its side."""
        if self.done or self._client_ended:
            return
        self.info.request_size += len(data)
        self._from_client.data += data
        self._client_ended = end
        self._read_downstream()

    def on_client_close(self, data: bytes = b"") -> None:
        """Handle a client that closes both sides of its socket, possibly after sending its last bytes."""
        self._client_closed = True
        self.data(data, end=True)

    def on_client_reset(self) -> None:
        """Handle a client that resets the connection."""
        if not self.done:
            self._finish(CloseType.REMOTE, "reset")

    def _read_downstream(self, start: int = 0) -> None:
        """Pass the client's bytes through the filters, beginning with index `start`, and to the upstream."""
        if self.done or not self._connected or self._end_passed:
            return
        for network_filter in self.filters[start:]:
            passed = network_filter.on_data(DOWNSTREAM, self._from_client, end=self._client_ended)
            if self.done or not passed:
                return
        self._end_passed = self._client_ended
        self._upstream.send(self._from_client.take(), end=self._end_passed)
        if self._end_passed and self._upstream.ended:
            self._finish(CloseType.REMOTE, "done")

    def continue_filter(self, network_filter: NetworkFilter) -> None:
        """Continue the connection or its bytes after the filter that held them back (`continue_stream`)."""
        if self.done:
            return
        network_filter.resume()
        if not self._connected:
            self._accept()
        elif self._from_client.data or self._client_ended:
            self._read_downstream(self.filters.index(network_filter) + 1)

    # -- from the upstream ------------------------------------------------------------------------------------------

    def _on_upstream_data(self, data: bytes, end: bool) -> None:
        """Pass the upstream's bytes through the filters in reverse order, and to the client."""
        if self.done:
            return
        self.info.response_size += len(data)
        self._from_upstream.data += data
        for network_filter in reversed(self.filters):
            passed = network_filter.on_data(UPSTREAM, self._from_upstream, end=end)
            if self.done or not passed:
                return
        self._write_downstream(self._from_upstream.take())

    def _write_downstream(self, data: bytes) -> None:
        if data and self._client_reset:
            self._finish(CloseType.REMOTE, "done")
            return
        if data and self._client_closed:
            self._client_reset = True
        elif data:
            self.exchange.received += data
        if self._upstream.ended:
            self.exchange.ended = True
            if self._end_passed:
                self._finish(CloseType.LOCAL, "done")

    # -- the end ----------------------------------------------------------------------------------------------------

    def fail(self, network_filter: NetworkFilter) -> None:
        """Close the connection because a filter's VM has failed."""
        if self.exchange.failure is None:
            self.exchange.failure = network_filter.failure
        if not self.done:
            self._finish(CloseType.LOCAL, "failed")

    def disconnect(self) -> None:
        """Close the connection because the proxy is shutting down or a filter has closed the connection."""
        if not self.done:
            self._finish(CloseType.LOCAL, "done")

    def abandon(self) -> None:
        """Close the connection if an interrupt stopped one of its filters in the middle of a callback."""
        failed = next((f for f in self.filters if f.failure is not None), None)
        if failed is not None:
            self.fail(failed)

    def _finish(self, close_type: CloseType, state: str) -> None:
        self.done = True
        self._upstream.cancel()
        exchange = self.exchange
        self.info.finished = exchange.finished = self.worker.clock.time()
        exchange.state, exchange.paused, exchange.ended = state, "", True
        if exchange.upstream_connected and not exchange.upstream_end:
            exchange.upstream_end = "reset" if state == "reset" else "end"
        self.worker.connections.pop(exchange.number, None)
        for network_filter in self.filters[: max(self._accepted, 1)]:
            network_filter.on_close(close_type)
        for network_filter in self.filters:
            network_filter.leave()
        self._note("closed", by=close_type.name.lower())

    # -- for observers ----------------------------------------------------------------------------------------------

    def update_exchange(self) -> None:
        """Update the record of the connection to its current state."""
        self.exchange.paused = self.paused
        self.exchange.state = "paused" if self.exchange.paused else "open"

    @property
    def paused(self) -> str:
        """Description of the filter that holds something back, such as `upstream data paused by auth`. Empty if there is none."""
        for network_filter in self.filters:
            if network_filter.paused:
                plugin = network_filter.plugin
                return f"{network_filter.paused} paused by {plugin.name if plugin else 'a filter'}"
        return ""
