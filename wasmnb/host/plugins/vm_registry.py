"""The VMs of a proxy: base, canary, main thread's and workers', shared by plugins with the same key.

Facts (Envoy 1.40): the VM key is vm_id, VM configuration, environment variables, capability restriction and code. For every key
one base VM (entry points only); for every new plugin key in it a canary VM that starts and configures the plugin and is
dropped without `on_done`; then the main thread's VM and, later, one on each worker. A second plugin of the same key gets a
root context in the VMs that are there. A canary that fails makes the configuration fail, whatever the failure policy.
A plugin that refuses later, on the main thread or on a worker, is missing there: streams pass it, even with FAIL_CLOSED.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from ...abi import LogLevel
from ...errors import FilterTrap, ModuleError, WasmnbError
from ..contexts.root import RootContext
from ..inspect.introspection import call_introspection, has_introspection
from ..vm.instantiate import make_vm, run_entry_points
from ..vm.module_check import Loaded, load, parse_failure_log

if TYPE_CHECKING:
    from ..clock import Thread
    from ..server_context import ServerContext
    from ..vm.settings import VmSettings
    from ..vm.vm import Vm
    from .plugin import Plugin

__all__ = ["PluginHandle", "StartFailure", "VmGroup", "VmRegistry"]

PluginKey = tuple[str, str, bytes]

#: Callback that returned false -> Envoy's log line, and what the plugin refused.
_REFUSALS = {
    "proxy_on_vm_start": ("Failed to start {base}Wasm", "its VM configuration"),
    "proxy_on_configure": ("Failed to configure {base}Wasm plugin", "its configuration"),
}


class StartFailure(Exception):
    """A plugin did not start in a VM.

    Attributes
    ----------
    vm
        The VM; its `failure` is set if the guest trapped.
    callback
        The callback that returned false; empty if an entry point trapped.
    """

    def __init__(self, vm: Vm, callback: str = "") -> None:
        super().__init__(callback)
        self.vm = vm
        self.callback = callback


class VmGroup:
    """One VM key: its base VM and the VMs of the threads.

    Attributes
    ----------
    plugin
        The first plugin of the key, whose VM settings count.
    vm
        The base VM.
    threads
        The living VM of each thread, by thread number.
    roots
        Root contexts by thread number and plugin key.
    canaries
        Dropped canary VMs, for the tree.
    proven
        Plugin keys that a canary has started.
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


