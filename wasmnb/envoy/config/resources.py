"""A proxy's settings in the form of Envoy's configuration: clusters, routes, listener and timeouts."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import UsageError
from ...host import Cluster, RouteMatch
from ...host.clusters.redis_server import RedisServer
from ...host.http.route_table.table import RouteTable
from ...host.settings import ProxySettings
from ..admin import Admin
from ..sockets.tcp import TcpUpstream
from ..sockets.upstream import Upstream
from .bootstrap import Config, EnvoyCluster, merge

__all__ = [
    "Backends",
    "built_in_filters",
    "closed_port",
    "listener_config",
    "manager_config",
    "route_configs",
    "stats_config",
    "virtual_host_config",
]

#: Kind of a filter that is built into Envoy -> type of its configuration message.
_BUILT_IN_TYPES = {"set_metadata": "set_metadata.v3.Config", "header_mutation": "header_mutation.v3.HeaderMutation"}

#: Maximum seconds to wait for unread requests, after and before the servers have seen every connection end that Envoy ended.
_READ, _UNREAD = 1.0, 20.0

_DIRECTIONS = {1: "INBOUND", 2: "OUTBOUND"}


class Backends:
    """The upstream servers behind Envoy's clusters.

    The setting of a cluster can be a `Response`, a callable, a server from `wasmnb.envoy.sockets`, a (host, port), a simulated
    `Cluster`, or None. With None, the main cluster has an echo server, and any other cluster has no endpoint.

    Attributes
    ----------
    http, tcp
        HTTP and TCP servers by cluster name.
    own_servers
        Whether all upstream servers are in `http` and `tcp`. Otherwise, some are servers of the user.
    """

    def __init__(self) -> None:
        self.http: dict[str, Upstream] = {}
        self.tcp: dict[str, TcpUpstream] = {}
        self.own_servers = True
        self._lost = 0

    def cluster(
        self, name: str, backend: Any, *, tcp: bool = False, main: bool = False, limit: int | None = None
    ) -> EnvoyCluster:
        """Start the server of a cluster if necessary, and return the cluster's configuration.

        Parameters
        ----------
        name
            Name of the cluster.
        backend
            Setting of the cluster, as described for `Backends`.
        tcp
            Whether to start a TCP server instead of an HTTP server (default False).
        main
            Whether this is the main cluster (default False).
        limit
            Value of `per_connection_buffer_limit_bytes`. By default (None), Envoy's default applies.

        Raises
        ------
        UsageError
            The cluster is a Redis server, which Envoy's hostcalls can't use.
        """
        if isinstance(getattr(backend, "upstream", backend), RedisServer):
            raise UsageError(
                f"Cluster {name!r} is a Redis server, which needs hostcalls of Higress that Envoy doesn't have. Use the simulated Proxy."
            )
        extra: Config = {"per_connection_buffer_limit_bytes": limit} if limit else {}
        if isinstance(backend, Cluster):
            return self._simulated(name, backend, extra, tcp=tcp)
        if isinstance(backend, tuple):
            self.own_servers = False
            return EnvoyCluster(name, backend, extra=extra)
        if backend is None and not main:
            return EnvoyCluster(name, None, extra=extra)
        return EnvoyCluster(name, self._serve(name, backend, tcp=tcp), extra=extra)

    def close(self) -> None:
        """Stop all servers."""
        for server in self.http.values():
            server.close()
        for tcp_server in self.tcp.values():
            tcp_server.close()

    def catch_up(self, admin: Admin) -> bool:
        """Wait until the HTTP servers have read all requests that Envoy has sent, and return whether it was necessary to wait.

        If a request is interrupted, the client can see its end before the server's thread has read the request. On a busy
        machine, reading can take seconds. Some requests that Envoy counts are never read, because their connection ended first.
        The method waits for these only once, and only briefly if the servers have seen the end of every connection that Envoy
        ended.
        """
        began = time.monotonic()
        were_missing = False
        while True:
            try:
                counts = admin.stats(r"^cluster\..*\.upstream_(rq_total|cx_destroy)$")
            except OSError:  # Envoy has ended
                return were_missing
            missing = _total(counts, self.http, "rq_total") - self._seen()
            if missing <= self._lost:
                return were_missing
            were_missing = True
            is_read = sum(server.ended for server in self.http.values()) >= _total(counts, self.http, "cx_destroy")
            if time.monotonic() - began > (_READ if is_read else _UNREAD):
                self._lost = missing
                return True
            time.sleep(0.005)

    def _seen(self) -> int:
        return sum(server.dropped + len(server.seen) for server in self.http.values())

    def _simulated(self, name: str, backend: Cluster, extra: Config, *, tcp: bool) -> EnvoyCluster:
        if backend.metadata:
            extra["metadata"] = backend.metadata
        if not backend.endpoints:
            return EnvoyCluster(name, None, extra=extra)
        if not backend.alive:
            return EnvoyCluster(name, ("127.0.0.1", closed_port()), http2=backend.http2, extra=extra)
        return EnvoyCluster(name, self._serve(name, backend.upstream, tcp=tcp), http2=backend.http2, extra=extra)

    def _serve(self, name: str, backend: Any, *, tcp: bool) -> tuple[str, int]:
        if isinstance(backend, TcpUpstream) or tcp:
            server = self.tcp[name] = backend if isinstance(backend, TcpUpstream) else TcpUpstream(backend)
            return server.address
        http = self.http[name] = backend if isinstance(backend, Upstream) else Upstream(backend)
        return http.address


def route_configs(settings: ProxySettings) -> list[Config]:
    """Return the proxy's routes as `envoy.config.route.v3.Route` messages."""
    timeout = settings.changed("route_timeout")
    extra = {} if timeout is None else {"timeout": f"{timeout}s"}
    routes = settings.routes
    if isinstance(routes, RouteTable | Mapping):
        return []
    return [_route_config(r, extra) if isinstance(r, RouteMatch) else _with_defaults(r, extra) for r in routes]


