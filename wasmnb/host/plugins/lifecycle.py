"""The plugins in force: started, replaced while traffic runs, and shut down, on the main thread and every worker.

Facts (Envoy 1.40): access loggers are made first, then the filters, then Wasm services; everything on the main thread
before anything on the workers, and each worker does all plugins in order. An update makes new root contexts (and VMs, if
the VM configuration or the code is new) beside the old ones; a plugin that is the same as before is left alone. The old
roots get `on_done` and `on_delete` when the drain time is over and their streams have gone; streams that are still there
then are cut off. A refused update changes nothing. At shutdown the newest root goes first, and nobody waits for one whose
`on_done` returned 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...abi import LogLevel
from ...errors import WasmnbError

if TYPE_CHECKING:
    from ..clock import Thread
    from ..contexts.base import RootContext
    from ..server_context import ServerContext
    from ..worker import Worker
    from .plugin import Plugin
    from .vm_registry import PluginHandle, VmRegistry

__all__ = ["Deployment"]

#: In which order Envoy makes the kinds of plugins.
_ORDER = {"access_log": 0, "http": 1, "network": 1, "singleton": 2, "service": 2}


class Deployment:
    """What runs now, and what is being drained.

    Attributes
    ----------
    plugins
        The configuration in force, in Envoy's order.
    handles
        The plugins on the main thread.
    """

    def __init__(self, server: ServerContext, registry: VmRegistry, main: Thread, workers: Sequence[Worker]) -> None:
        self.server = server
        self.registry = registry
        self.main = main
        self.workers = workers
        self.plugins: list[Plugin] = []
        self.handles: list[PluginHandle] = []
        self._made: list[RootContext] = []  # roots of a refused configuration
        self._drain = 1.0

    # -- start and update -----------------------------------------------------------------------------------------

    def start(self, plugins: Sequence[Plugin]) -> None:
        """The main thread's part, which may be refused; the workers' part follows as their own events.

        Raises
        ------
        ModuleError, FilterTrap
            Envoy would not start.
        """
        self.plugins = sorted(plugins, key=lambda p: _ORDER[p.kind])
        try:
            self.handles = self._prepare(self.plugins)
        except WasmnbError:
            at_fault = self.registry.refused_plugin
            self._say(self.main, f"error `Unable to create Wasm plugin {at_fault}`")
            self._close_roots(self._made)
            raise
        for worker in self.workers:
            self._start_worker(worker, self.handles, [])

    def update(self, plugins: Sequence[Plugin], drain: float) -> bool:
        """Replace the plugins; False if they are what runs already. Raises as `start` does, and then nothing changes."""
        wanted = sorted(plugins, key=lambda p: _ORDER[p.kind])
        if wanted == self.plugins:
            return False
        try:
            fresh = self._prepare(wanted)
        except WasmnbError:
            for worker in self.workers:
                text = "Plugin configured to fail closed failed to load"
                self.server.clock.call_soon(worker.thread, lambda w=worker, t=text: self._say(w.thread, t))  # type: ignore[misc]
            self._close_roots(self._made)
            raise
        old, self.handles, self.plugins = self.handles, fresh, wanted
        for worker in self.workers:
            self._start_worker(worker, fresh, worker.plugins)
        self._drain_later(self.main, old, drain)
        return True

    def _prepare(self, plugins: Sequence[Plugin]) -> list[PluginHandle]:
        made: list[PluginHandle] = []
        try:
            for plugin in plugins:
                made.append(self.registry.prepare(plugin))  # noqa: PERF401 -- what was made so far must be known
        except WasmnbError:
            kept = {h.root for h in self.handles}
            self._made = [h.root for h in reversed(made) if h.root is not None and h.root not in kept]
            raise
        return made

    def _start_worker(self, worker: Worker, handles: Sequence[PluginHandle], old: list[PluginHandle]) -> None:
        def start() -> None:
            worker.plugins = [
                self.registry.attach(h.group, h.plugin, worker.thread) for h in handles if h.plugin.kind != "singleton"
            ]
            if old:
                self._drain_later(worker.thread, old, self._drain)

        self.server.clock.call_soon(worker.thread, start)

    def _drain_later(self, thread: Thread, old: Sequence[PluginHandle], seconds: float) -> None:
        self._drain = seconds
        self.server.clock.call_later(seconds, thread, lambda: self._drained(thread, old))

    def _drained(self, thread: Thread, old: Sequence[PluginHandle]) -> None:
        """The old listener goes: cut off its streams, close the roots that nobody uses any more."""
        in_use = {h.root for h in self._handles_of(thread)}
        gone = [h.root for h in reversed(old) if h.root is not None and h.root not in in_use]
        for root in gone:
            for context in list(root.streams.values()):
                context.disconnect()
        self._close_roots(gone)
        self.registry.release(old)

    def _handles_of(self, thread: Thread) -> list[PluginHandle]:
        if thread is self.main:
            return self.handles
        return next(w.plugins for w in self.workers if w.thread is thread)

    # -- end --------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Shut down, thread by thread."""
        clock = self.server.clock
        for worker in self.workers:
            clock.call_soon(worker.thread, lambda w=worker: self._close_worker(w))  # type: ignore[misc]
        clock.call_soon(self.main, lambda: self._close_roots(self.registry.roots_of(self.main)))

    def _close_worker(self, worker: Worker) -> None:
        for stream in worker.live:
            stream.disconnect()
        self._close_roots(self.registry.roots_of(worker.thread))

    @staticmethod
    def _close_roots(roots: Sequence[RootContext]) -> None:
        for root in roots:
            root.close()

    def _say(self, thread: Thread, text: str) -> None:
        self.server.say(LogLevel.CRITICAL, text, thread)
