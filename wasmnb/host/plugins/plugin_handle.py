"""A plugin on one thread, and the reload of its VM.

In Envoy 1.40, FAIL_RELOAD replaces a failed VM when the next stream begins, unless the VM was last replaced within the back-off
time. The back-off time is the configured time plus a random 0 to 50 %. Plugins that share a VM also share its replacement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contexts.root import RootContext
from ..vm.instantiate import make_vm
from .plugin_start import StartFailure, close_roots
from .vm_group import VmGroup

if TYPE_CHECKING:
    from ..clock import Thread
    from ..vm.vm import Vm
    from .plugin import Plugin
    from .vm_registry import VmRegistry

__all__ = ["PluginHandle"]


class PluginHandle:
    """A plugin on one thread, with its root context.

    Attributes
    ----------
    plugin
        The plugin.
    root
        Root context of the plugin, or None if the plugin didn't start on this thread.
    """

    def __init__(self, registry: VmRegistry, group: VmGroup, plugin: Plugin, thread: Thread) -> None:
        self.registry = registry
        self.group = group
        self.plugin = plugin
        self.thread = thread
        self.root: RootContext | None = None
        self.loaded_at = registry.server.clock.time()

    @property
    def vm(self) -> Vm | None:
        """The VM in which the plugin runs."""
        return self.root.vm if self.root is not None else None

    @property
    def missing(self) -> bool:
        """Whether the plugin refused to start on this thread. Streams then skip it."""
        return self.root is None

    def missing_note(self, where: str) -> str:
        """Return the simulation's warning about a plugin that is missing on a thread."""
        return (
            f"The plugin {self.plugin.name} is missing on {where}: it refused to start there, although its canary VM started."
            " Envoy lets requests skip it, even with FAIL_CLOSED."
        )

    @property
    def bypassed(self) -> bool:
        """Whether streams skip the plugin when its VM has failed."""
        return self.plugin.fail_open or self.plugin.policy == "FAIL_OPEN"

    def root_for_stream(self) -> RootContext | None:
        """Return the root context for a new stream, or None if the VM has failed and can't be replaced."""
        if self.root is None or not self.root.vm.failed:
            return self.root
        if self.plugin.policy == "FAIL_RELOAD":
            self._reload()
        return None if self.root.vm.failed else self.root

    def _reload(self) -> None:
        """Replace the failed VM, unless it was last replaced within the back-off time."""
        server = self.registry.server
        name = f"wasm.{self.plugin.name}.vm_reload_"
        interval = self.plugin.reload_backoff * server.random.uniform(1.0, 1.5)
        if server.clock.time() - self.loaded_at < interval:
            server.metrics.count(name + "backoff")
            return
        self.loaded_at = server.clock.time()
        vm, fresh = self._working_vm()
        try:
            root = self.registry.starter.start_root(vm, self.plugin, fresh=fresh)
        except StartFailure:
            server.metrics.count(name + "failure")
            if fresh:
                close_roots(vm)
                vm.close()
            return
        server.metrics.count(name + "success")
        old = self.root.vm if self.root is not None else None
        self.root = root
        self.group.threads[self.thread.number] = vm
        self.group.roots[self.thread.number, self.plugin.key] = root
        if old is not None and not any(h.vm is old for h in self.registry.handles):
            old.close()

    def _working_vm(self) -> tuple[Vm, bool]:
        """Return a working VM of this thread for the plugin, and whether the VM is new. A VM that isn't new is shared with
        other plugins.
        """
        group = self.group
        shared = group.threads.get(self.thread.number)
        if shared is not None and not shared.failed:
            return shared, False
        role = "worker" if self.thread.number else "main"
        return make_vm(self.registry.server, group.loaded, group.settings, self.thread, role), True
