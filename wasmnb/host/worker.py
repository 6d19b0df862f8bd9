"""A worker: one thread with its VMs, streams and connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .contexts.http import BlockedFilter, HttpContext
from .contexts.root import RootContext
from .contexts.tcp import TcpContext
from .http.routing.routes import RouteMatch, choose_route
from .tcp.network_filter import FilterSet

if TYPE_CHECKING:
    from .clock import Clock, Thread
    from .contexts.stream_info import Route
    from .http.header_map import HeaderMap
    from .http.stream import HttpStream
    from .http.stream_control import StreamControl
    from .plugins.vm_registry import PluginHandle
    from .server_context import ServerContext
    from .tcp.stream import TcpStream

__all__ = ["Worker"]


class Worker:
    """One worker thread.

    Attributes
    ----------
    thread
        Its thread of events.
    routes
        Routes of requests that begin from now on.
    plugins
        Plugins of the current configuration, on this thread.
    streams, connections
        Live HTTP streams and TCP connections by exchange number.
    idle
        Number of idle upstream connections by cluster; at most one to a cluster that speaks HTTP/2.
    served
        Number of streams that have ended.
    """

    def __init__(self, server: ServerContext, thread: Thread, routes: Sequence[RouteMatch]) -> None:
        self.server = server
        self.clock: Clock = server.clock
        self.thread = thread
        self.routes = list(routes)
        self.plugins: list[PluginHandle] = []
        self.streams: dict[int, HttpStream] = {}
        self.connections: dict[int, TcpStream] = {}
        self.idle: Counter[str] = Counter()
        self.served = 0

    @property
    def number(self) -> int:
        """Number of the worker, from 1."""
        return self.thread.number

    @property
    def name(self) -> str:
        """`worker-1` and so on."""
        return self.thread.name

    @property
    def http_plugins(self) -> list[PluginHandle]:
        """The HTTP filters, in order."""
        return [h for h in self.plugins if h.plugin.kind == "http"]

    @property
    def network_plugins(self) -> list[PluginHandle]:
        """The network filters, in order."""
        return [h for h in self.plugins if h.plugin.kind == "network"]

    @property
    def live(self) -> list[HttpStream | TcpStream]:
        """Live streams and connections."""
        return [*self.streams.values(), *self.connections.values()]

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the route of a request, or None."""
        return choose_route(self.routes, headers)

    def create_filters(self, control: StreamControl) -> list[HttpContext | BlockedFilter]:
        """Create one filter for each plugin. A plugin whose VM has failed is bypassed, or blocks the stream."""
        filters: list[HttpContext | BlockedFilter] = []
        for handle in self.http_plugins:
            root = handle.root_for_stream()
            if root is not None:
                filters.append(HttpContext(root, control))
            elif not handle.bypassed:
                filters.append(BlockedFilter(handle.plugin, handle.vm, control))
        return filters

    def create_network_filters(self, stream: TcpStream) -> FilterSet:
        """Create one filter for each plugin, up to one whose VM has failed and that is not bypassed."""
        filters: list[TcpContext] = []
        for handle in self.network_plugins:
            root = handle.root_for_stream()
            if root is not None:
                filters.append(TcpContext(root, stream))
            elif not handle.bypassed:
                return FilterSet(filters, blocked=True, failure=handle.vm.failure if handle.vm is not None else None)
        return FilterSet(filters)

    def on_stream_done(self, stream: HttpStream) -> None:
        """Count a stream that has ended, and run the access loggers for it."""
        self.served += 1
        for handle in self.plugins:
            root = handle.root
            if handle.plugin.kind == "access_log" and isinstance(root, RootContext) and not root.vm.failed:
                root.log([*stream.control.header_maps, None, None, None, None], stream.state.info)

    def abandon(self) -> None:
        """Close streams that an interrupt left in the middle of a callback."""
        for stream in list(self.streams.values()):
            stream.abandon()
        for connection in list(self.connections.values()):
            connection.abandon()

    def __repr__(self) -> str:
        return f"<Worker {self.name}: {len(self.streams)} live streams, {self.served} served>"
