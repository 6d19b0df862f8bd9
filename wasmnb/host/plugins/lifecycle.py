"""Start, update and shutdown of a proxy's plugins, on the main thread and on every worker.

Envoy 1.40 creates access loggers first, then filters, then Wasm services. The main thread creates all plugins before the
workers do, and each worker creates them in the same order. An update creates new root contexts (and new VMs, if the VM
configuration or the code has changed) while the old ones still run. Unchanged plugins keep their contexts and VMs. After the
drain time, streams that are still open are reset, and `on_done` and `on_delete` of the old root contexts are called. If Envoy
refuses an update, nothing changes. At shutdown the newest root context ends first, and Envoy doesn't wait for a root context
whose `on_done` returned 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ...abi import ON_MAIN_THREAD, LogLevel
from ...errors import WasmnbError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..clock import Thread
    from ..contexts.root import RootContext
    from ..server_context import ServerContext
    from .plugin import Plugin
    from .plugin_handle import PluginHandle
    from .vm_registry import VmRegistry

__all__ = ["PluginLifecycle"]

#: Order in which Envoy creates plugins, by their kind.
_ORDER = {"access_log": 0, "http": 1, "network": 1, "singleton": 2, "service": 2, "stat_sink": 3}


class OpenStream(Protocol):
    """An open HTTP stream or TCP connection."""

    def disconnect(self) -> None:
        """End the stream because its listener is being removed."""
        ...


class PluginWorker(Protocol):
    """The attributes of a worker that `PluginLifecycle` uses.

    Attributes
    ----------
    thread
        The simulated thread on which the worker runs.
    plugins
        The plugins of the current configuration on this worker.
    """

    thread: Thread
    plugins: list[PluginHandle]

    @property
    def live(self) -> Iterable[OpenStream]:
        """HTTP streams and TCP connections that are open on the worker."""
        ...


class _ConfigurationRefused(Exception):
    """Error for a plugin that couldn't be started, because of which Envoy refuses the configuration.

    Attributes
    ----------
    plugin
        The plugin that could not be started.
    roots
        Root contexts created for this configuration so far, newest first.
    """

    def __init__(self, plugin: Plugin, roots: list[RootContext]) -> None:
        super().__init__(plugin.name)
        self.plugin = plugin
        self.roots = roots


class PluginLifecycle:
    """Manager of the start, update and shutdown of a proxy's plugins.

    Parameters
    ----------
    server, registry
        State shared by all VMs, and the registry of VMs.
    main, workers
        The main thread and the workers.

    Attributes
    ----------
    plugins
        The current plugins, in the order in which Envoy creates them.
    handles
        Handles of these plugins on the main thread.
    """

    def __init__(
        self, server: ServerContext, registry: VmRegistry, main: Thread, workers: Sequence[PluginWorker]
    ) -> None:
        self.server = server
        self.registry = registry
        self.main = main
        self.workers = workers
        self.plugins: list[Plugin] = []
        self.handles: list[PluginHandle] = []
        self._drain = 1.0

    # -- start and update -----------------------------------------------------------------------------------------

    def start(self, plugins: Sequence[Plugin]) -> None:
        """Start plugins on the main thread, and schedule their start on the workers.

        Raises
        ------
        ModuleError, FilterTrap
            A plugin can't be loaded. Envoy would not start with it.
        """
        self.plugins = sorted(plugins, key=lambda p: _ORDER[p.kind])
        try:
            self.handles = self._prepare(self.plugins)
        except _ConfigurationRefused as refused:
            self._log(self.main, f"error `Unable to create Wasm plugin {refused.plugin.name}`")
            self._close_roots(refused.roots)
            error = _error_of(refused)
            raise error from error.__cause__  # a debugger opens the cause
        for worker in self.workers:
            self._start_worker(worker, self.handles, [])

    def update(self, plugins: Sequence[Plugin], drain: float) -> bool:
        """Replace the plugins, as a listener update does.

        Parameters
        ----------
        drain
            Virtual seconds until the old plugins are removed.

        Returns
        -------
        bool
            False if the plugins are the same as before. Then nothing has changed.

        Raises
        ------
        ModuleError, FilterTrap
            Envoy would refuse the update. The old plugins keep running.
        """
        ordered = sorted(plugins, key=lambda p: _ORDER[p.kind])
        if ordered == self.plugins:
            return False
        try:
            fresh = self._prepare(ordered)
        except _ConfigurationRefused as refused:
            for worker in self.workers:
                self._log_on(worker.thread, "Plugin configured to fail closed failed to load")
            self._close_roots(refused.roots)
            error = _error_of(refused)
            raise error from error.__cause__  # a debugger opens the cause
        old, self.handles, self.plugins = self.handles, fresh, ordered
        for worker in self.workers:
            self._start_worker(worker, fresh, worker.plugins)
        self._schedule_drain(self.main, old, drain)
        return True

    def _prepare(self, plugins: Sequence[Plugin]) -> list[PluginHandle]:
        """Load all plugins on the main thread. Raise `_ConfigurationRefused`, caused by the plugin's error, if a plugin can't
        be loaded.
        """
        handles: list[PluginHandle] = []
        for plugin in plugins:
            try:
                handles.append(self.registry.prepare(plugin))
            except WasmnbError as error:
                kept = {h.root for h in self.handles}
                roots = [h.root for h in reversed(handles) if h.root is not None and h.root not in kept]
                raise _ConfigurationRefused(plugin, roots) from error
        return handles

    def _start_worker(self, worker: PluginWorker, handles: Sequence[PluginHandle], old: list[PluginHandle]) -> None:
        def start() -> None:
            worker.plugins = [
                self.registry.attach(h.group, h.plugin, worker.thread)
                for h in handles
                if h.plugin.kind not in ON_MAIN_THREAD
            ]
            if old:
                self._schedule_drain(worker.thread, old, self._drain)

        self.server.clock.call_soon(worker.thread, start)

    def _schedule_drain(self, thread: Thread, old: Sequence[PluginHandle], seconds: float) -> None:
        self._drain = seconds
        self.server.clock.call_later(seconds, thread, lambda: self._remove(thread, old))

    def _remove(self, thread: Thread, old: Sequence[PluginHandle]) -> None:
        """Remove an old listener: reset its streams, and close root contexts that are no longer used."""
        in_use = {h.root for h in self._handles_of(thread)}
        unused = [h.root for h in reversed(old) if h.root is not None and h.root not in in_use]
        for root in unused:
            for context in list(root.streams.values()):
                context.disconnect()
        self._close_roots(unused)
        self.registry.release(old)

    def _handles_of(self, thread: Thread) -> list[PluginHandle]:
        if thread is self.main:
            return self.handles
        return next(w.plugins for w in self.workers if w.thread is thread)

    def stats_sinks(self) -> list[RootContext]:
        """Return the root contexts of all running stats sinks."""
        sinks = [h.root for h in self.handles if h.plugin.kind == "stat_sink"]
        return [root for root in sinks if root is not None and not root.closed]

    # -- end --------------------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Drop the handles of plugins that have been closed."""
        self.handles.clear()

    def close(self, flush: Callable[[], None]) -> None:
        """Schedule the shutdown of the plugins on every thread.

        Parameters
        ----------
        flush
            Function that flushes the statistics for the last time, after the workers have ended.
        """
        clock = self.server.clock
        for worker in self.workers:
            clock.call_soon(worker.thread, lambda w=worker: self._close_worker(w))  # type: ignore[misc]
        clock.call_soon(self.main, lambda: self._close_main(flush))

    def _close_main(self, flush: Callable[[], None]) -> None:
        if self.stats_sinks():
            for vm in [vm for vm in self.registry.vms() if vm.thread is not self.main]:
                vm.close()
            flush()
        self._close_roots(self.registry.roots_of(self.main))

    def _close_worker(self, worker: PluginWorker) -> None:
        for stream in worker.live:
            stream.disconnect()
        self._close_roots(self.registry.roots_of(worker.thread))

    @staticmethod
    def _close_roots(roots: Sequence[RootContext]) -> None:
        for root in roots:
            root.close()

    def _log(self, thread: Thread, text: str) -> None:
        self.server.write_log(LogLevel.CRITICAL, text, thread)

    def _log_on(self, thread: Thread, text: str) -> None:
        """Write a critical log line on another thread, in a separate event."""
        self.server.clock.call_soon(thread, lambda: self._log(thread, text))


def _error_of(refused: _ConfigurationRefused) -> WasmnbError:
    assert isinstance(refused.__cause__, WasmnbError)
    return refused.__cause__