def _with_defaults(route: Mapping[str, Any], extra: Config) -> Config:
    """Return a copy of a `Route` message. Fields of `extra` are added to its action unless they are set."""
    return merge({"route": extra}, route) if "route" in route else dict(route)


def manager_config(settings: ProxySettings) -> Config:
    """Return the connection manager's fields that differ from Envoy's defaults.

    Raises
    ------
    UsageError
        The routes are a `RouteTable`, which can't be converted to Envoy's configuration.
    """
    config = merge(settings.manager.as_config(), timeouts(settings))
    if isinstance(settings.routes, RouteTable):
        raise UsageError(
            "Envoy can't use a RouteTable as routes=. Pass RouteMatch objects or Envoy's route messages instead."
        )
    if isinstance(settings.routes, Mapping):
        config["route_config"] = dict(settings.routes)
    return config


def built_in_filters(settings: ProxySettings) -> list[tuple[int, Config]]:
    """Return pairs for Envoy's own HTTP filters: the number of plugins before the filter, and the filter's configuration."""
    filters = []
    for spec in settings.built_in:
        kind = _BUILT_IN_TYPES[spec.kind]
        config: Config = {
            "name": spec.name or f"envoy.filters.http.{spec.kind}",
            "typed_config": {"@type": f"type.googleapis.com/envoy.extensions.filters.http.{kind}", **spec.config},
        }
        filters.append((spec.before, config | ({"disabled": True} if spec.disabled else {})))
    return filters


def _route_config(route: RouteMatch, extra: Config) -> Config:
    match: Config = {"prefix": route.prefix}
    if route.headers:
        match["headers"] = [{"name": n, "string_match": {"exact": v}} for n, v in route.headers.items()]
    config: Config = {"match": match, "route": {"cluster": route.cluster, **extra}}
    if route.name:
        config["name"] = route.name
    if route.metadata:
        config["metadata"] = route.metadata
    return config


def listener_config(settings: ProxySettings) -> Config:
    """Return the listener's fields other than its address and filters."""
    listener = settings.listener
    limit = settings.changed("buffer_limit")
    config: Config = {} if limit is None else {"per_connection_buffer_limit_bytes": limit}
    if listener.direction in _DIRECTIONS:
        config["traffic_direction"] = _DIRECTIONS[listener.direction]
    if listener.metadata:
        config["metadata"] = listener.metadata
    return config


def virtual_host_config(settings: ProxySettings) -> Config:
    """Return the virtual host's fields other than its domains and routes."""
    config: Config = {"name": settings.listener.virtual_host}
    if settings.listener.virtual_host_metadata:
        config["metadata"] = settings.listener.virtual_host_metadata
    return config


def stats_config(settings: ProxySettings) -> Config:
    """Return the bootstrap field `stats_flush_interval` if its value differs from Envoy's default, otherwise {}."""
    seconds = settings.changed("stats_flush_interval")
    return {} if seconds is None else {"stats_flush_interval": f"{seconds}s"}


def timeouts(settings: ProxySettings) -> Config:
    """Return the connection manager's timeouts that differ from Envoy's defaults."""
    values = {
        "stream_idle_timeout": settings.changed("idle_timeout"),
        "request_timeout": settings.changed("request_timeout"),
    }
    return {name: f"{seconds}s" for name, seconds in values.items() if seconds is not None}


def _total(counts: Mapping[str, int], clusters: Iterable[str], name: str) -> int:
    """Return the sum of an upstream statistic over clusters."""
    return sum(counts.get(f"cluster.{cluster}.upstream_{name}", 0) for cluster in clusters)


def closed_port() -> int:
    """Return a port on which nothing listens. It was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
