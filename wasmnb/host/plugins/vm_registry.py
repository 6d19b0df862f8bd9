"""Which VMs there are: base, canary, main thread's and workers', shared by plugins with the same key.

Facts (Envoy 1.40): the VM key is vm_id, VM configuration and code; the first plugin's other settings count. For every key
one base VM (entry points only); for every new plugin key in it a canary VM that starts and configures the plugin and is
dropped without `on_done`; then the main thread's VM and, later, one on each worker. A second plugin of the same key gets a
root context in the VMs that are there. A canary that fails makes the configuration fail, whatever the failure policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...abi import LogLevel
from ...errors import FilterTrap, ModuleError, WasmnbError
from ..contexts.base import RootContext
from ..vm.module_check import ENVOY_SAYS, Loaded, load, refusal_of
from ..vm.vm import Vm, VmSettings

if TYPE_CHECKING:
    from ..clock import Thread
    from ..server_context import ServerContext
    from .plugin import Plugin

__all__ = ["PluginHandle", "VmGroup", "VmRegistry"]

PluginKey = tuple[str, str, bytes]


class VmGroup:
    """One VM key: its template and the VMs made of it.

    Attributes
    ----------
    plugin
        The first plugin of the key, whose VM settings count.
    vm
        The base VM.
    threads
        The living VM of each thread, by thread number.
    canaries
        Dropped canary VMs, for the tree.
    """

    def __init__(self, plugin: Plugin, loaded: Loaded, vm: Vm) -> None:
        self.plugin = plugin
        self.loaded = loaded
        self.settings: VmSettings = plugin.settings
        self.vm = vm
        self.threads: dict[int, Vm] = {}
        self.roots: dict[tuple[int, PluginKey], RootContext] = {}
        self.canaries: list[Vm] = []
        self.proven: set[PluginKey] = set()
        self.users = 0


class PluginHandle:
    """A plugin on one thread.

    Attributes
    ----------
    plugin
        Its configuration.
    root
        Its root context, or None if it never started here.
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
        """The VM that it runs in."""
        return self.root.vm if self.root is not None else None

    @property
    def bypassed(self) -> bool:
        """Whether streams go by when the VM has failed."""
        return self.plugin.fail_open or self.plugin.policy == "FAIL_OPEN"

    def root_for_stream(self) -> RootContext | None:
        """The root context for a new stream, or None if the VM has failed and is not reloaded."""
        if self.root is None or not self.root.vm.failed:
            return self.root
        if self.plugin.policy == "FAIL_RELOAD":
            self._reload()
        return None if self.root.vm.failed else self.root

    def _reload(self) -> None:
        """Make a new VM, unless the last was made too short a time ago."""
        server = self.registry.server
        name = f"wasm.{self.plugin.name}.vm_reload_"
        interval = self.plugin.reload_backoff * server.random.uniform(1.0, 1.5)
        if server.clock.time() - self.loaded_at < interval:
            server.metrics.count(name + "backoff")
            return
        self.loaded_at = server.clock.time()
        vm = Vm(server, self.group.loaded, self.group.settings, self.thread, "worker" if self.thread.number else "main")
        root = self.registry.start_root(vm, self.plugin)
        server.metrics.count(name + ("success" if root is not None else "failure"))
        if root is None:
            vm.close()
            return
        old = self.root.vm if self.root is not None else None
        self.root = root
        self.group.threads[self.thread.number] = vm
        self.group.roots[self.thread.number, self.plugin.key] = root
        if old is not None and not any(h.vm is old for h in self.registry.handles):
            old.close()


