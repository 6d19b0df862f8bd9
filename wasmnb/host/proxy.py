"""The simulated Envoy, with a main thread and workers that run filters as Envoy 1.40 does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .. import _hooks
from .._display import Shown, visible
from ..abi import LogLevel
from ..engine import Engine, default_engine
from ..errors import UsageError, WasmnbError
from ..messages import Text, to_bytes
from .components import ProxyComponents
from .contexts.stream_info import Listener
from .fault_injection import FaultInjection
from .hostcalls import HOSTCALLS
from .http.connection_manager.manager import HttpConnectionManager
from .http.route_table.route import RouteMatch
from .http.route_table.table import RouteTable
from .observation import ObservationMethods
from .plugins.envoy_filter_config import BuiltIn
from .plugins.lifecycle import PluginLifecycle
from .plugins.plugin import FilterLike, Plugin, to_plugins
from .plugins.stats_sinks import StatsSinks
from .settings import MAIN_CLUSTER, ProxySettings, SimulationSettings, check_switches
from .simulated_clients.client_methods import ClientMethods
from .simulated_clients.sender import Sender
from .trace.history import closed_histories

if TYPE_CHECKING:
    from .foreign_functions.own_functions import ForeignCall
    from .vm.vm import Vm

__all__ = ["Proxy"]

#: A filter, a plugin, or a list of these.
Filters = FilterLike | Plugin | Sequence[FilterLike | Plugin]


class Proxy(ObservationMethods, ClientMethods, Shown):
    """A simulated Envoy that runs one filter or a chain of plugins. Use it as a context manager.

    Parameters
    ----------
    filter
        A `Filter`, a `Plugin`, or a list of these. Filters run in the order of the list. Access loggers and services can be
        anywhere in the list. By default, no plugin runs.
    chain
        A list of filters and plugins (default None). Use either `filter` or `chain`.
    config, vm_config, root_id, vm_id, failure_policy, kind
        Settings of a single filter, as for `Plugin` (default empty). In a chain, pass them to each `Plugin`.
    workers, upstream, clusters, routes, listener, node, connection_manager, built_in, name
        As for `wasmnb.host.settings.ProxySettings` (default 4 workers, an upstream that echoes, and no other clusters).
    buffer_limit, route_timeout, idle_timeout, request_timeout, stats_flush_interval
        As for `wasmnb.host.settings.ProxySettings` (default: Envoy's limits).
    switches
        Options of the HTTP connection manager as keyword arguments, such as `use_remote_address=True`.
    seed
        Seed of random ids, and of the order of events with the same time on different threads (default 0).
    deadline
        Real seconds after which a call into a filter traps (default 5), accurate to 0.1 s.
    memory_limit
        Maximum size in bytes of a VM's memories and tables. Also the maximum that all filters together can store in the
        proxy (default 1 GiB).
    guest_time
        Virtual time that a callback takes. `"measured"` (the default) is the real duration of the callback. A number is a
        fixed duration in seconds, which makes traces identical in every run. With `"frozen"`, callbacks take no time, and
        both clocks of the filter show `start_time` until you call `advance`.
    fuel
        Whether to count the instructions of every callback, for `exchange.fuel` (default False). Counting makes code slower.
        Callbacks then take 0.1 ms of virtual time unless you set `guest_time`, so that every run counts the same number.
    fuel_limit
        Number of instructions after which a callback traps, at least 1. A limit implies `fuel`. Callbacks at start, such as
        `on_configure`, are not limited. None (the default): no limit, as in Envoy.
    foreign
        Your own foreign functions by name, in addition to Envoy's (default none). Each function accepts a `ForeignCall` and
        returns bytes, text, None, or a `Status` other than OK.
    show_locals
        Whether tracebacks of Python filters show local variables (default False).
    start_time
        Wall-clock time at which virtual time begins, in seconds since 1970 (default: the start of 2026, UTC).
    log_level
        Lowest level of lines in the log, as a `LogLevel` or as Envoy's name, such as "warning" (default INFO).
    trace_limit
        Maximum number of events in the trace (default 200,000). The oldest events are dropped first.
    engine
        Engine that compiles and runs modules, if you need other limits of wasmtime. By default, all proxies share one engine.

    Attributes
    ----------
    plugins
        The plugins that run, in the order of the chain.
    workers
        The worker threads.
    exchanges
        The last 10,000 requests and connections.
    simulation
        Settings that a real Envoy doesn't have, from `seed` to `trace_limit`.
    loop
        The event loop, for tests that run an action on a thread.
    server
        State shared by all VMs: clock, clusters, limits, and properties set by tests.
    attachments
        Objects that other parts of wasmnb store with this proxy, by name, such as its panel.
    left_out
        Parts of an `envoy.yaml` that `from_envoy` ignored. Each is a sentence with the line number.

    Raises
    ------
    ModuleError
        Envoy would refuse to load the module.
    FilterTrap
        The filter failed while it started, or refused its configuration.
    UsageError
        A parameter is unknown, its value is invalid, or it contradicts another parameter.
    """

    def __init__(
        self,
        filter: Filters | None = None,  # noqa: A002 -- the public name
        *,
        workers: int = 4,
        chain: Sequence[FilterLike | Plugin] | None = None,
        config: Any = None,
        vm_config: Any = None,
        root_id: str = "",
        vm_id: str = "",
        failure_policy: str | None = None,
        kind: str = "",
        upstream: Any = None,
        clusters: Mapping[str, Any] | None = None,
        routes: Sequence[RouteMatch | Mapping[str, Any]] | RouteTable | Mapping[str, Any] | None = None,
        connection_manager: HttpConnectionManager | Mapping[str, Any] | None = None,
        built_in: Sequence[BuiltIn] = (),
        seed: int = SimulationSettings.seed,
        deadline: float = SimulationSettings.deadline,
        memory_limit: int = SimulationSettings.memory_limit,
        guest_time: float | str = SimulationSettings.guest_time,
        fuel: bool = SimulationSettings.fuel,
        fuel_limit: int | None = SimulationSettings.fuel_limit,
        foreign: Mapping[str, Callable[[ForeignCall], Any]] | None = None,
        show_locals: bool = SimulationSettings.show_locals,
        start_time: float = SimulationSettings.start_time,
        log_level: LogLevel | str = ProxySettings.log_level,
        buffer_limit: int = ProxySettings.buffer_limit,
        route_timeout: float = ProxySettings.route_timeout,
        idle_timeout: float = ProxySettings.idle_timeout,
        request_timeout: float = ProxySettings.request_timeout,
        stats_flush_interval: float = ProxySettings.stats_flush_interval,
        trace_limit: int = SimulationSettings.trace_limit,
        node: Mapping[str, Any] | None = None,
        listener: Listener | None = None,
        name: str = "",
        engine: Engine | None = None,
        **switches: Any,
    ) -> None:
        check_switches(switches, Proxy)
        self.plugins = to_plugins(
            filter if chain is None else list(chain), failure_policy,
            config=config, vm_config=vm_config, root_id=root_id, vm_id=vm_id, kind=kind,
        )  # fmt: skip
        self._settings = ProxySettings.of(
            workers=workers, upstream=upstream, clusters=clusters, routes=routes or None, listener=listener,
            node=node or None, buffer_limit=buffer_limit, route_timeout=route_timeout, idle_timeout=idle_timeout,
            request_timeout=request_timeout, stats_flush_interval=stats_flush_interval, log_level=log_level, built_in=tuple(built_in),
            connection_manager=HttpConnectionManager.of(connection_manager, **switches),
            name=name or (self.plugins[0].name if self.plugins else "proxy"),
        )  # fmt: skip
        self.simulation = SimulationSettings(
            seed,
            deadline,
            memory_limit,
            guest_time,
            fuel,
            fuel_limit,
            dict(foreign or {}),
            show_locals,
            start_time,
            trace_limit,
        )
        self._check_fuel_limit()
        self._assemble(engine or default_engine(fuel=self.simulation.fuel))
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
        """Start and return a proxy with the plugins, configuration, routes and clusters of a static `envoy.yaml`.

        Parameters
        ----------
        path
            The YAML or JSON file. Paths of modules in it are relative to its folder.
        listener
            Name of the listener to use. By default, the first listener with a Wasm filter.
        clusters
            Upstreams by cluster name, as for `Proxy` (default None: the upstream of all clusters is `upstream`). The file must
            define each of these clusters.
        upstream
            Upstream of all clusters that aren't in `clusters`. By default, an echo.
        options
            Other parameters of `Proxy`, such as `workers` and `seed`.

        Raises
        ------
        UsageError
            A part of the file can't be read. The message contains the line number. Parts that the simulation ignores aren't
            errors but are listed in `left_out`.
        """
        setup = _hooks.read_envoy(Path(path), listener=listener, clusters=clusters, upstream=upstream)
        proxy = cls(
            chain=setup.plugins,
            upstream=setup.clusters.get(setup.main_cluster, upstream),
            clusters=setup.clusters,
            routes=setup.routes,
            **(setup.options | options),
        )
        proxy.left_out = setup.left_out
        return proxy

    def clone(self, plugins: Filters | None = None, **changes: Any) -> Self:
        """Start and return a new proxy with the same plugins, settings and upstreams, and an empty history.

        Parameters
        ----------
        plugins
            Plugins of the new proxy. By default, the same plugins run.
        changes
            Parameters of `Proxy` to change. If this proxy was started with `engine`, pass `engine` again.
        """
        arguments = self.settings.arguments() | self.simulation.arguments() | changes
        return type(self)(list(self.plugins) if plugins is None else plugins, **arguments)

    # -- parts ----------------------------------------------------------------------------------------------------

    def _check_fuel_limit(self) -> None:
        native = [p.name for p in self.plugins if getattr(p.filter, "is_native", False)]
        if self.simulation.fuel_limit is not None and native:
            raise UsageError(
                f"fuel_limit= counts Wasm instructions, but {native[0]!r} runs natively. Compile it with Plugin.in_wasm."
            )

    def _assemble(self, engine: Engine) -> None:
        parts = self._components = ProxyComponents.build(self._settings, self.simulation, engine, HOSTCALLS)
        self.server, self.workers, self.loop, self.exchanges = parts.server, parts.workers, parts.loop, parts.exchanges
        self.left_out: list[str] = []
        self.attachments: dict[str, Any] = {}
        self._lifecycle = PluginLifecycle(parts.server, parts.registry, parts.main, parts.workers)
        interval = self._settings.stats_flush_interval
        self._sinks = StatsSinks(parts.server, parts.main, self._lifecycle.stats_sinks, interval)
        self._sender = Sender(parts, self._settings)
        self._faults = FaultInjection(parts)

    def _start(self) -> None:
        try:
            self.loop.run_on(self._components.main, lambda: self._lifecycle.start(self.plugins))
            self.loop.run_until_free()  # as in Envoy, clients are served when every worker has started
            self._sinks.start()
        except BaseException as error:
            self._drop()
            if isinstance(error, WasmnbError):
                error.log, error.trace = list(self.log), self.trace
            raise

    # -- configuration and end ------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name of the proxy in messages and views."""
        return self._settings.name

    @property
    def settings(self) -> ProxySettings:
        """Settings that a real Envoy supports as well, with the current clusters."""
        clusters = dict(self.server.clusters)
        return replace(self._settings, upstream=clusters.pop(MAIN_CLUSTER), clusters=clusters)

    def update(
        self,
        plugins: Filters,
        *,
        drain: float = 1.0,
        config: Any = None,
        vm_config: Any = None,
        root_id: str = "",
        vm_id: str = "",
        failure_policy: str | None = None,
        kind: str = "",
        **changes: Any,
    ) -> bool:
        """Replace the plugins and settings while traffic runs, as a listener update does.

        Parameters
        ----------
        plugins
            The new plugins.
        drain
            Virtual seconds until streams of the old configuration are reset (default 1).
        config, vm_config, root_id, vm_id, failure_policy, kind
            Settings of a single filter, as for `Proxy`, with the same defaults.
        changes
            Settings of the listener to change for new streams: `routes`, `listener`, `buffer_limit`, `route_timeout`,
            `idle_timeout`, `request_timeout`.

        Returns
        -------
        bool
            False if this configuration was already running. Then nothing has changed.

        Raises
        ------
        ModuleError, FilterTrap
            Envoy would refuse the update. The old configuration keeps serving.
        UsageError
            A setting can't be changed by an update.
        """
        self.loop.check_open()
        fresh = to_plugins(
            plugins, failure_policy, config=config, vm_config=vm_config, root_id=root_id, vm_id=vm_id, kind=kind
        )
        settings = self._settings.for_update(changes)
        replaced: list[bool] = []
        self.loop.run_on(self._components.main, lambda: replaced.append(self._lifecycle.update(fresh, drain)))
        self.plugins = fresh
        return self._apply(settings, drain) or replaced[0]

    def _apply(self, settings: ProxySettings, drain: float) -> bool:
        """Apply new settings to new streams, and end the old streams when the drain time is over."""
        if settings == self._settings:
            return False
        self._settings = self._sender.settings = settings
        table = settings.table
        for worker in self.workers:
            worker.table = table
            for stream in worker.live:
                self.server.clock.call_later(drain, worker.thread, stream.disconnect)
        return True

    def close(self) -> None:
        """Shut down as Envoy does: close streams, call `on_done` and `on_delete` of plugin contexts, and drop the VMs.

        The trace and the exchanges stay readable. If the histories of all closed proxies need more than 128 MiB, the oldest
        histories are dropped.
        """
        if not self.loop.closed:
            self.loop.closed = True
            try:
                self._lifecycle.close(self._sinks.flush)
                self.loop.settle()
            finally:
                self._drop()
                closed_histories().add(self._forget_history, self._components.history_size)

    def discard(self) -> None:
        """Close the proxy, and drop its trace and exchanges to free memory."""
        self.close()
        self._forget_history()

    def _forget_history(self) -> None:
        self._components.forget_history()
        self._lifecycle.forget()

    def _drop(self) -> None:
        for vm in self._components.registry.vms():
            with suppress(Exception):
                vm.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- time and faults ------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual seconds since the start of the proxy."""
        return self.loop.now

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, so that ticks, timeouts and late responses occur.

        Parameters
        ----------
        seconds
            Virtual seconds, at least 0.

        Raises
        ------
        UsageError
            The number is negative, or the proxy is closed.
        """
        self.loop.advance(seconds)

    def watch(self, watcher: Callable[[], None]) -> Callable[[], None]:
        """Call `watcher` between events. Return a function that stops these calls."""
        return self.loop.watch(watcher)

    def tick(self, worker: int | None = None) -> int:
        """Call `on_tick` now, in addition to the periodic ticks.

        Parameters
        ----------
        worker
            Number of the worker whose plugin contexts tick, or 0 for the main thread. By default, all threads tick.

        Returns
        -------
        int
            Number of plugin contexts that ticked. VMs that have failed and modules without `proxy_on_tick` are skipped.

        Raises
        ------
        UsageError
            There is no such worker, or the proxy is closed.
        """
        return self._faults.tick(worker)

    def call_foreign_callback(self, function_id: int, data: Text = b"", *, worker: int | None = None) -> int:
        """Call `on_foreign_function` of the plugin contexts, as some hosts do. Envoy itself never calls it.

        Parameters
        ----------
        function_id
            Number of the function. The host and the module must agree on its meaning.
        data
            Arguments of the call, which the callback reads from the buffer CALL_DATA (default empty).
        worker
            As for `tick` (default None).

        Returns
        -------
        int
            Number of plugin contexts that were called. VMs that have failed and modules without the callback are skipped.
        """
        return self._faults.call_foreign_callback(function_id, to_bytes(data), worker)

    def inject_trap(self, worker: int | None = None, *, vm: int | None = None, callback: str = "") -> Vm:
        """Make the next callback in a VM trap, as the instruction `unreachable` would. Then the failure policy applies.

        Parameters
        ----------
        worker
            Number of the worker, or 0 for the main thread. By default, the first worker with a VM that hasn't failed.
        vm
            Number of the VM, as in `Proxy.tree`. By default, the first VM of the worker.
        callback
            Name of the callback that traps, such as `on_request_headers` or `proxy_on_request_headers`. By default, the next
            callback, whatever its name.

        Returns
        -------
        Vm
            The VM that will fail.

        Raises
        ------
        UsageError
            There is no such worker, VM or callback, or the VM has already failed.
        """
        return self._faults.inject_trap(worker, vm, callback)

    # -- upper floors --------------------------------------------------------------------------------------------------

    def panel(self) -> Any:
        """Return the live panel of this proxy for a notebook. Every call returns the same panel."""
        return _hooks.panel_of(self)

    def listen(self, port: int = 0, **options: Any) -> Any:
        """Serve this proxy on 127.0.0.1, over HTTP/1.1 and HTTP/2 without TLS, for curl, browsers and load generators.

        Parameters
        ----------
        port
            The port. For 0 (the default), the system chooses a free port.
        options
            `follow_clock` and `record`, as for `wasmnb.traffic.http_server.server.listen`.

        Returns
        -------
        ProxyServer
            The server, with its address in `.url`. It runs in its own threads until `close()` or the end of a `with` block.

        Raises
        ------
        UsageError
            The port is in use, the proxy is closed, or wasmnb's extra `serving` isn't installed.
        """
        return _hooks.listen(self, port, **options)

    def export(self, folder: str | PathLike[str], **options: Any) -> Any:
        """Write the plugins into a folder for deployment: modules, `envoy.yaml`, manifests, an OCI image and a README.

        Parameters
        ----------
        folder
            The folder, which is created if it doesn't exist. If an error occurs, nothing is written.
        options
            `registry`, `tag`, `port`, `admin_port`, `force` and `profile`, as for `wasmnb.envoy.export`.

        Returns
        -------
        Export
            The folder and the files in it, as from `wasmnb.envoy.export`.
        """
        return _hooks.export(self, folder, **options)

    def __repr__(self) -> str:
        counts = f"{len(self.workers)} workers, {self.exchanges.total} exchanges"
        return f"<Proxy {visible(self.name)}: {counts}, {self.state}>"
