"""Creation of VMs: linking and instantiating the module, finding its callbacks, and running its entry points.

In Envoy 1.40, the entry points are `_initialize` followed by `main(0, 0)` (or `__main_void`). If `_initialize` is missing, the
entry point is `_start`. The entry points run before all callbacks, on context 0, and can call only a few imports. If the start
section traps, the VM fails before it has any callbacks.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from ...abi import CALLBACKS, ENTRY_POINTS, PHASES, Callback, LogLevel, callbacks_for
from ...engine import Trap
from ...errors import ModuleError
from ..trace.records import CallbackSchema
from .callback_entry import Invoke, close_record, make_entry, open_record
from .failure import Failure
from .imports import ImportResolver, make_put
from .module_check import ALLOCATORS, NOT_INITIALIZED, LoadableModule
from .vm import Vm
from .wasi import AT_ENTRY

if TYPE_CHECKING:
    from ..clock import Thread
    from ..server_context import ServerContext
    from .settings import VmSettings

__all__ = ["make_vm", "run_entry_points"]

_NO_INSTANCE = "Failed to create new Wasm instance"

#: Entry point -> imports that it can call.
_AT_ENTRY = {name: AT_ENTRY | PHASES[name].calls | {"emscripten_notify_memory_growth"} for name in ENTRY_POINTS}


def make_vm(server: ServerContext, loaded: LoadableModule, settings: VmSettings, thread: Thread, role: str) -> Vm:
    """Create a VM: link and instantiate the module, and find its exports.

    If the start section traps, the VM is marked as failed.

    Parameters
    ----------
    server, loaded, settings, thread, role
        As for `Vm`.

    Returns
    -------
    Vm
        The VM. Its entry points haven't run yet.

    Raises
    ------
    ModuleError
        Envoy would refuse to link the module.
    """
    vm = Vm(server, loaded, settings, thread, role)
    resolve = ImportResolver(vm)
    record = open_record(vm, CallbackSchema("start section"), vm.vm_context, ())
    try:
        vm.instance = loaded.image.instantiate(resolve, memory_limit=server.memory_limit, deadline=server.deadline)
    except ModuleError as error:
        error.add_envoy_log(_NO_INSTANCE, NOT_INITIALIZED)
        raise
    except Trap as trap:
        message = f"Uncaught RuntimeError: {trap.message}"
        vm.failure = Failure(
            "the start section", 0, None, message, trap.kind, backtrace=trap.backtrace, thread=thread.name
        )
        server.write_log(LogLevel.ERROR, _NO_INSTANCE, thread, vm=vm.number)
        return vm
    finally:
        close_record(vm, record, None)
    _attach_memory(vm)
    vm.callbacks = _callbacks(vm)
    vm.on_context_create = vm.callbacks["on_context_create"] or _nothing
    return vm


def _attach_memory(vm: Vm) -> None:
    name = next((a for a in ALLOCATORS if a in vm.loaded.exports), None)
    vm.guest.attach(vm.instance.memory)
    malloc = vm.instance.function(name) if name is not None else None
    if name is not None and malloc is not None:
        vm.guest.put = make_put(vm, name, malloc)


def _callbacks(vm: Vm) -> dict[str, Invoke | None]:
    """Return the callbacks of all ABI versions by short name.

    Callbacks that the module or its ABI version doesn't define are None.
    """
    callbacks: dict[str, Invoke | None] = dict.fromkeys(callback.short for callback in CALLBACKS.values())
    return callbacks | {c.short: _callback(vm, name, c) for name, c in callbacks_for(vm.abi).items()}


def _callback(vm: Vm, name: str, callback: Callback) -> Invoke | None:
    function = vm.instance.function(name) if name in vm.loaded.exports else None
    allowed = vm.settings.allowed
    if function is None or (allowed and name not in allowed):
        return None
    return make_entry(vm, name, CallbackSchema(callback), function)


def run_entry_points(vm: Vm) -> bool:
    """Run the module's entry points in Envoy's order.

    Returns
    -------
    bool
        False if the VM has failed.
    """
    entry = vm.entry
    for name in _entry_points(vm.loaded.exports):
        if vm.closed or not vm.callbacks:
            break
        entry.phase, entry.restricted = name, _AT_ENTRY[name]
        function = vm.instance.function(name)
        assert function is not None
        args = (0,) * len(ENTRY_POINTS[name][0])
        make_entry(vm, name, CallbackSchema(name), function)(vm.vm_context, *args)
    entry.restricted = None
    return not vm.failed


def _entry_points(exports: Container[str]) -> list[str]:
    if "_initialize" in exports:
        return ["_initialize", *[n for n in ("main", "__main_void") if n in exports][:1]]
    return ["_start"] if "_start" in exports else []


def _nothing(*_: Any) -> None:
    """Do nothing, as a replacement for a missing callback."""