class PluginHandle:
    """A plugin on one thread.

    Attributes
    ----------
    plugin
        Its configuration.
    root
        Its root context, or None if it did not start on this thread.
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
    def missing(self) -> bool:
        """Whether it refused to start on this thread, so that streams pass it."""
        return self.root is None

    def missing_note(self, where: str) -> str:
        """Return what the simulator tells of a plugin that is missing on a thread."""
        return (
            f"The plugin {self.plugin.name} is missing on {where}: it refused to start there after its canary had accepted. Envoy"
            " lets requests pass it, whatever its failure policy says."
        )

    @property
    def bypassed(self) -> bool:
        """Whether streams skip the plugin when its VM has failed."""
        return self.plugin.fail_open or self.plugin.policy == "FAIL_OPEN"

    def root_for_stream(self) -> RootContext | None:
        """Return the root context for a new stream, or None if the VM has failed and is not reloaded."""
        if self.root is None or not self.root.vm.failed:
            return self.root
        if self.plugin.policy == "FAIL_RELOAD":
            self._reload()
        return None if self.root.vm.failed else self.root

    def _reload(self) -> None:
        """Replace the failed VM, unless the last one was made less than the back-off ago."""
        server = self.registry.server
        name = f"wasm.{self.plugin.name}.vm_reload_"
        interval = self.plugin.reload_backoff * server.random.uniform(1.0, 1.5)
        if server.clock.time() - self.loaded_at < interval:
            server.metrics.count(name + "backoff")
            return
        self.loaded_at = server.clock.time()
        vm = make_vm(
            server, self.group.loaded, self.group.settings, self.thread, "worker" if self.thread.number else "main"
        )
        try:
            root = self.registry.start_root(vm, self.plugin)
        except StartFailure:
            server.metrics.count(name + "failure")
            vm.close()
            return
        server.metrics.count(name + "success")
        old = self.root.vm if self.root is not None else None
        self.root = root
        self.group.threads[self.thread.number] = vm
        self.group.roots[self.thread.number, self.plugin.key] = root
        if old is not None and not any(h.vm is old for h in self.registry.handles):
            old.close()


class VmRegistry:
    """All VMs of a proxy.

    Parameters
    ----------
    server
        State that the VMs share.
    main
        The main thread.

    Attributes
    ----------
    groups
        One for each VM key.
    handles
        The plugins of all threads.
    """

    def __init__(self, server: ServerContext, main: Thread) -> None:
        self.server = server
        self.main = main
        self.groups: list[VmGroup] = []
        self.handles: list[PluginHandle] = []

    def vms(self) -> list[Vm]:
        """Return all VMs in the order in which they were made, including closed ones that are still known."""
        vms: list[Vm] = []
        for group in self.groups:
            vms += [group.vm, *group.canaries, *group.threads.values()]
        vms += [h.vm for h in self.handles if h.vm is not None]
        return sorted(dict.fromkeys(vms), key=lambda vm: vm.number)

    # -- main thread ----------------------------------------------------------------------------------------------

    def prepare(self, plugin: Plugin) -> PluginHandle:
        """Load a plugin on the main thread: base, canary and the main thread's VM.

        Raises
        ------
        ModuleError
            Envoy would not load the module.
        FilterTrap
            An entry point, `on_vm_start` or `on_configure` trapped or returned false.
        """
        for suffix in ("", "_backoff", "_failure", "_success"):
            self.server.metrics.count(f"wasm.{plugin.name}.vm_reload{suffix}", 0)
        try:
            group = self._group(plugin)
            if plugin.key not in group.proven:
                self._prove(group, plugin)
        except WasmnbError as error:
            self._log_refusal(plugin, error)
            raise
        return self.attach(group, plugin, self.main)

    def _group(self, plugin: Plugin) -> VmGroup:
        """Return the group of a plugin's VM key, with a base VM if it is new."""
        known = next((g for g in self.groups if self._share_key(g.plugin, plugin)), None)
        if known is not None:
            return known
        loaded = self._load(plugin)
        vm = make_vm(self.server, loaded, plugin.settings, self.main, "base")
        try:
            self._initialize(vm)
        except StartFailure as failure:
            vm.close()
            error = self._start_error(plugin, failure)
            raise error from error.__cause__
        self.groups.append(VmGroup(plugin, loaded, vm))
        return self.groups[-1]

    def _load(self, plugin: Plugin) -> Loaded:
        try:
            image = plugin.filter.image(self.server.engine)
        except ModuleError as error:
            error.add_envoy_log(*parse_failure_log(getattr(plugin.filter, "wasm", b"")))
            raise
        return load(image, plugin.name)

    @staticmethod
    def _share_key(first: Plugin, second: Plugin) -> bool:
        """Whether two plugins have one VM key. Code, which may be large, is compared last."""
        if first.settings != second.settings:
            return False
        return first.filter is second.filter or first.code_key == second.code_key

    def _prove(self, group: VmGroup, plugin: Plugin) -> None:
        """Start a plugin in a canary VM."""
        vm = make_vm(self.server, group.loaded, group.settings, self.main, "canary")
        error = None
        try:
            self.start_root(vm, plugin)
        except StartFailure as failure:
            error = self._start_error(plugin, failure)
        vm.close()
        group.canaries.append(vm)
        if error is not None:
            raise error
        group.proven.add(plugin.key)

    def _start_error(self, plugin: Plugin, failure: StartFailure) -> WasmnbError:
        vm = failure.vm
        if vm.failure is not None:
            error = vm.failure.error()
            error.args = (f"The filter {plugin.name} does not start: {error}",)
            return error
        callback = failure.callback
        refused = _REFUSALS[callback][1]
        text = (
            f"The filter {plugin.name} refuses {refused}: {callback} returned 0 (false). Envoy would not start with it."
        )
        lines = [line.text for line in self.server.log if line.vm == vm.number and line.level >= LogLevel.WARN]
        if lines:
            text += f"\nIts last warning: {lines[-1]}"
        return FilterTrap(text, callback=callback, context_id=1)

    # -- any thread -----------------------------------------------------------------------------------------------

    def attach(self, group: VmGroup, plugin: Plugin, thread: Thread) -> PluginHandle:
        """Make a plugin available on a thread, with a VM and a root context if they do not exist yet."""
        handle = PluginHandle(self, group, plugin, thread)
        self.handles.append(handle)
        handle.root = group.roots.get((thread.number, plugin.key))
        if handle.root is not None:
            return handle
        vm = group.threads.get(thread.number)
        fresh = vm is None
        if vm is None:
            role = "worker" if thread.number else "main"
            vm = group.threads[thread.number] = make_vm(self.server, group.loaded, group.settings, thread, role)
        with suppress(StartFailure):  # it has been logged; the handle has no root then
            handle.root = group.roots[thread.number, plugin.key] = self.start_root(vm, plugin, fresh=fresh)
        if handle.root is None:
            self.server.warn(handle.missing_note(thread.name), thread)
            if fresh:
                self._drop(group, vm)
        return handle

    @staticmethod
    def _drop(group: VmGroup, vm: Vm) -> None:
        """Close the VM of a plugin that refused to start in it, and its root context before."""
        for context in list(vm.contexts.values()):
            if isinstance(context, RootContext):
                context.close()
        del group.threads[vm.thread.number]
        vm.close()

    def start_root(self, vm: Vm, plugin: Plugin, *, fresh: bool = True) -> RootContext:
        """Create, start and configure a root context.

        Parameters
        ----------
        fresh
            Whether the VM's entry points have to run first; True by default.

        Raises
        ------
        StartFailure
            The guest trapped, or refused its configuration. Envoy's line has been logged.
        """
        if fresh:
            self._initialize(vm)
        root = RootContext(vm, plugin)
        root.create()
        if fresh and self.server.show_locals and has_introspection(vm):  # release modules load with their first context
            call_introspection(vm, "locals", on=True)
        for callback, call in (("proxy_on_vm_start", root.start), ("proxy_on_configure", root.configure)):
            if not call():
                line = _REFUSALS[callback][0].format(base="base " if vm.role == "canary" else "thread-local ")
                self._log(LogLevel.ERROR, f"Wasm VM failed {line}")
                raise StartFailure(vm, callback)
        return root

    def _initialize(self, vm: Vm) -> None:
        """Run the entry points of a new VM."""
        if not run_entry_points(vm):
            self._log(LogLevel.ERROR, "Wasm VM failed Failed to initialize Wasm code")
            raise StartFailure(vm)

    def roots_of(self, thread: Thread) -> list[RootContext]:
        """Return the root contexts of a thread: newest first, then singleton services, then those that refused to start."""
        roots = [r for g in self.groups for (number, _), r in g.roots.items() if number == thread.number]
        vms = [g.threads[thread.number] for g in self.groups if thread.number in g.threads]
        refused = [c for vm in vms for c in vm.contexts.values() if isinstance(c, RootContext) and c not in roots]
        started = sorted([r for r in reversed(roots) if not r.closed], key=lambda r: r.is_singleton)
        return [*started, *(r for r in refused if not r.closed)]

    def release(self, handles: Sequence[PluginHandle]) -> None:
        """Remove plugins that were replaced, and close VMs that have no root context left."""
        for handle in handles:
            if handle in self.handles:
                self.handles.remove(handle)
        for group in list(self.groups):
            for key in [k for k, r in group.roots.items() if r.closed or r.done_deferred]:
                if not any(h.root is group.roots[key] for h in self.handles):
                    del group.roots[key]
            for number, vm in list(group.threads.items()):
                used = any(h.vm is vm for h in self.handles)
                if not used and not any(c.kind == "root" for c in vm.contexts.values()):
                    del group.threads[number]
                    vm.close()
            if not any(h.group is group for h in self.handles):
                group.vm.close()

    # -- log ------------------------------------------------------------------------------------------------------

    def _log(self, level: LogLevel, text: str) -> None:
        self.server.write_log(level, text, self.server.clock.running or self.main)

    def _log_refusal(self, plugin: Plugin, error: WasmnbError) -> None:
        if isinstance(error, ModuleError):
            for line in error.envoy_log:
                self._log(LogLevel.ERROR, line)
        self._log(LogLevel.CRITICAL, f"Plugin {plugin.name} failed to load")
        if not plugin.fail_open:
            self._log(LogLevel.CRITICAL, "Plugin configured to fail closed failed to load")
