"""The simulated Envoy: a main thread and workers that run filters as Envoy 1.40 does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any, Self

from ..abi import LogLevel
from ..engine import Engine, default_engine
from ..errors import UsageError, WasmnbError
from ..messages import Headers, Request, Text, to_bytes
from .callout_record import Callout
from .clock import Clock, Thread
from .cluster import Cluster, to_clusters
from .deployment import Deployment
from .environment import Environment
from .exchange import Exchange, Recorded, TcpExchange
from .exchanges import Exchanges
from .explain import Explanation, explain
from .http_stream import HttpStream
from .log import Log
from .plugin import FilterLike, Plugin, to_plugins
from .registry import Registry
from .routes import RouteMatch
from .running import Running
from .shared import SharedData, SharedState
from .stats import Metrics
from .stream import Stream, TcpConnection, send_whole
from .stream_info import Connection, Listener
from .tcp_stream import TcpStream
from .timeouts import Limits
from .trace import DEFAULT_LIMIT, Trace
from .tree import TreeNode, build_tree
from .vm import Vm
from .worker import Worker

__all__ = ["Proxy"]

#: Where virtual time begins: 2026-01-01 00:00:00 UTC.
DEFAULT_START = 1767225600.0

#: Virtual seconds that `request` waits for a stream that a filter holds.
DEFAULT_WAIT = 20.0


class Proxy(Running):
    """A simulated Envoy running one filter or a chain of plugins.

    Parameters
    ----------
    filter
        A `Filter`, a `Plugin`, or a list of them (HTTP filters in order; other kinds of plugin anywhere).
    workers
        Number of worker threads.
    config, vm_config, root_id, vm_id, failure_policy
        Of the one filter, if no `Plugin` says them: as in Envoy's configuration.
    upstream
        What answers: a `Response`, a function from `Request` to `Response`, a `Cluster`, or nothing for an echo that
        answers 200.
    clusters
        More upstreams by name, for callouts and routes; the main one is called `upstream`.
    routes
        `RouteMatch`es, first match first; by default everything goes to `upstream`.
    seed
        Decides random ids and which thread goes first at the same moment.
    deadline
        Real seconds that one entry into a filter may take (0.1 s precise).
    memory_limit
        Bytes of memory that a VM may have.
    guest_time
        `"measured"`: a callback takes as long on the virtual clock as it really took; a number: so many seconds, which
        makes traces repeatable to the last digit.
    start_time
        Wall-clock time, seconds since 1970, at which virtual time begins; by default the start of 2026.
    log_level
        Lines below it are not written.
    buffer_limit, route_timeout, idle_timeout, request_timeout
        Bytes that a filter may hold, and Envoy's timeouts in seconds, with its defaults.
    trace_limit
        Events that the trace keeps.
    listener
        A `Listener`: direction, metadata and names that properties tell.
    node
        Id, cluster and metadata that the properties under `xds.node` tell.

    Raises
    ------
    ModuleError
        Envoy would not load the module.
    FilterTrap
        The filter failed while it started, or refused its configuration.
    UsageError
        The arguments do not fit together.
    """

    def __init__(
        self,
        filter: FilterLike | Plugin | Sequence[FilterLike | Plugin] | None = None,  # noqa: A002 -- the public name
        *,
        workers: int = 4,
        chain: Sequence[FilterLike | Plugin] | None = None,
        config: Any = None,
        vm_config: Any = None,
        root_id: str = "",
        vm_id: str = "",
        failure_policy: str | None = None,
        upstream: Any = None,
        clusters: Mapping[str, Any] | None = None,
        routes: Sequence[RouteMatch] | None = None,
        seed: int = 0,
        deadline: float = 5.0,
        memory_limit: int = 1 << 30,
        guest_time: float | str = "measured",
        start_time: float = DEFAULT_START,
        log_level: LogLevel = LogLevel.INFO,
        buffer_limit: int = 1 << 20,
        route_timeout: float = 15.0,
        idle_timeout: float = 300.0,
        request_timeout: float = 0.0,
        trace_limit: int = DEFAULT_LIMIT,
        node: Mapping[str, Any] | None = None,
        listener: Listener | None = None,
        name: str = "",
        engine: Engine | None = None,
    ) -> None:
        if workers < 1:
            raise UsageError(f"A proxy needs at least one worker, not {workers}.")
        single: dict[str, Any] = {"config": config, "vm_config": vm_config, "root_id": root_id, "vm_id": vm_id}
        self.plugins = to_plugins(filter if chain is None else list(chain), single, failure_policy)
        self.name = name or (self.plugins[0].name if self.plugins else "proxy")
        self._listener = listener or Listener()
        self._limits = Limits(buffer_limit, route_timeout, idle_timeout, request_timeout)
        self._environment = Environment(
            engine=engine or default_engine(),
            clock=Clock(seed, start_time),
            trace=Trace(trace_limit),
            log=Log(log_level),
            shared=SharedState(),
            metrics=Metrics(),
            random=Random(seed),  # noqa: S311 -- a simulation repeats itself
            guest_time=None if guest_time == "measured" else float(guest_time),
            deadline=deadline,
            memory_limit=memory_limit,
            clusters=to_clusters("upstream", upstream, clusters),
            node=node or {"id": "wasmnb", "cluster": "wasmnb"},
        )
        self._main = Thread(0)
        self._registry = Registry(self._environment, self._main)
        self.workers = [Worker(self._environment, Thread(n), routes or [RouteMatch()]) for n in range(1, workers + 1)]
        self.exchanges = Exchanges()
        self._connections = 0
        self._next_worker = 0
        #: What `from_envoy` found in the configuration and has no part for: sentences with lines.
        self.left_out: list[str] = []
        self._closed = False
        self._deployment = Deployment(self._environment, self._registry, self._main, self.workers)
        try:
            self._start(self.plugins)
        except BaseException as error:
            self._drop()
            if isinstance(error, WasmnbError):
                error.log = list(self.log)
            raise

    @classmethod
    def from_envoy(
        cls,
        path: str | PathLike[str],
        *,
        listener: str | None = None,
        clusters: Mapping[str, Any] | None = None,
        upstream: Any = None,
        **options: Any,
    ) -> Self:
        """The same plugins, configuration, routes and clusters as a static `envoy.yaml` has.

        Parameters
        ----------
        listener
            Which of its listeners; by default the first with a Wasm filter.
        clusters
            Upstreams by cluster name; each has to be in the file.
        upstream
            What answers for every other cluster; by default an echo.
        options
            As the class takes them: workers, seed, ...

        Raises
        ------
        UsageError
            Something in the file cannot be read; with its line. What has no part in the simulation is no error: `left_out`.
        """
        from .from_envoy import read_envoy

        setup = read_envoy(Path(path), listener=listener, clusters=clusters, upstream=upstream)
        main = setup.routes[0].cluster if setup.routes else ""
        made = cls(
            chain=setup.plugins,
            upstream=setup.clusters.get(main, upstream),
            clusters=setup.clusters,
            routes=setup.routes or None,
            **options,
        )
        made.left_out = setup.left_out
        return made

    # -- start and end --------------------------------------------------------------------------------------------

    def _start(self, plugins: Sequence[Plugin]) -> None:
        self._run_on(self._main, lambda: self._deployment.start(plugins))

    def update(
        self,
        plugins: FilterLike | Plugin | Sequence[FilterLike | Plugin],
        *,
        drain: float = 1.0,
        config: Any = None,
        **more: Any,
    ) -> bool:
        """Replace the configuration while traffic runs, as a listener update does.

        Parameters
        ----------
        plugins
            What shall run from now on; settings of a single filter can follow by name, as for `Proxy`.
        drain
            Virtual seconds that old streams have to finish.

        Returns
        -------
        bool
            False if this is what runs already; then nothing happens.

        Raises
        ------
        ModuleError, FilterTrap
            Envoy would refuse the update. The old configuration goes on serving.
        """
        self._check_open()
        policy = more.pop("failure_policy", None)
        wanted = to_plugins(plugins, {"config": config, **more}, policy)
        done: list[bool] = []
        self._run_on(self._main, lambda: done.append(self._deployment.update(wanted, drain)))
        self.plugins = wanted
        return done[0]

    def close(self) -> None:
        """Shut down as Envoy does: streams are cut off, roots get `on_done` and `on_delete`, VMs go."""
        if self._closed:
            return
        self._closed = True
        try:
            self._deployment.close()
            self._settle()
        finally:
            self._drop()

    def _drop(self) -> None:
        for vm in self._registry.vms():
            with suppress(Exception):
                vm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- requests -------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: Headers | Mapping[str, Text] | Iterable[tuple[Text, Text]] | None = (),
        body: Text = b"",
        trailers: Headers | Mapping[str, Text] | Iterable[tuple[Text, Text]] | None = (),
        *,
        chunks: Iterable[Text] | None = None,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
        wait: float | None = DEFAULT_WAIT,
    ) -> Exchange:
        """Send a request and wait for its end.

        Parameters
        ----------
        body, chunks
            The body in one piece (with content-length) or in several (chunked).
        worker
            Number of the worker that accepts the connection, from 1; by default they take turns.
        authority
            Value of the `host` header.
        http2
            Speak HTTP/2 rather than HTTP/1.1.
        wait
            Virtual seconds to wait for a stream that a filter holds; then its exchange is returned as `paused`, and goes
            on in later calls.

        Returns
        -------
        Exchange
        """
        pieces = None if chunks is None else [to_bytes(c) for c in chunks]
        request = Request(method, path, Headers(headers), to_bytes(body), Headers(trailers), authority, chunks=pieces)
        return self.send(request, worker=worker, http2=http2, wait=wait)

    def send(
        self, request: Request, *, worker: int | None = None, http2: bool = False, wait: float | None = DEFAULT_WAIT
    ) -> Exchange:
        """As `request`, for one that is made already."""
        stream = self._open(request, worker, http2=http2)
        self._on_worker(stream.worker, lambda: send_whole(stream, request))
        self._run_until(stream.exchange, wait)
        return stream.exchange

    def send_at(
        self, requests: Iterable[tuple[float, Request]], *, http2: bool = False, wait: float | None = DEFAULT_WAIT
    ) -> list[Exchange]:
        """Send requests one after the other without waiting for answers in between, then wait until all are over.

        Parameters
        ----------
        requests
            Virtual seconds since the one before, and the request. Workers take turns; one that is still busy makes the
            request wait, which its exchange's duration counts.
        """
        self._check_open()
        clock, moment, expected = self._environment.clock, 0.0, 0
        exchanges: list[Exchange] = []
        for gap, request in requests:
            moment += gap
            due, worker = clock.now + moment, self._pick(None)

            def arrive(request: Request = request, worker: Worker = worker, due: float = due) -> None:
                stream = self._open(request, worker.thread.number, http2=http2)
                stream.exchange.started = due
                exchanges.append(stream.exchange)
                send_whole(stream, request)

            clock.later(moment, worker.thread, arrive)
            expected += 1
        self._run_while(lambda: len(exchanges) < expected, None)
        for exchange in exchanges:
            self._run_until(exchange, wait)
        return exchanges

    def get(self, path: str = "/", headers: Any = (), **more: Any) -> Exchange:
        """`request("GET", ...)`."""
        return self.request("GET", path, headers, **more)

    def post(self, path: str = "/", headers: Any = (), body: Text = b"", **more: Any) -> Exchange:
        """`request("POST", ...)`."""
        return self.request("POST", path, headers, body, **more)

    def open(
        self,
        method: str = "GET",
        path: str = "/",
        headers: Headers | Mapping[str, Text] | Iterable[tuple[Text, Text]] | None = (),
        *,
        end: bool = False,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
    ) -> Stream:
        """Send a request's headers only; the `Stream` sends the rest piece by piece.

        Parameters
        ----------
        end
            The request has no body.
        """
        request = Request(method, path, Headers(headers), authority=authority, chunks=None if end else [])
        stream = self._open(request, worker, http2=http2)
        self._on_worker(stream.worker, lambda: stream.start(request, end=end, has_body=not end))
        return Stream(self, stream)

    def connect(self, *, worker: int | None = None, cluster: str = "upstream") -> TcpConnection:
        """Open a TCP connection through the network filters.

        Parameters
        ----------
        cluster
            Where it goes. Its upstream is an echo, or a function from bytes to bytes or `TcpReply`; empty bytes mean that
            the client has closed its side.
        """
        self._check_open()
        if cluster not in self._environment.clusters:
            raise UsageError(f"There is no cluster {cluster!r}.")
        on = self._pick(worker)
        exchange = TcpExchange(self.exchanges.next_number(), on.name, self._environment)
        self.exchanges.append(exchange)
        stream = TcpStream(on, exchange, self._connect(), self._environment.clusters[cluster])
        self._on_worker(on, stream.start)
        return TcpConnection(self, stream)

    def _open(self, request: Request, number: int | None, *, http2: bool) -> HttpStream:
        self._check_open()
        worker = self._pick(number)
        exchange = Exchange(self.exchanges.next_number(), worker.name, self._environment, request)
        self.exchanges.append(exchange)
        connection = self._connect()
        return HttpStream(worker, exchange, connection, self._limits, http2=http2)

    def _connect(self) -> Connection:
        self._connections += 1
        peer = f"127.0.0.1:{40000 + self._connections % 20000}"
        return Connection(self._connections, peer, self._listener.address, listener=self._listener)

    def _pick(self, number: int | None) -> Worker:
        if number is None:
            self._next_worker += 1
            return self.workers[(self._next_worker - 1) % len(self.workers)]
        if not 1 <= number <= len(self.workers):
            raise UsageError(f"There is no worker {number}; they are numbered from 1 to {len(self.workers)}.")
        return self.workers[number - 1]

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError(f"The proxy {self.name} is closed.")

    # -- what there is to see -------------------------------------------------------------------------------------

    @property
    def trace(self) -> Trace:
        """Every crossing between host and guests, and what happened around them."""
        return self._environment.trace

    @property
    def log(self) -> Log:
        """What filters and Envoy have written."""
        return self._environment.log

    @property
    def metrics(self) -> Metrics:
        """The filters' metrics by name; Envoy's own in `.envoy`."""
        return self._environment.metrics

    @property
    def clusters(self) -> dict[str, Cluster]:
        """Upstreams by name, the main one as `upstream`; `.alive = False` takes one down."""
        return self._environment.clusters

    @property
    def callouts(self) -> list[Callout]:
        """Callouts that filters have made, the last ten thousand."""
        return self._environment.callouts.all()

    @property
    def shared_data(self) -> SharedData:
        """Shared data by key; `.of(vm_id)` for one vm_id."""
        return SharedData(self._environment.shared)

    @property
    def state(self) -> str:
        """`running`, `failed` (a worker's VM has failed), or `closed`."""
        if self._closed:
            return "closed"
        return "failed" if any(vm.failed for vm in self._registry.vms()) else "running"

    @property
    def vms(self) -> list[Vm]:
        """Living VMs, in the order in which they were made."""
        return [vm for vm in self._registry.vms() if not vm.closed]

    def panel(self) -> Any:
        """The live panel of this proxy, for a notebook; the same one each time."""
        return import_module("wasmnb.view.panel").panel_of(self)

    def tree(self) -> TreeNode:
        """Threads, VMs, plugin contexts and live streams as they are now."""
        return build_tree(self)

    def explain(self, what: Recorded | Stream | TcpConnection | int | None = None) -> Explanation:
        """What an exchange waits for or why it failed, in words.

        Parameters
        ----------
        what
            An exchange, its number, or the stream or connection; by default the last one.
        """
        if isinstance(what, Stream | TcpConnection):
            what = what.exchange
        if what is None or isinstance(what, int):
            found = [x for x in self.exchanges if what is None or x.number == what]
            if not found:
                raise UsageError(f"There is no exchange {what if what is not None else ''}".rstrip() + ".")
            what = found[-1]
        return explain(self, what)

    def _thread_names(self) -> list[tuple[int, str]]:
        return [(self._main.number, self._main.name), *((w.thread.number, w.name) for w in self.workers)]

    def __repr__(self) -> str:
        return f"<Proxy {self.name}: {len(self.workers)} workers, {self.exchanges.made} exchanges, {self.state}>"
