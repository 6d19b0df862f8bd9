"""The VMs of a proxy: base VMs, canary VMs, and VMs of the main thread and the workers.

Plugins with the same VM key share VMs. In Envoy 1.40, the VM key consists of vm_id, VM configuration, environment variables,
allowed capabilities and code. For each key Envoy creates one base VM, which runs only the entry points. Envoy starts and
configures each new plugin in a canary VM, and drops this VM without calling `on_done`. Then it creates the VM of the main
thread and, later, a VM on each worker. Another plugin with the same key receives a root context in the existing VMs. If the
canary fails, the configuration fails, regardless of the failure policy. If a plugin later refuses to start on the main thread
or a worker, it is missing on that thread: streams skip it, even with FAIL_CLOSED.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import ModuleError, WasmnbError
from ..clusters.redis_server import RedisServer
from ..contexts.root import RootContext
from ..vm.instantiate import make_vm
from ..vm.module_check import LoadableModule, load, parse_failure_log
from .plugin_handle import PluginHandle
from .plugin_start import PluginStarter, StartFailure, close_roots
from .vm_group import VmGroup

if TYPE_CHECKING:
    from ..clock import Thread
    from ..server_context import ServerContext
    from ..vm.vm import Vm
    from .plugin import Plugin

__all__ = ["VmRegistry"]


class VmRegistry:
    """All VMs of a proxy.

    Parameters
    ----------
    server
        State shared by all VMs.
    main
        The main thread.

    Attributes
    ----------
    groups
        One group of VMs for each VM key.
    handles
        Handles of the plugins on all threads.
    starter
        Starter of plugins in their VMs.
    """

    def __init__(self, server: ServerContext, main: Thread) -> None:
        self.server = server
        self.main = main
        self.starter = PluginStarter(server, main)
        self.groups: list[VmGroup] = []
        self.handles: list[PluginHandle] = []

    def vms(self) -> list[Vm]:
        """Return all VMs in the order of their creation, including closed VMs that haven't been dropped."""
        vms: list[Vm] = []
        for group in self.groups:
            vms += [group.vm, *group.canaries, *group.threads.values()]
        vms += [h.vm for h in self.handles if h.vm is not None]
        return sorted(dict.fromkeys(vms), key=lambda vm: vm.number)

    def plugins_of_vms(self) -> dict[int, Plugin]:
        """Return the plugin of each VM, by VM number. For a shared VM, this is the first plugin that was started."""
        of_groups = ((vm, g.plugin) for g in self.groups for vm in (g.vm, *g.canaries, *g.threads.values()))
        of_handles = ((h.vm, h.plugin) for h in self.handles if h.vm is not None)
        return {vm.number: plugin for vm, plugin in (*of_handles, *of_groups)}

    # -- main thread ----------------------------------------------------------------------------------------------

    def prepare(self, plugin: Plugin) -> PluginHandle:
        """Load a plugin on the main thread: in a base VM, in a canary VM, and in the VM of the main thread.

        Raises
        ------
        ModuleError
            Envoy would refuse to load the module.
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
            for group in self.groups:
                self._close_unused(group)
            self.starter.log_refusal(plugin, error)
            raise
        return self.attach(group, plugin, self.main)

    def _group(self, plugin: Plugin) -> VmGroup:
        """Return the group of VMs for a plugin's VM key. Create the group and its base VM if they don't exist."""
        known = next((g for g in self.groups if not g.vm.closed and self._share_key(g.plugin, plugin)), None)
        if known is not None:
            return known
        loaded = self._load(plugin)
        vm = make_vm(self.server, loaded, plugin.settings, self.main, "base")
        try:
            self.starter.initialize(vm)
        except StartFailure as failure:
            vm.close()
            error = self.starter.error_of(plugin, failure)
            raise error from error.__cause__
        self.groups.append(VmGroup(plugin, loaded, vm))
        return self.groups[-1]

    def _load(self, plugin: Plugin) -> LoadableModule:
        try:
            image = plugin.filter.image(self.server.engine)
        except ModuleError as error:
            error.add_envoy_log(*parse_failure_log(getattr(plugin.filter, "wasm", b"")))
            raise
        redis = any(isinstance(c.upstream, RedisServer) for c in self.server.clusters.values())
        loaded = load(image, plugin.name, redis=redis)
        return replace(loaded, file_names=getattr(plugin.filter, "file_names", {}))

    @staticmethod
    def _share_key(first: Plugin, second: Plugin) -> bool:
        """Return whether two plugins have the same VM key. Their code, which can be large, is compared last."""
        if first.settings != second.settings:
            return False
        return first.filter is second.filter or first.code_key == second.code_key

    def _prove(self, group: VmGroup, plugin: Plugin) -> None:
        """Start a plugin in a canary VM, and raise the plugin's error if it can't be started."""
        vm = make_vm(self.server, group.loaded, group.settings, self.main, "canary")
        error = None
        try:
            self.starter.start_root(vm, plugin)
        except StartFailure as failure:
            error = self.starter.error_of(plugin, failure)
        vm.close()
        group.canaries.append(vm)
        if error is not None:
            raise error
        group.proven.add(plugin.key)

    # -- any thread -----------------------------------------------------------------------------------------------

    def attach(self, group: VmGroup, plugin: Plugin, thread: Thread) -> PluginHandle:
        """Make a plugin available on a thread. Create its VM and its root context if they don't exist."""
        handle = PluginHandle(self, group, plugin, thread)
        self.handles.append(handle)
        known = group.roots.get((thread.number, plugin.key))
        if known is not None and not known.vm.failed:
            handle.root = known
            return handle
        vm = group.threads.get(thread.number)
        fresh = vm is None or vm.failed
        if vm is None or vm.failed:  # plugins in a failed VM aren't moved to the new one
            role = "worker" if thread.number else "main"
            vm = group.threads[thread.number] = make_vm(self.server, group.loaded, group.settings, thread, role)
        with suppress(StartFailure):  # has been logged, and the handle has no root context
            handle.root = group.roots[thread.number, plugin.key] = self.starter.start_root(vm, plugin, fresh=fresh)
        if handle.root is None:
            self.server.warn(handle.missing_note(thread.name), thread)
            if fresh:
                self._drop(group, vm)
        return handle

    @staticmethod
    def _drop(group: VmGroup, vm: Vm) -> None:
        """Close the root context of a plugin that refused to start, and then its VM."""
        close_roots(vm)
        del group.threads[vm.thread.number]
        vm.close()

    def roots_of(self, thread: Thread) -> list[RootContext]:
        """Return the root contexts of a thread in the order in which they end.

        The newest context is first. Singleton services and contexts that refused to start are at the end.
        """
        roots = [r for g in self.groups for (number, _), r in g.roots.items() if number == thread.number]
        vms = [g.threads[thread.number] for g in self.groups if thread.number in g.threads]
        refused = [c for vm in vms for c in vm.contexts.values() if isinstance(c, RootContext) and c not in roots]
        started = sorted([r for r in reversed(roots) if not r.closed], key=lambda r: r.is_singleton)
        return [*started, *(r for r in refused if not r.closed)]

    def release(self, handles: Sequence[PluginHandle]) -> None:
        """Remove plugins that have been replaced, and close VMs that no longer contain root contexts."""
        for handle in handles:
            if handle in self.handles:
                self.handles.remove(handle)
        for vm in {h.vm for h in handles if h.vm is not None and h.vm.failed}:
            if not any(h.vm is vm for h in self.handles) and not any(vm in g.threads.values() for g in self.groups):
                vm.close()  # another VM has replaced it
        for group in list(self.groups):
            for key in [k for k, r in group.roots.items() if r.closed or r.done_deferred]:
                if not any(h.root is group.roots[key] for h in self.handles):
                    del group.roots[key]
            for number, vm in list(group.threads.items()):
                used = any(h.vm is vm for h in self.handles)
                if not used and not any(c.kind == "root" for c in vm.contexts.values()):
                    del group.threads[number]
                    vm.close()
            self._close_unused(group)

    def _close_unused(self, group: VmGroup) -> None:
        """Close the base VM of a group if no plugin uses it."""
        if not any(h.group is group for h in self.handles):
            group.vm.close()
