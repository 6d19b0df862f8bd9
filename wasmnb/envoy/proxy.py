"""`Envoy`: the real one, behind the simulated proxy's interface."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import UsageError
from ..messages import Headers, Request, Response
from .client import Client
from .config import Cluster, Listener, bootstrap
from .exchange import EnvoyExchange
from .log import LogLine
from .plugin import EnvoyPlugin
from .process import EnvoyProcess
from .upstream import Handler, Upstream

__all__ = ["Envoy"]

#: What stands for an upstream: an answer, a handler, a server, an address, or None (`echo`; for a cluster: no endpoint).
Backend = Response | Handler | Upstream | tuple[str, int] | None

_LISTENER = "proxy"
_METRICS = "wasmcustom."


class Envoy:
    """A running Envoy with one listener, one filter or chain of plugins, and real upstreams on loopback.

    Parameters
    ----------
    filters
        A filter, a plugin, the path or bytes of a module, or a sequence of these (a chain).
    workers
        Envoy's `--concurrency`.
    config, vm_config, root_id, vm_id
        Of every plugin that does not say itself.
    upstream
        A `Response`, a callable from `Request` to `Response`, a (host, port), or None for an echo.
    clusters
        More clusters by name, for callouts: the same values; None makes a cluster without endpoints.
    timeout
        Seconds of silence after which an answer counts as not coming (the exchange is then "paused").
    kind
        "http" or "tcp".
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
        upstream: Backend = None,
        clusters: Mapping[str, Backend] | None = None,
        timeout: float = 5.0,
        kind: str = "http",
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
        self.exchanges: list[EnvoyExchange] = []
        self._lock = threading.Lock()
        self._servers: list[Upstream] = []
        self.upstream, main = self._backend(
            "upstream", Response(200) if upstream is None and kind == "tcp" else upstream, missing="echo"
        )
        others = [self._backend(n, b)[1] for n, b in (clusters or {}).items()]
        directory = Path(tempfile.mkdtemp(prefix="wasmnb-envoy-"))
        try:
            plugins = [p.as_config(directory) for p in self.plugins]
            listener = Listener(_LISTENER, plugins, cluster="upstream", kind=kind)
            self.process = EnvoyProcess(
                bootstrap([listener], [main, *others]), concurrency=workers, wasm_log_level=log_level,
                binary=binary, directory=directory,
            )  # fmt: skip
        except BaseException:
            self._close_servers()
            raise
        self.address = self.process.admin.listeners()[_LISTENER]

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
        headers: Headers | Mapping[str, Any] | Iterable[tuple[Any, Any]] | None = None,
        body: bytes | str = b"",
        trailers: Headers | Mapping[str, Any] | Iterable[tuple[Any, Any]] | None = None,
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
        sent = Request(
            method, path, Headers(headers), body if isinstance(body, bytes) else body.encode(), Headers(trailers),
            authority, chunks=None if chunks is None else list(chunks),
        )  # fmt: skip
        with self._lock:
            self._running()
            return self._exchange(sent)

    def get(self, path: str = "/", **more: Any) -> EnvoyExchange:
        """`request("GET", path, ...)`."""
        return self.request("GET", path, **more)

    def post(self, path: str = "/", body: bytes | str = b"", **more: Any) -> EnvoyExchange:
        """`request("POST", path, body=body, ...)`."""
        return self.request("POST", path, body=body, **more)

    def close(self) -> None:
        """Shut Envoy down as SIGTERM does (contexts get their `on_done`), then the upstreams. Twice is once."""
        if self.process.alive:
            self.process.terminate()
        self.process.close()
        self._close_servers()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self.plugins)
        return f"<Envoy {self.name}: {names or 'no filter'}, {self.workers} workers, {self.state}, {len(self.exchanges)} requests>"

    def _exchange(self, sent: Request) -> EnvoyExchange:
        first_line, first_seen = len(self.lines), len(self._seen())
        began = time.monotonic()
        with Client(*self.address, timeout=self.timeout) as client:
            answer = client.request(sent)
            duration = time.monotonic() - began
        self._settle()
        seen = self._seen()[first_seen:]
        exchange = EnvoyExchange.of(len(self.exchanges) + 1, sent, answer, seen[0] if seen else None, duration)
        exchange.log = [line for line in self.lines[first_line:] if line.logger == "wasm"]
        self.exchanges.append(exchange)
        return exchange

    def _settle(self, seconds: float = 1.0) -> None:
        """Wait until Envoy has destroyed the connection, and the stream with it, so that its last log lines are there.

        (The gauge of active requests falls before `on_log`.)
        """
        name = f"http.{_LISTENER}.downstream_cx_active"
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.alive:
            try:
                if not self.process.admin.stats(f"^{name}$").get(name):
                    return
            except OSError:
                return
            time.sleep(0.005)

    def _seen(self) -> list[Any]:
        return self.upstream.seen if self.upstream else []

    def _running(self) -> None:
        if self.process.alive:
            return
        code = self.process.exit_code
        how = f"ended by itself with exit code {code}" if code not in (0, None) else "is closed"
        raise UsageError(f"Envoy {self.name!r} {how}; its log is in `.lines`.")

    def _backend(self, name: str, backend: Backend, missing: str = "") -> tuple[Upstream | None, Cluster]:
        if backend is None and not missing:
            return None, Cluster(name, None)
        if isinstance(backend, tuple):
            return None, Cluster(name, backend)
        server = backend if isinstance(backend, Upstream) else Upstream(backend)
        self._servers.append(server)
        return server, Cluster(name, server.address)

    def _close_servers(self) -> None:
        for server in self._servers:
            server.close()
