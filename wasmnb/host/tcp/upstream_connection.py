"""The upstream's end of a TCP connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..clock import TimerGroup
from .reply import TcpReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock, Thread
    from ..clusters.cluster import Cluster
    from ..trace.exchange import TcpExchange

__all__ = ["EventThread", "UpstreamConnection"]


class EventThread(Protocol):
    """A simulated thread and its clock."""

    clock: Clock
    thread: Thread


class UpstreamConnection:
    """A TCP connection from the proxy to the upstream of a cluster.

    Parameters
    ----------
    worker
        The worker that runs the connection's events.
    exchange
        Record of the connection for the user.
    cluster
        The cluster. Its upstream is None for an echo, or a function that accepts bytes and returns bytes or a `TcpReply`.
    on_data
        Function called with bytes from the upstream and a boolean: whether the upstream closes its side afterwards.

    Attributes
    ----------
    ended
        Whether the upstream has closed its side.
    """

    def __init__(
        self, worker: EventThread, exchange: TcpExchange, cluster: Cluster, on_data: Callable[[bytes, bool], None]
    ) -> None:
        self._worker = worker
        self._exchange = exchange
        self._cluster = cluster
        self._on_data = on_data
        self._timers = TimerGroup(worker.clock, worker.thread)
        self.ended = False

    def call_soon(self, action: Callable[[], None]) -> None:
        """Run `action` as the next event of the worker, unless the connection has been closed by then."""
        self._timers.call_soon(action)

    def send(self, data: bytes, *, end: bool) -> None:
        """Send bytes to the upstream.

        Parameters
        ----------
        data
            The bytes, which can be empty.
        end
            Whether the client's side is closed afterwards. The upstream then closes its side as well.
        """
        if data:
            self._exchange.upstream_chunks.append(data)
            self.call_soon(lambda: self._call_upstream(data))
        if end:
            self.call_soon(self._on_client_end)

    def cancel(self) -> None:
        """Cancel all pending events of the connection."""
        self._timers.cancel()

    def _on_client_end(self) -> None:
        """Pass the end of the client's side to the upstream, unless the upstream has closed the connection."""
        if not self.ended:
            self._exchange.upstream_end = "end"
            self._call_upstream(b"")

    def _call_upstream(self, data: bytes) -> None:
        """Call the upstream's function with bytes. Empty bytes mean that the client has closed its side."""
        upstream: Any = self._cluster.upstream
        result = TcpReply(data) if upstream is None else upstream(data)
        reply = result if isinstance(result, TcpReply) else TcpReply(result or b"")
        reply.close = reply.close or not data
        if reply.latency > 0:
            self._timers.call_later(reply.latency, lambda: self._deliver(reply))
        else:
            self._deliver(reply)

    def _deliver(self, reply: TcpReply) -> None:
        if self.ended or not (reply.data or reply.close):
            return
        self._exchange.upstream_sent += reply.data
        self.ended = reply.close
        if reply.close:
            self._exchange.upstream_end = self._exchange.upstream_end or "closed"
        self._on_data(reply.data, reply.close)
