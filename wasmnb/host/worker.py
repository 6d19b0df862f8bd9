"""A worker thread with its VMs, streams and connections."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .contexts.envoy_filters import BuiltInFilter, make_built_in
from .contexts.http import BlockedFilter, HttpContext
from .contexts.root import RootContext
from .contexts.tcp import TcpContext
from .tcp.network_filter import FilterSet

if TYPE_CHECKING:
    from .clock import Clock, Thread
    from .http.header_map import HeaderMap
    from .http.route_table.route import Route
    from .http.route_table.table import RouteTable
    from .http.stream import HttpStream
    from .http.stream_control import StreamControl
    from .plugins.plugin_handle import PluginHandle
    from .server_context import ServerContext
    from .tcp.stream import TcpStream

__all__ = ["Worker"]

#: A filter instance in the chain of one HTTP stream.
ChainFilter = HttpContext | BlockedFilter | BuiltInFilter


class Worker:
    """One worker thread of a proxy.

    Attributes
    ----------
    thread
        The simulated thread that runs the worker's events.
    table
        Routes for new requests.
    plugins
        Plugins of the current configuration on this thread.
    streams, connections
        Live HTTP streams and TCP connections by exchange number.
    idle
        Number of idle upstream connections by cluster. A cluster with HTTP/2 has at most one idle connection.
    served
        Number of streams that have ended.
    """

    def __init__(self, server: ServerContext, thread: Thread, table: RouteTable) -> None:
        self.server = server
        self.clock: Clock = server.clock
        self.thread = thread
        self.table = table
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
        """Name of the worker in log lines: `worker-1` and so on."""
        return self.thread.name

    @property
    def http_plugins(self) -> list[PluginHandle]:
        """The HTTP filters in the order of the chain."""
        return [h for h in self.plugins if h.plugin.kind == "http"]

    @property
    def network_plugins(self) -> list[PluginHandle]:
        """The network filters in the order of the chain."""
        return [h for h in self.plugins if h.plugin.kind == "network"]

    @property
    def live(self) -> list[HttpStream | TcpStream]:
        """HTTP streams and TCP connections that haven't ended."""
        return [*self.streams.values(), *self.connections.values()]

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the route of a request with the header map `headers`, or None if no route matches."""
        return self.table.find(headers, self.server.random)

    def create_filters(self, control: StreamControl) -> list[ChainFilter]:
        """Create and return the filters of the stream that `control` controls, except those disabled on its route.

        Plugins that are missing on this worker are skipped. Plugins whose VM has failed are either skipped or block the stream,
        depending on their failure policy.
        """
        filters: list[ChainFilter] = [*self._built_in(0, control)]
        route = control.state.info.route
        for number, handle in enumerate(self.http_plugins, 1):
            plugin = handle.plugin
            if not plugin.disabled if route is None else route.runs(plugin.filter_name, disabled=plugin.disabled):
                filters += self._filter(handle, control)
            filters += self._built_in(number, control)
        return filters

    def _filter(self, handle: PluginHandle, control: StreamControl) -> list[ChainFilter]:
        if handle.missing:
            control.state.exchange.notes.append(handle.missing_note(self.name))
            return []
        root = handle.root_for_stream()
        if root is not None:
            return [HttpContext(root, control)]
        return [] if handle.bypassed else [BlockedFilter(handle.plugin, handle.vm, control)]

    def _built_in(self, before: int, control: StreamControl) -> list[ChainFilter]:
        """Create Envoy's built-in filters placed after the first `before` Wasm filters."""
        filters: list[ChainFilter] = []
        route = control.state.info.route
        for spec in self.server.built_in:
            runs = not spec.disabled if route is None else route.runs(spec.name, disabled=spec.disabled)
            if spec.before == before and runs:
                config = route.filter_config(spec.name) if route is not None else None
                filters.append(make_built_in(spec, control, config))
        return filters

    def create_network_filters(self, stream: TcpStream) -> FilterSet:
        """Create and return a filter for each network plugin, for the connection `stream`. Stop at a plugin that blocks the
        connection because its VM has failed.
        """
        filters: list[TcpContext] = []
        for handle in self.network_plugins:
            if handle.missing:
                stream.exchange.notes.append(handle.missing_note(self.name))
                continue
            root = handle.root_for_stream()
            if root is not None:
                filters.append(TcpContext(root, stream))
            elif not handle.bypassed:
                return FilterSet(filters, blocked=True, failure=handle.vm.failure if handle.vm is not None else None)
        return FilterSet(filters)

    def on_stream_done(self, stream: HttpStream) -> None:
        """Count `stream`, which has ended, and run the access loggers for it."""
        self.served += 1
        for handle in self.plugins:
            root = handle.root_for_stream() if handle.plugin.kind == "access_log" else None
            if isinstance(root, RootContext):
                root.log(stream.control.header_maps, stream.state.info)

    def abandon(self) -> None:
        """Close streams and connections that an interrupt stopped in the middle of a callback."""
        for stream in list(self.streams.values()):
            stream.abandon()
        for connection in list(self.connections.values()):
            connection.abandon()

    def __repr__(self) -> str:
        return f"<Worker {self.name}: {len(self.streams)} live streams, {self.served} served>"
