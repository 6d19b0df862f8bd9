"""The class `Envoy`: a real Envoy process with the same interface as the simulated proxy."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, Unpack

from ..abi import LogLevel
from ..errors import UsageError
from ..host import BuiltIn, HttpConnectionManager, Listener, RouteMatch
from ..host.clock import check_worker
from ..host.plugins.plugin import require_http, require_network, share_paused_headers
from ..host.proxy_interface import Requests, SendOptions
from ..host.settings import LOG_LEVELS, MAIN_CLUSTER, ProxySettings, check_switches
from ..host.simulated_clients.delivery import Delivery
from ..host.trace.exchange_log import Exchanges
from ..messages import Request
from .config.plugin_config import EnvoyPlugin
from .config.proxy_config import HTTP, TCP, TCP_CLUSTER, proxy_config
from .config.request_state import RequestState
from .config.resources import Backends
from .exchange import EnvoyExchange
from .log import LogLine
from .metrics import EnvoyMetrics
from .process import EnvoyProcess, scratch_folder
from .session import EnvoySession, RequestSender
from .sockets.client_connection import ClientConnection
from .sockets.loopback import Address
from .sockets.tcp import EnvoyConnection
from .sockets.tcp_exchange import EnvoyTcpExchange
from .sockets.upstream import Upstream
from .startup import Progress
from .tap import TapRecording

__all__ = ["Envoy", "EnvoyWorker"]

#: Envoy's statistic of open connections of all listeners, whose configured port is 0.
_TCP_CONNECTIONS = "listener.127.0.0.1_0.downstream_cx_active"

_LEVEL_NAMES = {level: name for name, level in LOG_LEVELS.items()}


@dataclass(frozen=True)
class EnvoyWorker:
    """A worker thread of a real Envoy process."""

    number: int

    @property
    def name(self) -> str:
        """Name of the thread in log lines: `worker-1` and so on."""
        return f"worker-{self.number}"


class Envoy(Requests[EnvoyExchange]):
    """A running Envoy with a filter or a chain of plugins, and with upstream servers on loopback. Use it as a context manager.

    It has the same interface as `Proxy`, which is `wasmnb.host.proxy_interface.ProxyInterface`.

    Parameters
    ----------
    filter
        A filter, a plugin, the path or bytes of a module, or a list of these, which forms a chain. Default None: use `chain`.
        A plugin with `kind="network"` adds a TCP listener for `connect`. If all plugins are of this kind, there is no HTTP
        listener.
    chain
        List of filters and plugins, which replaces `filter` (default None).
    config, vm_config, root_id, vm_id, failure_policy, kind
        Defaults for plugins that don't set these values themselves.
    upstream, clusters
        As for `Proxy` (defaults None: an echo, and no other clusters). An upstream can also be the (host, port) of a server
        that you run. All other upstreams use HTTP/1.1, so a gRPC stream receives its response only after the filter has closed
        its side.
    workers, routes, listener, node, connection_manager, built_in, name
        As for `wasmnb.host.settings.ProxySettings`. `workers` is passed to Envoy as `--concurrency` (default 4).
    buffer_limit, route_timeout, idle_timeout, request_timeout, stats_flush_interval
        As for `wasmnb.host.settings.ProxySettings`, with the same defaults.
    switches
        Options of the HTTP connection manager by name, as for `Proxy`.
    timeout
        Seconds without traffic after which the client stops waiting for a response (default 5). `request(wait=...)` overrides it.
    request_state
        Whether to add a Lua filter before the chain that sets the `metadata` and `properties` of requests (default False).
    log_level
        Level of Envoy's `wasm` logger: a `LogLevel`, or its name in Envoy such as "warning" (default INFO).
    binary
        Path of an Envoy executable. By default, the installed one is used.
    startup
        Maximum seconds until Envoy is ready. By default (None), there is no limit while Envoy makes progress.
    progress
        Called during the start with a description of the step and a fraction from 0 to 1 (default None).
    record
        A `.jsonl` or `.har` file to which Envoy's tap filter records the requests of all clients. `close` writes the file, with
        secrets masked. A path without a suffix is a folder for the tap filter's own files. By default (None), nothing is
        recorded.

    Attributes
    ----------
    plugins
        Configurations of the plugins, in the order of the chain.
    settings
        Settings that Envoy and the simulated proxy have in common.
    exchanges
        Requests and connections, oldest first. Only the last ten thousand are kept, with at most 256 MiB of bodies.
    process
        The Envoy process, with its id, log and admin interface.
    recording
        The recording, or None without `record`.

    Raises
    ------
    UsageError
        Envoy isn't installed, or `workers` is less than 1.
    EnvoyRefused
        Envoy refused a module or the configuration, wasn't ready in time, or made no progress.
    """

    #: Whether the proxy has the filters' callbacks and hostcalls.
    reports_callbacks: ClassVar[bool] = False

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
        listener: Listener | None = None,
        node: Mapping[str, Any] | None = None,
        buffer_limit: int = ProxySettings.buffer_limit,
        route_timeout: float = ProxySettings.route_timeout,
        idle_timeout: float = ProxySettings.idle_timeout,
        request_timeout: float = ProxySettings.request_timeout,
        stats_flush_interval: float = ProxySettings.stats_flush_interval,
        timeout: float = 5.0,
        request_state: bool = False,
        log_level: LogLevel | str = ProxySettings.log_level,
        name: str = "",
        binary: str | os.PathLike[str] | None = None,
        startup: float | None = None,
        progress: Progress | None = None,
        record: str | os.PathLike[str] | None = None,
        **switches: Any,
    ) -> None:
        _check_simulated(switches)
        check_switches(switches, Envoy)
        single = {
            "config": config, "vm_config": vm_config, "root_id": root_id, "vm_id": vm_id, "failure_policy": failure_policy,
            **({"kind": kind} if kind else {}),
        }  # fmt: skip
        self.plugins = share_paused_headers(EnvoyPlugin.of(item, **single) for item in _chain(filter, chain))
        self.settings = ProxySettings.of(
            workers=workers, upstream=upstream, clusters=clusters, routes=routes or None, listener=listener,
            node=node or None, buffer_limit=buffer_limit, route_timeout=route_timeout, idle_timeout=idle_timeout,
            request_timeout=request_timeout, stats_flush_interval=stats_flush_interval, log_level=log_level, built_in=tuple(built_in),
            connection_manager=HttpConnectionManager.of(connection_manager, **switches),
            name=name or (self.plugins[0].name if self.plugins else "envoy"),
        )  # fmt: skip
        self.timeout = timeout
        self.exchanges: Exchanges[EnvoyExchange | EnvoyTcpExchange] = Exchanges()
        self._lock = threading.Lock()
        self._backends = Backends()
        self._connections: list[EnvoyConnection] = []
        self._unclosed = 0  # TCP connections that the client has closed, but a filter hasn't
        self._recorded = False
        self.recording = None if record is None else TapRecording(record)
        self._sessions: list[EnvoySession] = []
        self._request_state = RequestState() if request_state else None
        self.process = self._start(binary, startup, progress)
        self._addresses = self.process.admin.listeners()
        self._sender = RequestSender(self.address, self.process, self._backends, self.exchanges, self._request_state)

    # -- parts and state ------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The proxy's name in messages and views."""
        return self.settings.name

    @property
    def workers(self) -> list[EnvoyWorker]:
        """Worker threads of the Envoy process."""
        return [EnvoyWorker(number) for number in range(1, self.settings.workers + 1)]

    @property
    def address(self) -> Address:
        """Host and port of the HTTP listener, or of the TCP listener if there are only network filters."""
        return self._addresses[HTTP if HTTP in self._addresses else TCP]

    @property
    def upstream(self) -> Upstream | None:
        """Server of the main cluster, or None if you run that server yourself."""
        return self._backends.http.get(MAIN_CLUSTER)

    @property
    def state(self) -> str:
        """State of the proxy: "running" or "closed"."""
        return "running" if self.process.alive else "closed"

    @property
    def lines(self) -> list[LogLine]:
        """All lines of Envoy's log so far."""
        return self.process.current_lines()

    @property
    def log(self) -> list[LogLine]:
        """Lines in Envoy's log that were written by filters and the Wasm host."""
        return [line for line in self.lines if line.logger == "wasm"]

    @property
    def metrics(self) -> EnvoyMetrics:
        """Counters and gauges of the filters by name. The object's method `prometheus()` also returns histograms."""
        self._check_running()
        return EnvoyMetrics(self.process.admin)

    # -- traffic --------------------------------------------------------------------------------------------------

    def send(self, request: Request, **options: Unpack[SendOptions]) -> EnvoyExchange:
        """Send a `Request` object, wait for the end of its exchange, and return the exchange.

        Parameters
        ----------
        request
            The request, for example from `Request(...)` or from another exchange.
        options
            Options of `request`, from `worker` to `metadata`.
        """
        check_worker(options.get("worker"), self.settings.workers)
        require_http(self.plugins)
        delivery = Delivery.of(options, self.timeout)
        with self._lock:
            self._check_running()
            with self._sender.connect(http2=delivery.http2, wait=delivery.wait) as client:
                return self._sender.send_alone(client, request, delivery, len(self._sessions))

    def session(self, *, worker: int | None = None, http2: bool = False) -> EnvoySession:
        """Open and return a client connection that sends several requests one after the other (keep-alive).

        Parameters
        ----------
        worker, http2
            As for `request` (defaults None and False).
        """
        check_worker(worker, self.settings.workers)
        require_http(self.plugins)
        self._check_running()

        def send(client: ClientConnection, request: Request, delivery: Delivery) -> EnvoyExchange:
            with self._lock:
                self._check_running()
                return self._sender.send_over(client, request, delivery)

        client = self._sender.connect(http2=http2, wait=self.timeout)
        session = EnvoySession(client, send, self.timeout, self._sessions.remove, http2=http2)
        self._sessions.append(session)
        return session

    def connect(self, *, worker: int | None = None, cluster: str = MAIN_CLUSTER) -> EnvoyConnection:
        """Open and return a TCP connection through the network filters.

        Parameters
        ----------
        worker
            Ignored (default None), because the kernel chooses the worker. The parameter exists because `Proxy.connect` has it.
        cluster
            Name of the cluster. Only the main cluster (the default) is allowed, because Envoy's TCP listener has no other.

        Raises
        ------
        UsageError
            No plugin is of the kind "network", `cluster` isn't the main cluster, or Envoy is closed.
        """
        self._check_running()
        check_worker(worker, self.settings.workers)
        require_network(self.plugins)
        if cluster != MAIN_CLUSTER:
            raise UsageError(
                f"cluster must be {MAIN_CLUSTER!r}, not {cluster!r}. Envoy's TCP listener uses only this cluster."
            )
        self._sender.trim()
        self._connections = [connection for connection in self._connections if connection.open]
        first_line, upstream = len(self.lines), self._backends.tcp[TCP_CLUSTER]
        first_byte = len(upstream.received)
        exchange = EnvoyTcpExchange(
            self.exchanges.next_number(),
            lambda: [line for line in self.lines[first_line:] if line.logger == "wasm"],
            lambda: b"".join(upstream.received[first_byte:]),
        )
        self.exchanges.append(exchange)
        connection = EnvoyConnection(self._addresses[TCP], exchange, self._finish_connection)
        self._connections.append(connection)
        return connection

    def _finish_connection(self, exchange: EnvoyTcpExchange) -> None:
        """Complete the record of a connection that the client has closed."""
        others = self._unclosed + len(self._sessions) + sum(connection.open for connection in self._connections)
        done = self._sender.settle(_TCP_CONNECTIONS, allowed=others)
        self._unclosed += not done
        time.sleep(0.02)  # the gauge can fall before the filters' last callbacks
        exchange.crash = self._sender.crash()
        exchange.finish(done=done)

    def close(self) -> None:
        """Close all connections, shut Envoy down so that contexts receive `on_done`, and stop the upstream servers."""
        for connection in self._connections:
            connection.close()
        for session in list(self._sessions):
            session.close()
        if self.process.alive:
            self.process.terminate()
        self._sender.close()
        try:
            if self.recording is not None and not self._recorded:
                self._recorded = True
                self.recording.close()
        finally:
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

    def _start(
        self, binary: str | os.PathLike[str] | None, startup: float | None, progress: Progress | None
    ) -> EnvoyProcess:
        scratch = scratch_folder()
        try:
            return EnvoyProcess(
                proxy_config(
                    self.settings, self.plugins, self._backends, scratch.path, self.recording, self._request_state
                ),
                concurrency=self.settings.workers,
                wasm_log_level=_LEVEL_NAMES[self.settings.log_level],
                binary=binary,
                startup=startup,
                progress=progress,
                scratch=scratch,
                file_names=_file_names(self.plugins),
            )
        except BaseException:
            self._backends.close()
            scratch.close()
            raise

    def _check_running(self) -> None:
        if self.process.alive:
            return
        code = self.process.exit_code
        state = f"exited with code {code}" if code not in (0, None) else "is closed"
        raise UsageError(f"Envoy {self.name!r} {state}. Start a new one; the log of this one is in `.lines`.")


