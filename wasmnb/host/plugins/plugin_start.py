"""Start of a plugin in a VM: entry points, root context, `on_vm_start` and `on_configure`, with Envoy's log lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import LogLevel
from ...errors import FilterTrap, ModuleError, WasmnbError
from ..contexts.root import RootContext
from ..inspect.introspection import call_introspection, has_introspection
from ..vm.failure import configuration_advice
from ..vm.instantiate import run_entry_points

if TYPE_CHECKING:
    from ..clock import Thread
    from ..server_context import ServerContext
    from ..vm.vm import Vm
    from .plugin import Plugin

__all__ = ["PluginStarter", "StartFailure", "close_roots"]

#: For each callback that can return false: Envoy's log line, and what the plugin has refused.
_REFUSALS = {
    "proxy_on_vm_start": ("Failed to start {base}Wasm", "its VM configuration"),
    "proxy_on_configure": ("Failed to configure {base}Wasm plugin", "its configuration"),
}


class StartFailure(Exception):
    """Error for a plugin that could not be started in a VM.

    Attributes
    ----------
    vm
        The VM. If the filter trapped, its `failure` is set.
    callback
        The callback that returned false or trapped. Empty if an entry point trapped.
    warning
        The filter's last warning, which may say why it refused to start. Empty if it wrote none.
    """

    def __init__(self, vm: Vm, callback: str = "") -> None:
        super().__init__(callback)
        self.vm = vm
        self.callback = callback
        self.warning = vm.last_warning


class PluginStarter:
    """Starter of plugins in VMs.

    Parameters
    ----------
    server
        State shared by all VMs.
    main
        The main thread.
    """

    def __init__(self, server: ServerContext, main: Thread) -> None:
        self._server = server
        self._main = main

    def start_root(self, vm: Vm, plugin: Plugin, *, fresh: bool = True) -> RootContext:
        """Create the plugin's root context in a VM, start it and configure it.

        Parameters
        ----------
        fresh
            Whether the VM is new (default True). In a new VM, the entry points run first.

        Raises
        ------
        StartFailure
            The filter trapped, or refused its configuration. Envoy's log line has been written.
        """
        vm.entry.last_warning = b""
        if fresh:
            self.initialize(vm)
        root = RootContext(vm, plugin)
        root.create()
        # Release modules load with their first context.
        if fresh and self._server.show_locals and has_introspection(vm):
            call_introspection(vm, "locals", on=True)
        for callback, call in (("proxy_on_vm_start", root.start), ("proxy_on_configure", root.configure)):
            if not call():
                line = _REFUSALS[callback][0].format(base="base " if vm.role == "canary" else "thread-local ")
                self._log(LogLevel.ERROR, f"Wasm VM failed {line}")
                raise StartFailure(vm, callback)
        return root

    def initialize(self, vm: Vm) -> None:
        """Run the entry points of a new VM. Raises `StartFailure` if one of them traps."""
        if not run_entry_points(vm):
            self._log(LogLevel.ERROR, "Wasm VM failed Failed to initialize Wasm code")
            raise StartFailure(vm)

    def error_of(self, plugin: Plugin, failure: StartFailure) -> WasmnbError:
        """Return the error to raise for a plugin that didn't start. If it refused to start, the error has its last warning."""
        trapped = failure.vm.failure
        if trapped is not None:
            advice = configuration_advice(trapped, plugin.config)
            return trapped.error(f"The filter {plugin.name} doesn't start: ", advice)
        callback = failure.callback
        refused = _REFUSALS[callback][1]
        text = (
            f"The filter {plugin.name} refuses {refused}: {callback} returned 0 (false). Envoy would not start with it."
        )
        text += (
            f"\nIts last warning: {failure.warning}"
            if failure.warning
            else "\nThe log doesn't say why: write a warning before you return False."
        )
        return FilterTrap(text, callback=callback, context_id=1)

    def log_refusal(self, plugin: Plugin, error: WasmnbError) -> None:
        """Write Envoy's log lines for a plugin that can't be loaded."""
        if isinstance(error, ModuleError):
            for line in error.envoy_log:
                self._log(LogLevel.ERROR, line)
        self._log(LogLevel.CRITICAL, f"Plugin {plugin.name} failed to load")
        if not plugin.fail_open:
            self._log(LogLevel.CRITICAL, "Plugin configured to fail closed failed to load")

    def _log(self, level: LogLevel, text: str) -> None:
        """Write a line of Envoy's log on the running thread. If no thread is running, write it on the main thread."""
        self._server.write_log(level, text, self._server.clock.running or self._main)


def close_roots(vm: Vm) -> None:
    """Close the root contexts of a VM in which a plugin refused to start."""
    for context in list(vm.contexts.values()):
        if isinstance(context, RootContext):
            context.close()