class VmRegistry:
    """All VMs of a proxy."""

    def __init__(self, server: ServerContext, main: Thread) -> None:
        self.server = server
        self.main = main
        self.groups: list[VmGroup] = []
        self.handles: list[PluginHandle] = []
        self.failed_starts: list[str] = []
        self.refused_plugin = ""

    def vms(self) -> list[Vm]:
        """All VMs, closed ones that are still known included, in the order in which they were made."""
        found: list[Vm] = []
        for group in self.groups:
            found += [group.vm, *group.canaries, *group.threads.values()]
        found += [h.vm for h in self.handles if h.vm is not None]
        return sorted(dict.fromkeys(found), key=lambda vm: vm.number)

    # -- main thread ----------------------------------------------------------------------------------------------

    def prepare(self, plugin: Plugin) -> PluginHandle:
        """Load a plugin on the main thread: base, canary and the main thread's VM.

        Raises
        ------
        ModuleError
            Envoy would not load the module.
        FilterTrap
            An entry point, `on_vm_start` or `on_configure` failed or said no.
        """
        try:
            group = self._group(plugin)
            if plugin.key not in group.proven:
                self._canary(group, plugin)
        except WasmnbError as error:
            self._refused(plugin, error)
            raise
        return self.attach(group, plugin, self.main)

    def _group(self, plugin: Plugin) -> VmGroup:
        """The base of a plugin's VM key, made if it is new."""
        found = next((b for b in self.groups if self._shares(b.plugin, plugin)), None)
        if found is not None:
            return found
        loaded = self._load(plugin)
        vm = Vm(self.server, loaded, plugin.settings, self.main, "base")
        if not vm.initialize():
            self._say(LogLevel.ERROR, "Wasm VM failed Failed to initialize Wasm code")
            vm.close()
            raise self._start_error(plugin, vm)
        self.groups.append(VmGroup(plugin, loaded, vm))
        return self.groups[-1]

    def _load(self, plugin: Plugin) -> Loaded:
        try:
            image = plugin.filter.image(self.server.engine)
        except ModuleError as error:
            for line in refusal_of(getattr(plugin.filter, "wasm", b"")):
                error.add_note(ENVOY_SAYS + line)
            raise
        return load(image, plugin.name)

    @staticmethod
    def _shares(first: Plugin, second: Plugin) -> bool:
        """Whether two plugins have one VM key. Codes, which may be large, are compared last."""
        if (first.vm_id, first.vm_config) != (second.vm_id, second.vm_config):
            return False
        return first.filter is second.filter or first.code_key == second.code_key

    def _canary(self, group: VmGroup, plugin: Plugin) -> None:
        vm = Vm(self.server, group.loaded, group.settings, self.main, "canary")
        root = self.start_root(vm, plugin)
        error = None if root is not None else self._start_error(plugin, vm)
        vm.close()
        group.canaries.append(vm)
        if error is not None:
            raise error
        group.proven.add(plugin.key)

    def _start_error(self, plugin: Plugin, vm: Vm) -> WasmnbError:
        if vm.failure is not None:
            error = vm.failure.error()
            error.args = (f"The filter {plugin.name} does not start: {error}",)
            return error
        callback = self.failed_starts[-1] if self.failed_starts else "proxy_on_configure"
        what = "its VM configuration" if callback.endswith("vm_start") else "its configuration"
        text = f"The filter {plugin.name} refuses {what}: {callback} returned 0 (false). Envoy would not start with it."
        said = [line.text for line in self.server.log if line.vm == vm.number and line.level >= LogLevel.WARN]
        if said:
            text += f"\nIt said: {said[-1]}"
        return FilterTrap(text, callback=callback, context_id=1)

    # -- any thread -----------------------------------------------------------------------------------------------

    def attach(self, group: VmGroup, plugin: Plugin, thread: Thread) -> PluginHandle:
        """A plugin on a thread: a VM if there is none yet, and a root context if there is none for this plugin."""
        handle = PluginHandle(self, group, plugin, thread)
        self.handles.append(handle)
        group.users += 1
        handle.root = group.roots.get((thread.number, plugin.key))
        if handle.root is not None:
            return handle
        vm = group.threads.get(thread.number)
        if vm is None:
            role = "worker" if thread.number else "main"
            vm = group.threads[thread.number] = Vm(self.server, group.loaded, group.settings, thread, role)
            handle.root = self.start_root(vm, plugin)
        else:
            handle.root = self.start_root(vm, plugin, fresh=False)
        if handle.root is not None:
            group.roots[thread.number, plugin.key] = handle.root
        return handle

    def start_root(self, vm: Vm, plugin: Plugin, *, fresh: bool = True) -> RootContext | None:
        """Entry points if the VM is fresh, then create, start and configure a root context; None if it failed."""
        if fresh and not vm.initialize():
            self._say(LogLevel.ERROR, "Wasm VM failed Failed to initialize Wasm code")
            return None
        root = RootContext(vm, plugin)
        root.create()
        base = "base " if vm.role == "canary" else ""
        if not root.start():
            self.failed_starts.append("proxy_on_vm_start")
            self._say(LogLevel.ERROR, f"Wasm VM failed Failed to start {base}Wasm")
            return None
        if not root.configure():
            self.failed_starts.append("proxy_on_configure")
            self._say(LogLevel.ERROR, f"Wasm VM failed Failed to configure {base}Wasm plugin")
            return None
        return root

    def roots_of(self, thread: Thread) -> list[RootContext]:
        """Root contexts that live on a thread, newest first; singleton services come last."""
        roots = [r for b in self.groups for (number, _), r in b.roots.items() if number == thread.number]
        return sorted([r for r in reversed(roots) if not r.closed], key=lambda r: r.is_singleton)

    def release(self, handles: Sequence[PluginHandle]) -> None:
        """Plugins are no longer in force on their thread: drop VMs that have no root context left."""
        for handle in handles:
            if handle in self.handles:
                self.handles.remove(handle)
        for group in list(self.groups):
            for key in [k for k, r in group.roots.items() if r.closed or r.done_deferred]:
                if not any(h.root is group.roots[key] for h in self.handles):
                    del group.roots[key]
            for number, vm in list(group.threads.items()):
                if not any(h.vm is vm for h in self.handles) and not any(
                    c.kind == "root" for c in vm.contexts.values()
                ):
                    del group.threads[number]
                    vm.close()
            if not any(h.group is group for h in self.handles):
                group.vm.close()

    # -- words ----------------------------------------------------------------------------------------------------

    def _say(self, level: LogLevel, text: str) -> None:
        self.server.say(level, text, self.server.clock.running or self.main)

    def _refused(self, plugin: Plugin, error: WasmnbError) -> None:
        if isinstance(error, ModuleError):
            for note in getattr(error, "__notes__", []):
                if note.startswith(ENVOY_SAYS):
                    self._say(LogLevel.ERROR, note.removeprefix(ENVOY_SAYS))
        self._say(LogLevel.CRITICAL, f"Plugin {plugin.name} failed to load")
        self._say(LogLevel.CRITICAL, "Plugin configured to fail closed failed to load")
        self.refused_plugin = plugin.name
