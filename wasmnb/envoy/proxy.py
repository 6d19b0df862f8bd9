"""`Envoy`: the real one, behind the simulated proxy's interface."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from ..errors import UsageError
from ..host import Listener as Facts
from ..host import RouteMatch
from ..messages import HeadersLike, Request, Text
from .config.bootstrap import Cluster, Config, Listener, bootstrap
from .config.plugin_config import EnvoyPlugin
from .config.resources import Backends, listener_facts, route_config, timeouts, with_route_timeout
from .exchange import EnvoyExchange
from .log import LogLine
from .network.client import Client
from .network.tcp import EnvoyConnection, EnvoyTcpExchange
from .network.upstream import Seen, Upstream
from .process import EnvoyProcess

__all__ = ["Envoy"]

_HTTP, _TCP = "http", "tcp"
_METRICS = "wasmcustom."


class Envoy:
    """A running Envoy with a filter or a chain of plugins, and real upstreams on loopback.

    Parameters
    ----------
    filters
        A filter, a plugin, the path or bytes of a module, or a sequence of these (a chain). A plugin of kind "network"
        makes a TCP listener, too (`connect`); other kinds stand where their names say.
    workers
        Envoy's `--concurrency`.
    config, vm_config, root_id, vm_id
        Of every plugin that does not say itself.
    upstream, clusters
        What answers on the main route, and other clusters by name: a `Response`, a callable from `Request` to `Response`, a
        `Cluster`, a (host, port), or None (an echo; for other clusters: no endpoint). All but (host, port) speak HTTP/1.1:
        a gRPC stream is answered once the filter has closed its side.
    routes, listener, node
        As for the simulated `Proxy`.
    buffer_limit, route_timeout, idle_timeout, request_timeout
        Bytes, and Envoy's timeouts in seconds; None for Envoy's defaults.
    timeout
        Seconds of silence after which an answer counts as not coming (the exchange is then "paused").
    log_level
        Of Envoy's `wasm` logger: "trace", "debug", "info", "warning", "error".
    binary
        An Envoy of your own instead of the installed one.

    Raises
    ------
    UsageError
        If Envoy is not installed.
    EnvoyRefused
        If Envoy refuses a module or the configuration.
    """

    def __init__(
        self,
        filters: Any,
        *,
        workers: int = 4,
        config: Any = b"",
        vm_config: Any = b"",
        root_id: str = "",
        vm_id: str = "",
        upstream: Any = None,
        clusters: Mapping[str, Any] | None = None,
        routes: Sequence[RouteMatch] | None = None,
        listener: Facts | None = None,
        node: Mapping[str, Any] | None = None,
        buffer_limit: int | None = None,
        route_timeout: float | None = None,
        idle_timeout: float | None = None,
        request_timeout: float | None = None,
        timeout: float = 5.0,
        log_level: str = "info",
        name: str | None = None,
        binary: str | os.PathLike[str] | None = None,
    ) -> None:
        shared = {"config": config, "vm_config": vm_config, "root_id": root_id, "vm_id": vm_id}
        chain = filters if isinstance(filters, list | tuple) else [filters]
        self.plugins = [EnvoyPlugin.of(f, **shared) for f in chain]
        self.name = name or (self.plugins[0].name if self.plugins else "envoy")
        self.workers = workers
        self.timeout = timeout
        self.exchanges: list[EnvoyExchange | EnvoyTcpExchange] = []
        self._lock = threading.Lock()
        self._backends = Backends()
        directory = Path(tempfile.mkdtemp(prefix="wasmnb-envoy-"))
        try:
            extra, host = listener_facts(listener, buffer_limit)
            route_configs = [route_config(r) for r in routes or [RouteMatch()]]
            listeners = self._listeners(directory, extra, host, with_route_timeout(route_configs, route_timeout))
            listeners[0] = replace(listeners[0], hcm=timeouts(idle_timeout, request_timeout))
            written = bootstrap(
                listeners,
                self._clusters(upstream, clusters or {}, buffer_limit),
                node=node,
                services=self._services(directory),
            )
            self.process = EnvoyProcess(
                written, concurrency=workers, wasm_log_level=log_level, binary=binary, directory=directory
            )
        except BaseException:
            self._backends.close()
            shutil.rmtree(directory, ignore_errors=True)
            raise
        self._addresses = self.process.admin.listeners()

    @property
    def address(self) -> tuple[str, int]:
        """Where the HTTP listener listens."""
        return self._addresses[_HTTP]

    @property
    def upstream(self) -> Upstream | None:
        """The server behind the main route, if it is one of ours."""
        return self._backends.http.get("upstream")

    @property
    def state(self) -> str:
        """Either "running" or "closed"."""
        return "running" if self.process.alive else "closed"

    @property
    def lines(self) -> list[LogLine]:
        """Everything that Envoy logged, its own records included."""
        if self.process.alive:
            self.process.log.read()
        return self.process.log.lines

    @property
    def log(self) -> list[LogLine]:
        """What filters logged, and what Envoy's Wasm host said about them."""
        return [line for line in self.lines if line.logger == "wasm"]

    @property
    def metrics(self) -> dict[str, int]:
        """Counters and gauges that filters defined, by name."""
        self._running()
        stats = self.process.admin.stats("^" + _METRICS)
        return {name.removeprefix(_METRICS): value for name, value in stats.items()}

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = None,
        body: Text = b"",
        trailers: HeadersLike = None,
        *,
        chunks: Sequence[bytes] | None = None,
        authority: str = "example.com",
        worker: int | None = None,  # noqa: ARG002 - the simulated proxy has it
    ) -> EnvoyExchange:
        """Send one request and wait for its end.

        Parameters
        ----------
        chunks
            Pieces that the body is sent in, each read by Envoy on its own.
        worker
            Taken for the simulated proxy's sake; the kernel chooses the worker that accepts a connection.

        Raises
        ------
        UsageError
            If Envoy is closed, or ended by itself (a crash: its log tells).
        """
        sent = Request.of(method, path, headers, body, trailers, authority, chunks)
        with self._lock:
            self._running()
            return self._exchange(sent)

    def get(self, path: str = "/", **more: Any) -> EnvoyExchange:
        """`request("GET", path, ...)`."""
        return self.request("GET", path, **more)

    def post(self, path: str = "/", body: Text = b"", **more: Any) -> EnvoyExchange:
        """`request("POST", path, body=body, ...)`."""
        return self.request("POST", path, body=body, **more)

    def close(self) -> None:
        """Shut Envoy down as SIGTERM does (contexts get their `on_done`), then the upstreams. Twice is once."""
        if self.process.alive:
            self.process.terminate()
        self.process.close()
        self._backends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self.plugins)
        return f"<Envoy {self.name}: {names or 'no filter'}, {self.workers} workers, {self.state}, {len(self.exchanges)} requests>"

    def connect(self) -> EnvoyConnection:
        """Open a TCP connection through the network filters.

        Raises
        ------
        UsageError
            If no plugin is of kind "network", or Envoy is closed.
        """
        self._running()
        if _TCP not in self._addresses:
            raise UsageError("No plugin is a network filter; give one kind='network'.")
        exchange = EnvoyTcpExchange(len(self.exchanges) + 1)
        self.exchanges.append(exchange)
        first_line, first_seen = len(self.lines), len(self._backends.tcp["upstream tcp"].received)

        def finished(exchange: EnvoyTcpExchange) -> None:
            self._settle(f"tcp.{_TCP}.downstream_cx_active")
            time.sleep(0.02)  # the gauge may fall before the filters' last callbacks
            exchange.log = [line for line in self.lines[first_line:] if line.logger == "wasm"]
            exchange.upstream_received = b"".join(self._backends.tcp["upstream tcp"].received[first_seen:])

        return EnvoyConnection(self._addresses[_TCP], exchange, finished)

    def _listeners(self, directory: Path, extra: Config, host: Config, routes: Sequence[Config]) -> list[Listener]:
        """The HTTP listener always; one for TCP if there are network filters."""
        by_kind: dict[str, list[Config]] = {}
        for plugin in self.plugins:
            by_kind.setdefault(plugin.kind, []).append(plugin.as_config(directory))
        found = [
            Listener(
                _HTTP, by_kind.get("http", []), routes=routes, virtual_host=host,
                access_logs=by_kind.get("access_log", []), extra=extra,
            ),
        ]  # fmt: skip
        if "network" in by_kind:
            found.append(Listener(_TCP, by_kind["network"], "upstream tcp", "tcp", extra=extra))
        return found

    def _clusters(self, upstream: Any, others: Mapping[str, Any], limit: int | None) -> list[Cluster]:
        tcp = any(plugin.kind == "network" for plugin in self.plugins)
        found = [self._backends.cluster("upstream", None if tcp else upstream, main=True, limit=limit)]
        if tcp:
            found.append(self._backends.cluster("upstream tcp", upstream, tcp=True, main=True, limit=limit))
        return found + [self._backends.cluster(n, b) for n, b in others.items() if n != "upstream"]

    def _services(self, directory: Path) -> list[Config]:
        return [
            {"config": plugin.as_config(directory), "singleton": plugin.kind == "singleton"}
            for plugin in self.plugins
            if plugin.kind in ("singleton", "service")
        ]

    def _exchange(self, sent: Request) -> EnvoyExchange:
        first_line = len(self.lines)
        before = {name: len(server.seen) for name, server in self._backends.http.items()}
        began = time.monotonic()
        with Client(*self.address, timeout=self.timeout) as client:
            answer = client.request(sent)
            duration = time.monotonic() - began
        self._settle(f"http.{_HTTP}.downstream_cx_active")
        seen = [s for s in self._seen(before) if not s.is_callout]
        if not seen and self._backends.catch_up(self.process.admin):
            seen = [s for s in self._seen(before) if not s.is_callout]
        exchange = EnvoyExchange.of(len(self.exchanges) + 1, sent, answer, seen[0] if seen else None, duration)
        exchange.log = [line for line in self.lines[first_line:] if line.logger == "wasm"]
        self.exchanges.append(exchange)
        return exchange

    def _settle(self, gauge: str, seconds: float = 1.0) -> None:
        """Wait until Envoy has destroyed the connection, and the stream with it, so that its last log lines are there.

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

    def _seen(self, before: Mapping[str, int]) -> list[Seen]:
        """What all HTTP upstreams saw since they had seen so much, in order of arrival."""
        fresh = (s for name, server in self._backends.http.items() for s in server.seen[before[name] :])
        return sorted(fresh, key=lambda s: s.at)

    def _running(self) -> None:
        if self.process.alive:
            return
        code = self.process.exit_code
        how = f"ended by itself with exit code {code}" if code not in (0, None) else "is closed"
        raise UsageError(f"Envoy {self.name!r} {how}; its log is in `.lines`.")