#: Parameter that only the simulated proxy supports -> why Envoy doesn't support it.
_SIMULATED = {
    "foreign": "Envoy's foreign functions are compiled into it",
    "fuel": "Envoy doesn't count instructions",
    "fuel_limit": "Envoy doesn't limit instructions",
    "deadline": "Envoy doesn't limit the time of a callback",
    "memory_limit": "Envoy's VMs have a fixed limit of 1 GiB",
    "guest_time": "Envoy runs on the real clock",
    "start_time": "Envoy runs on the real clock",
    "seed": "Envoy's random numbers and threads aren't repeatable",
    "show_locals": "Envoy can't read a filter's variables",
    "trace_limit": "Envoy doesn't record a trace",
}


def _check_simulated(switches: Mapping[str, Any]) -> None:
    """Check that no option of the connection manager is a parameter of the simulated proxy."""
    for name in switches:
        if name in _SIMULATED:
            raise UsageError(
                f"Envoy(...) doesn't support {name}=, because {_SIMULATED[name]}. Use it with the simulated Proxy."
            )


def _file_names(plugins: Iterable[EnvoyPlugin]) -> dict[str, str]:
    """Return the original names of source files by their names in the modules. Names that several files share are omitted."""
    names: dict[str, set[str]] = {}
    for plugin in plugins:
        for portable, name in plugin.file_names.items():
            names.setdefault(portable, set()).add(name)
    return {portable: originals.pop() for portable, originals in names.items() if len(originals) == 1}


def _chain(filter: Any, chain: Sequence[Any] | None) -> list[Any]:  # noqa: A002 -- as in the constructor
    if chain is not None:
        return list(chain)
    if filter is None:
        return []
    return list(filter) if isinstance(filter, list | tuple) else [filter]
