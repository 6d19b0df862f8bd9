"""The simulated Envoy: a main thread and workers that run filters as Envoy 1.40 does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, Self

from .. import _hooks
from ..abi import LogLevel
from ..engine import Engine, default_engine
from ..errors import UsageError, WasmnbError
from .clock import Clock, Thread
from .contexts.stream_info import Listener
from .fault_injection import Controls
from .http.routing.routes import RouteMatch
from .http.stream_state import Limits
from .observation import Observed
from .plugins.lifecycle import Deployment
from .plugins.plugin import FilterLike, Plugin, to_plugins
from .plugins.vm_registry import VmRegistry
from .sender import Sending
from .server_context import ServerContext, fixed_time
from .trace.exchange_log import Exchanges
from .trace.log import Log
from .trace.trace import DEFAULT_LIMIT, Trace
from .upstream.cluster import to_clusters
from .worker import Worker

__all__ = ["Proxy"]

#: Where virtual time begins: 2026-01-01 00:00:00 UTC.
DEFAULT_START = 1767225600.0

#: What `xds.node` tells unless something else is given.
_NODE = {"id": "wasmnb", "cluster": "wasmnb"}


class Proxy(Sending, Observed, Controls):
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
        More upstreams by name, for callouts and routes; the main one is called `upstream`. None here is a cluster without
        endpoints; `Cluster()` echoes.
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
    fuel
        Count the instructions of every callback: `exchange.fuel`. The code is slower then, and callbacks take 0.1 ms on the
        virtual clock unless `guest_time` says otherwise, so that the count is the same on every run.
    show_locals
        Tracebacks of Python filters have local variables.
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
        fuel: bool = False,
        show_locals: bool = False,
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
        self._server = ServerContext(
            engine=engine or default_engine(fuel=fuel),
            clock=Clock(seed, start_time),
            trace=Trace(trace_limit),
            log=Log(log_level),
            guest_time=fixed_time(guest_time, fuel=fuel),
            show_locals=show_locals,
            deadline=deadline,
            memory_limit=memory_limit,
            clusters=to_clusters("upstream", upstream, clusters),
            node=node or _NODE,
        )
        self._assemble(workers, routes or [RouteMatch()])
        self._start()

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
        setup = _hooks.read_envoy(Path(path), listener=listener, clusters=clusters, upstream=upstream)
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

    def _assemble(self, workers: int, routes: Sequence[RouteMatch]) -> None:
        server = self._server
        self._main = Thread(0)
        self._registry = VmRegistry(server, self._main)
        self.workers = [Worker(server, Thread(n), routes) for n in range(1, workers + 1)]
        self.exchanges = Exchanges()
        self.left_out = []
        self._deployment = Deployment(server, self._registry, self._main, self.workers)

    def _start(self) -> None:
        try:
            self._run_on(self._main, lambda: self._deployment.start(self.plugins))
        except BaseException as error:
            self._drop()
            if isinstance(error, WasmnbError):
                error.log = list(self.log)
            raise

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

    def _check_open(self) -> None:
        if self._closed:
            raise UsageError(f"The proxy {self.name} is closed.")

    def _drop(self) -> None:
        for vm in self._registry.vms():
            with suppress(Exception):
                vm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
