"""Routes, clusters and the listener's facts: the simulated proxy's terms in Envoy's configuration."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...host import Cluster as Simulated
from ...host import Listener as Facts
from ...host import RouteMatch
from ..admin import Admin
from ..network.tcp import TcpUpstream
from ..network.upstream import Upstream
from .bootstrap import Cluster, Config

__all__ = ["Backends", "closed_port", "listener_facts", "route_config", "timeouts", "with_route_timeout"]

_DIRECTIONS = {1: "INBOUND", 2: "OUTBOUND"}


class Backends:
    """The servers behind an Envoy's clusters.

    What stands for a cluster: a `Response`, a callable, an upstream of this package, a (host, port), a host `Cluster`, or
    None: the echo behind the main cluster, no endpoint behind any other.

    Attributes
    ----------
    http, tcp
        The servers by cluster name.
    """

    def __init__(self) -> None:
        self.http: dict[str, Upstream] = {}
        self.tcp: dict[str, TcpUpstream] = {}
        self._lost = 0

    def cluster(
        self, name: str, backend: Any, *, tcp: bool = False, main: bool = False, limit: int | None = None
    ) -> Cluster:
        """Start what is needed, and say how Envoy finds it."""
        extra: Config = {"per_connection_buffer_limit_bytes": limit} if limit else {}
        if isinstance(backend, Simulated):
            return self._simulated(name, backend, extra, tcp=tcp)
        if isinstance(backend, tuple):
            return Cluster(name, backend, extra=extra)
        if backend is None and not main:
            return Cluster(name, None, extra=extra)
        return Cluster(name, self._serve(name, backend, tcp=tcp), extra=extra)

    def close(self) -> None:
        """Stop them all."""
        for server in self.http.values():
            server.close()
        for tcp_server in self.tcp.values():
            tcp_server.close()

    def catch_up(self, admin: Admin, seconds: float = 1.0) -> bool:
        """Wait until the HTTP servers have read what Envoy says it sent; whether there was anything to wait for.

        A request that is cut off reaches the client's end before the server's thread has looked at it. What Envoy counts
        and no server ever sees (the connection ended first) is waited for once.
        """
        try:
            sent = admin.stats(r"^cluster\..*\.upstream_rq_total$")
        except OSError:  # Envoy has ended
            return False
        total = sum(sent.get(f"cluster.{name}.upstream_rq_total", 0) for name in self.http)
        if total - self._seen() <= self._lost:
            return False
        deadline = time.monotonic() + seconds
        while total - self._seen() > self._lost and time.monotonic() < deadline:
            time.sleep(0.002)
        self._lost = max(total - self._seen(), self._lost)
        return True

    def _seen(self) -> int:
        return sum(len(server.seen) for server in self.http.values())

    def _simulated(self, name: str, backend: Simulated, extra: Config, *, tcp: bool) -> Cluster:
        if backend.metadata:
            extra["metadata"] = backend.metadata
        if not backend.endpoints:
            return Cluster(name, None, extra=extra)
        if not backend.alive:
            return Cluster(name, ("127.0.0.1", closed_port()), http2=backend.http2, extra=extra)
        return Cluster(name, self._serve(name, backend.upstream, tcp=tcp), http2=backend.http2, extra=extra)

    def _serve(self, name: str, backend: Any, *, tcp: bool) -> tuple[str, int]:
        if isinstance(backend, TcpUpstream) or tcp:
            server = self.tcp[name] = backend if isinstance(backend, TcpUpstream) else TcpUpstream(backend)
            return server.address
        http = self.http[name] = backend if isinstance(backend, Upstream) else Upstream(backend)
        return http.address


def route_config(route: RouteMatch) -> Config:
    """One route."""
    match: Config = {"prefix": route.prefix}
    if route.headers:
        match["headers"] = [{"name": n, "string_match": {"exact": v}} for n, v in route.headers.items()]
    found: Config = {"match": match, "route": {"cluster": route.cluster}}
    if route.name:
        found["name"] = route.name
    if route.metadata:
        found["metadata"] = route.metadata
    return found


def listener_facts(facts: Facts | None, buffer_limit: int | None) -> tuple[Config, Config]:
    """What the listener and what its virtual host say besides filters and routes."""
    listener: Config = {"per_connection_buffer_limit_bytes": buffer_limit} if buffer_limit else {}
    host: Config = {"name": "default"}
    if facts is None:
        return listener, host
    if facts.direction in _DIRECTIONS:
        listener["traffic_direction"] = _DIRECTIONS[facts.direction]
    if facts.metadata:
        listener["metadata"] = facts.metadata
    host["name"] = facts.virtual_host
    if facts.virtual_host_metadata:
        host["metadata"] = facts.virtual_host_metadata
    return listener, host


def timeouts(idle: float | None, request: float | None) -> Config:
    """The connection manager's timeouts, in seconds."""
    wanted: Mapping[str, float | None] = {"stream_idle_timeout": idle, "request_timeout": request}
    return {name: f"{seconds}s" for name, seconds in wanted.items() if seconds is not None}


def with_route_timeout(routes: Sequence[Config], seconds: float | None) -> list[Config]:
    """Routes with a timeout for the whole answer."""
    if seconds is None:
        return list(routes)
    return [{**r, "route": {**r["route"], "timeout": f"{seconds}s"}} for r in routes]


def closed_port() -> int:
    """A port that nobody listens on: one that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
