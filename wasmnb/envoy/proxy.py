"""`Envoy`: the real Envoy behind the interface of the simulated proxy."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, Unpack

from ..abi import LogLevel
from ..errors import UsageError
from ..host import BuiltIn, HttpConnectionManager, RouteMatch
from ..host import Listener as ListenerProperties
from ..host.client.delivery import Delivery
from ..host.clock import check_worker
from ..host.interface import Requests, SendOptions
from ..host.plugins.plugin import require_http, require_network, share_held_headers
from ..host.settings import LOG_LEVELS, MAIN_CLUSTER, ProxySettings, check_switches
from ..host.trace.exchange_log import Exchanges
from ..messages import Request
from .config.plugin_config import EnvoyPlugin
from .config.proxy_config import HTTP, TCP, TCP_CLUSTER, proxy_config
from .config.request_state import RequestState
from .config.resources import Backends
from .exchange import EnvoyExchange
from .log import LogLine
from .metrics import EnvoyMetrics
from .network.client_connection import ClientConnection
from .network.loopback import Address
from .network.tcp import EnvoyConnection, EnvoyTcpExchange
from .network.upstream import Upstream
from .process import EnvoyProcess, scratch_folder
from .session import EnvoySession, RequestSender
from .startup import Progress
from .tap import TapRecording

__all__ = ["Envoy", "EnvoyWorker"]

_LEVEL_NAMES = {level: name for name, level in LOG_LEVELS.items()}


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
    workers, routes, listener, node, connection_manager, built_in, name
        As for `wasmnb.host.settings.ProxySettings`.
    buffer_limit, route_timeout, idle_timeout, request_timeout, stats_flush_interval
        As for `wasmnb.host.settings.ProxySettings`, with its defaults. `workers` is Envoy's `--concurrency`.
    switches
        Single switches of the connection manager by name, as for `Proxy`.
    timeout
        Seconds without traffic after which an exchange counts as paused (5), unless `request(wait=...)` is given.
    request_state
        Put a Lua filter ahead of the chain that gives requests `metadata` and `properties` (False).
    log_level
        Level of Envoy's `wasm` logger: a `LogLevel`, or Envoy's name of it ("warning"); INFO by default.
    binary
        Path of an Envoy to use instead of the installed one.
    startup
        Seconds until Envoy must be ready. None, the default, for no end as long as it works.
    progress
        Called with a text and the share that is done while Envoy starts; by default nothing is shown.
    record
        A `.jsonl` or `.har` file that Envoy's tap filter records all requests to, whoever sends them; it is written by `close`,
        with secrets masked. A path without suffix is a folder that gets the tap's own files meanwhile. None by default.

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
    recording
        The recording, or None.

    Raises
    ------
    UsageError
        Envoy isn't installed, or `workers` is below 1.
    EnvoyRefused
        Envoy refuses a module or the configuration, isn't ready in time, or does nothing any more.
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
        self.plugins = share_held_headers(EnvoyPlugin.of(item, **single) for item in _chain(filter, chain))
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
        """The worker threads."""
        return [EnvoyWorker(number) for number in range(1, self.settings.workers + 1)]

    @property
    def address(self) -> Address:
        """Host and port of the HTTP listener; of the TCP listener if there are network filters alone."""
        return self._addresses[HTTP if HTTP in self._addresses else TCP]

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
        return self.process.current_lines()

    @property
    def log(self) -> list[LogLine]:
        """Lines that filters and Envoy's Wasm host wrote."""
        return [line for line in self.lines if line.logger == "wasm"]

    @property
    def metrics(self) -> EnvoyMetrics:
        """The filters' counters and gauges by name; `prometheus()` also has histograms."""
        self._check_running()
        return EnvoyMetrics(self.process.admin)

    # -- traffic --------------------------------------------------------------------------------------------------

    def send(self, request: Request, **options: Unpack[SendOptions]) -> EnvoyExchange:
        """Send a `Request` as `request` does."""
        check_worker(options.get("worker"), self.settings.workers)
        require_http(self.plugins)
        delivery = Delivery.of(options, self.timeout)
        with self._lock:
            self._check_running()
            with self._sender.connect(http2=delivery.http2, wait=delivery.wait) as client:
                return self._sender.send_alone(client, request, delivery, len(self._sessions))

    def session(self, *, worker: int | None = None, http2: bool = False) -> EnvoySession:
        """Open a client's connection for several requests, one after the other (keep-alive).

        Parameters
        ----------
        worker, http2
            As for `request`.
        """
        check_worker(worker, self.settings.workers)
        require_http(self.plugins)
        self._check_running()

        def send(client: ClientConnection, request: Request, delivery: Delivery) -> EnvoyExchange:
            with self._lock:
                self._check_running()
                return self._sender.send_over(client, request, delivery)

        client = self._sender.connect(http2=http2, wait=self.timeout)
        session = EnvoySession(client, send, self.timeout, self._sessions.remove)
        self._sessions.append(session)
        return session

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
        check_worker(worker, self.settings.workers)
        require_network(self.plugins)
        if cluster != MAIN_CLUSTER:
            raise UsageError(f"The TCP listener leads to the cluster {MAIN_CLUSTER!r}, not to {cluster!r}.")
        self._sender.trim()
        self._connections = [connection for connection in self._connections if connection.open]
        exchange = EnvoyTcpExchange(self.exchanges.next_number())
        self.exchanges.append(exchange)
        first_line, first_byte = len(self.lines), len(self._backends.tcp[TCP_CLUSTER].received)

        def finish(exchange: EnvoyTcpExchange) -> None:
            self._sender.settle(f"tcp.{TCP}.downstream_cx_active")
            time.sleep(0.02)  # the gauge may fall before the filters' last callbacks
            exchange.log = [line for line in self.lines[first_line:] if line.logger == "wasm"]
            exchange.upstream_received = b"".join(self._backends.tcp[TCP_CLUSTER].received[first_byte:])

        connection = EnvoyConnection(self._addresses[TCP], exchange, finish)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Close open connections, shut Envoy down as SIGTERM does (contexts get their `on_done`), then stop the upstreams."""
        for connection in self._connections:
            connection.close()
        for session in list(self._sessions):
            session.close()
        if self.process.alive:
            self.process.terminate()
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
        state = f"has ended by itself with exit code {code}" if code not in (0, None) else "is closed"
        raise UsageError(f"Envoy {self.name!r} {state}; its log is in `.lines`.")


#: Parameter that only the simulated proxy has -> why.
_SIMULATED = {
    "foreign": "Envoy's foreign functions are compiled into it",
    "fuel": "Envoy doesn't count instructions",
    "fuel_limit": "Envoy has no budget of instructions",
    "deadline": "Envoy lets a callback run as long as it likes",
    "memory_limit": "Envoy's VMs have a fixed limit of 1 GiB",
    "guest_time": "Envoy runs on the real clock",
    "start_time": "Envoy runs on the real clock",
    "seed": "Envoy's random numbers and threads aren't repeatable",
    "show_locals": "Envoy can't look into a filter",
    "trace_limit": "Envoy keeps no trace",
}


def _check_simulated(switches: Mapping[str, Any]) -> None:
    """Check that no switch of the connection manager is really a parameter of the simulation."""
    for name in switches:
        if name in _SIMULATED:
            raise UsageError(f"A real Envoy doesn't take {name}=: {_SIMULATED[name]}. Only the simulated Proxy does.")


def _file_names(plugins: Iterable[EnvoyPlugin]) -> dict[str, str]:
    """Return the names of the filters' files by their names in the modules, except those that several files have."""
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
