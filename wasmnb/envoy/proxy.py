"""`Envoy`: the real Envoy behind the interface of the simulated proxy."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import EllipsisType
from typing import Any, Self

from ..abi import LogLevel
from ..errors import UsageError
from ..host import BuiltIn, HttpConnectionManager, RouteMatch
from ..host import Listener as ListenerProperties
from ..host.interface import Requests, Wait
from ..host.plugins.plugin import has_http, require_http, require_network, share_held_headers
from ..host.settings import LOG_LEVELS, MAIN_CLUSTER, ProxySettings
from ..host.trace.exchange_log import Exchanges
from ..messages import Request
from .config.bootstrap import Cluster, Config, Listener, bootstrap
from .config.plugin_config import EnvoyPlugin
from .config.resources import (
    Backends,
    built_in_filters,
    listener_config,
    manager_config,
    route_configs,
    virtual_host_config,
)
from .exchange import EnvoyExchange
from .log import LogLine
from .network.client import Client
from .network.http2 import Http2Client
from .network.tcp import EnvoyConnection, EnvoyTcpExchange
from .network.upstream import Upstream, UpstreamExchange
from .process import EnvoyProcess, scratch_folder

__all__ = ["Envoy", "EnvoyWorker"]

#: Names of the listeners, and the prefix of their statistics.
_HTTP, _TCP = "http", "tcp"
_METRICS = "wasmcustom."

_LEVEL_NAMES = {level: name for name, level in LOG_LEVELS.items()}

#: The main cluster for TCP connections; HTTP and TCP upstreams are different servers.
_TCP_CLUSTER = "upstream tcp"


#: Requests that an upstream keeps, and lines of Envoy's log that are kept.
_REQUESTS, _LINES = 100, 100_000


@dataclass(frozen=True)
class EnvoyWorker:
    """A worker thread of a real Envoy."""

    number: int

    @property
    def name(self) -> str:
        """Name in log lines: `worker-1` and so on."""
        return f"worker-{self.number}"


class Envoy(Requests[EnvoyExchange]):
    """A running Envoy with a filter or a chain of plugins, and upstreams that are servers on loopback. A context manager.

    It satisfies `wasmnb.host.interface.ProxyInterface`, as `Proxy` does.

    Parameters
    ----------
    filter
        A filter, a plugin, the path or bytes of a module, or a list of these (a chain). A plugin of kind "network" adds a
        TCP listener (`connect`); without any other kind, there is no HTTP listener.
    chain
        A list of filters and plugins, instead of `filter`.
    config, vm_config, root_id, vm_id, failure_policy, kind
        Defaults for plugins that don't set them.
    upstream, clusters
        As for `Proxy`; in addition, (host, port) for a server of yours. All other upstreams speak HTTP/1.1: a gRPC stream
        gets its response when the filter has closed its side.
    workers, routes, listener, node, buffer_limit, route_timeout, idle_timeout, request_timeout, connection_manager,
    built_in, name
        As for `wasmnb.host.settings.ProxySettings`, with its defaults. `workers` is Envoy's `--concurrency`.
    switches
        Single switches of the connection manager by name, as for `Proxy`.
    timeout
        Seconds without traffic after which an exchange counts as paused (5), unless `request(wait=...)` is given.
    log_level
        Level of Envoy's `wasm` logger: a `LogLevel`, or Envoy's name of it ("warning"); INFO by default.
    binary
        Path of an Envoy to use instead of the installed one.

    Attributes
    ----------
    plugins
        The plugins, in the order of the chain.
    settings
        The settings that the simulated proxy shares.
    exchanges
        Requests and connections, oldest first: the last ten thousand, and at most 256 MiB of bodies.
    process
        The Envoy process: its id, log and admin interface.

    Raises
    ------
    UsageError
        Envoy isn't installed, or `workers` is below 1.
    EnvoyRefused
        Envoy refuses a module or the configuration.
    """

    def __init__(
        self,
        filter: Any = None,  # noqa: A002 -- the public name
        *,
        workers: int = 4,
        chain: Sequence[Any] | None = None,
        config: Any = None,
        vm_config: Any = None,
        root_id: str = "",
        vm_id: str = "",
        failure_policy: str | None = None,
        kind: str = "",
        upstream: Any = None,
        clusters: Mapping[str, Any] | None = None,
        routes: Sequence[RouteMatch | Mapping[str, Any]] | Mapping[str, Any] | None = None,
        connection_manager: HttpConnectionManager | Mapping[str, Any] | None = None,
        built_in: Sequence[BuiltIn] = (),
        listener: ListenerProperties | None = None,
        node: Mapping[str, Any] | None = None,
        buffer_limit: int = ProxySettings.buffer_limit,
        route_timeout: float = ProxySettings.route_timeout,
        idle_timeout: float = ProxySettings.idle_timeout,
        request_timeout: float = ProxySettings.request_timeout,
        timeout: float = 5.0,
        log_level: LogLevel | str = ProxySettings.log_level,
        name: str = "",
        binary: str | os.PathLike[str] | None = None,
        **switches: Any,
    ) -> None:
        single: dict[str, Any] = {"config": config, "vm_config": vm_config, "root_id": root_id, "vm_id": vm_id}
        single |= {"kind": kind} if kind else {}
        items = _chain(filter, chain)
        self.plugins = share_held_headers(EnvoyPlugin.of(i, failure_policy=failure_policy, **single) for i in items)
        self.settings = ProxySettings.of(
            workers=workers, upstream=upstream, clusters=clusters, routes=routes or None, listener=listener,
            node=node or None, buffer_limit=buffer_limit, route_timeout=route_timeout, idle_timeout=idle_timeout,
            request_timeout=request_timeout, log_level=log_level, built_in=tuple(built_in),
            connection_manager=HttpConnectionManager.of(connection_manager, **switches),
            name=name or (self.plugins[0].name if self.plugins else "envoy"),
        )  # fmt: skip
        self.timeout = timeout
        self.exchanges: Exchanges[EnvoyExchange | EnvoyTcpExchange] = Exchanges()
        self._lock = threading.Lock()
        self._backends = Backends()
        self._connections: list[EnvoyConnection] = []
        self.process = self._start(binary)
        self._addresses = self.process.admin.listeners()

    # -- parts and state ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The proxy's name in messages and views."""
        return self.settings.name

    @property
    def workers(self) -> list[EnvoyWorker]:
        """The worker threads."""
        return [EnvoyWorker(number) for number in range(1, self.settings.workers + 1)]

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the HTTP listener; of the TCP listener if there are network filters alone."""
        return self._addresses[_HTTP if _HTTP in self._addresses else _TCP]

    @property
    def upstream(self) -> Upstream | None:
        """The server behind the main route; None if it is your own."""
        return self._backends.http.get(MAIN_CLUSTER)

    @property
    def state(self) -> str:
        """`running` or `closed`."""
        return "running" if self.process.alive else "closed"

    @property
    def lines(self) -> list[LogLine]:
        """All lines of Envoy's log."""
        if self.process.alive:
            self.process.log.read()
        return self.process.log.lines

    @property
    def log(self) -> list[LogLine]:
        """Lines that filters and Envoy's Wasm host wrote."""
        return [line for line in self.lines if line.logger == "wasm"]

    @property
    def metrics(self) -> dict[str, int]:
        """The filters' counters and gauges by name."""
        self._check_running()
        stats = self.process.admin.stats("^" + _METRICS)
        return {name.removeprefix(_METRICS): value for name, value in stats.items()}

    # -- traffic --------------------------------------------------------------------------------------------------

    def send(
        self,
        request: Request,
        *,
        worker: int | None = None,
        http2: bool = False,
        wait: Wait = ...,
    ) -> EnvoyExchange:
        """Send a `Request` as `request` does."""
        if worker is not None and not 1 <= worker <= self.settings.workers:
            raise UsageError(f"There is no worker {worker}; they are numbered from 1 to {self.settings.workers}.")
        require_http(self.plugins)
        with self._lock:
            self._check_running()
            return self._exchange(request, self.timeout if isinstance(wait, EllipsisType) else wait, http2=http2)

    def connect(self, *, worker: int | None = None, cluster: str = MAIN_CLUSTER) -> EnvoyConnection:
        """Open a TCP connection through the network filters.

        Parameters
        ----------
        worker
            Accepted because `Proxy` has it: the kernel chooses the worker.
        cluster
            Only the main cluster: a listener of Envoy leads to one cluster.

        Raises
        ------
        UsageError
            No plugin is of kind "network", the cluster isn't the main one, or Envoy is closed.
        """
        self._check_running()
        if worker is not None and not 1 <= worker <= self.settings.workers:
            raise UsageError(f"There is no worker {worker}; they are numbered from 1 to {self.settings.workers}.")
        require_network(self.plugins)
        if cluster != MAIN_CLUSTER:
            raise UsageError(f"The TCP listener leads to the cluster {MAIN_CLUSTER!r}, not to {cluster!r}.")
        self._trim()
        exchange = EnvoyTcpExchange(self.exchanges.next_number())
        self.exchanges.append(exchange)
        first_line, first_byte = len(self.lines), len(self._backends.tcp[_TCP_CLUSTER].received)

        def finish(exchange: EnvoyTcpExchange) -> None:
            self._settle(f"tcp.{_TCP}.downstream_cx_active")
            time.sleep(0.02)  # the gauge may fall before the filters' last callbacks
            exchange.log = [line for line in self.lines[first_line:] if line.logger == "wasm"]
            exchange.upstream_received = b"".join(self._backends.tcp[_TCP_CLUSTER].received[first_byte:])

        connection = EnvoyConnection(self._addresses[_TCP], exchange, finish)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Close open connections, shut Envoy down as SIGTERM does (contexts get their `on_done`), then stop the upstreams."""
        for connection in self._connections:
            connection.close()
        if self.process.alive:
            self.process.terminate()
        self.process.close()
        self._backends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self.plugins) or "no filter"
        counts = f"{self.settings.workers} workers, {self.state}, {self.exchanges.total} requests"
        return f"<Envoy {self.name}: {names}, {counts}>"

    # -- start ----------------------------------------------------------------------------------------------------

    def _start(self, binary: str | os.PathLike[str] | None) -> EnvoyProcess:
        scratch = scratch_folder()
        directory = scratch.path
        try:
            config = bootstrap(
                self._listeners(directory),
                self._clusters(),
                node=self.settings.node,
                services=self._services(directory),
            )
            return EnvoyProcess(
                config,
                concurrency=self.settings.workers,
                wasm_log_level=_LEVEL_NAMES[self.settings.log_level],
                binary=binary,
                scratch=scratch,
            )
        except BaseException:
            self._backends.close()
            scratch.close()
            raise

    def _listeners(self, directory: Path) -> list[Listener]:
        """The HTTP listener, and one for TCP if there are network filters; that one alone if all filters are for TCP."""
        by_kind: dict[str, list[Config]] = {}
        for plugin in self.plugins:
            by_kind.setdefault(plugin.kind, []).append(plugin.as_config(directory))
        extra = listener_config(self.settings)
        listeners = [
            Listener(
                _HTTP, by_kind.get("http", []), routes=route_configs(self.settings),
                virtual_host=virtual_host_config(self.settings), access_logs=by_kind.get("access_log", []),
                built_in=built_in_filters(self.settings), hcm=manager_config(self.settings), extra=extra,
                router={"suppress_envoy_headers": True} if self.settings.manager.suppress_envoy_headers else {},
            ),
        ]  # fmt: skip
        if "network" in by_kind:
            listeners.append(Listener(_TCP, by_kind["network"], _TCP_CLUSTER, "tcp", extra=extra))
        return listeners if has_http(self.plugins) else listeners[1:]

    def _clusters(self) -> list[Cluster]:
        settings, backends = self.settings, self._backends
        tcp = any(plugin.kind == "network" for plugin in self.plugins)
        limit = settings.changed("buffer_limit")
        clusters = [
            backends.cluster(MAIN_CLUSTER, None if tcp else settings.upstream, main=True, limit=limit),
            *(backends.cluster(n, backend) for n, backend in settings.clusters.items() if n != MAIN_CLUSTER),
        ]
        if tcp:
            clusters.append(backends.cluster(_TCP_CLUSTER, settings.upstream, tcp=True, main=True, limit=limit))
        return clusters

    def _services(self, directory: Path) -> list[Config]:
        return [
            {"config": plugin.as_config(directory), "singleton": plugin.kind == "singleton"}
            for plugin in self.plugins
            if plugin.kind in ("singleton", "service")
        ]

    # -- one exchange ---------------------------------------------------------------------------------------------

    def _exchange(self, request: Request, wait: float | None, *, http2: bool) -> EnvoyExchange:
        self._trim()
        first_line = len(self.lines)
        before = {name: len(server.seen) for name, server in self._backends.http.items()}
        started = time.monotonic()
        with _client(self.address, wait, http2=http2) as client:
            result = client.request(request)
            duration = time.monotonic() - started
        self._settle(f"http.{_HTTP}.downstream_cx_active")
        received = [e for e in self._received(before) if not e.is_callout]
        if not received and self._backends.catch_up(self.process.admin):
            received = [e for e in self._received(before) if not e.is_callout]
        exchange = EnvoyExchange.of(
            self.exchanges.next_number(), request, result, received[0] if received else None, duration
        )
        exchange.log = [line for line in self.lines[first_line:] if line.logger == "wasm"]
        self.exchanges.append(exchange)
        return exchange

    def _trim(self) -> None:
        """Drop the oldest requests of the upstreams and the oldest log lines."""
        for server in self._backends.http.values():
            server.trim(_REQUESTS)
        lines = self.process.log.lines
        del lines[: max(0, len(lines) - _LINES)]
        self._connections = [connection for connection in self._connections if connection.open]

    def _settle(self, gauge: str, seconds: float = 1.0) -> None:
        """Wait until Envoy has destroyed the connection and its stream, so that their last log lines are written.

        (The gauge of active requests falls before `on_log`.)
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.alive:
            try:
                if not self.process.admin.stats(f"^{gauge}$").get(gauge):
                    return
            except OSError:
                return
            time.sleep(0.005)

    def _received(self, before: Mapping[str, int]) -> list[UpstreamExchange]:
        """Requests that the HTTP upstreams received after these counts, in order of arrival."""
        fresh = (e for name, server in self._backends.http.items() for e in server.seen[before[name] :])
        return sorted(fresh, key=lambda exchange: exchange.at)

    def _check_running(self) -> None:
        if self.process.alive:
            return
        code = self.process.exit_code
        state = f"has ended by itself with exit code {code}" if code not in (0, None) else "is closed"
        raise UsageError(f"Envoy {self.name!r} {state}; its log is in `.lines`.")


def _chain(filter: Any, chain: Sequence[Any] | None) -> list[Any]:  # noqa: A002 -- as in the constructor
    if chain is not None:
        return list(chain)
    if filter is None:
        return []
    return list(filter) if isinstance(filter, list | tuple) else [filter]


def _client(address: tuple[str, int], wait: float | None, *, http2: bool) -> Client | Http2Client:
    return Http2Client(*address, timeout=wait) if http2 else Client(*address, timeout=wait)
