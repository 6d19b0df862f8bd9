"""Starting a VM: its module linked and instantiated, its callbacks found, its entry points run.

Facts (Envoy 1.40): `_initialize` then `main(0, 0)` (or `__main_void`), or else `_start`, run first, on context 0, and may
call only a few imports. A trap in the start section fails the VM before it has any callback.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any

from ...abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS, Callback, LogLevel, callbacks_for
from ...engine import Trap
from ...errors import ModuleError
from ..inspect.introspection import call_introspection, has_introspection
from ..trace.records import CallbackSchema
from .callback_entry import Invoke, close_record, entrance, open_record
from .failure import Failure
from .imports import make_put, resolve
from .module_check import ALLOCATORS, ENVOY_SAYS
from .wasi import AT_ENTRY

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["instantiate", "run_entry_points"]

_REFUSED = "Failed to create new Wasm instance"

#: Imports that entry points may call.
_AT_ENTRY = AT_ENTRY | {name for name, h in HOSTCALLS.items() if h.at_entry} | {"emscripten_notify_memory_growth"}


def instantiate(vm: Vm) -> None:
    """Link, instantiate and find the exports; a trap in the start section fails the VM.

    Raises
    ------
    ModuleError
        Envoy would not link the module.
    """
    record = open_record(vm, CallbackSchema("start section"), vm.zero, ())
    try:
        vm.instance = vm.loaded.image.instantiate(
            lambda wanted: resolve(vm, wanted),
            memory_limit=vm.server.memory_limit,
            deadline=vm.server.deadline,
        )
    except ModuleError as error:
        error.add_note(f"{ENVOY_SAYS}{_REFUSED}")
        error.add_note(f"{ENVOY_SAYS}Wasm VM failed Failed to initialize Wasm code")
        raise
    except Trap as trap:
        vm.failed = True
        words = f"Uncaught RuntimeError: {trap.message}"
        vm.failure = Failure("the start section", 0, None, words, backtrace=trap.backtrace, thread=vm.thread.name)
        vm.server.say(LogLevel.ERROR, _REFUSED, vm.thread, vm=vm.number)
        return
    finally:
        close_record(vm, record, None)
    _attach_memory(vm)
    vm.callbacks = _callbacks(vm)
    vm.on_context_create = vm.callbacks["on_context_create"] or _nothing


def _attach_memory(vm: Vm) -> None:
    malloc = next((vm.instance.function(a) for a in ALLOCATORS if a in vm.loaded.exports), None)
    vm.guest.attach(vm.instance.memory)
    if malloc is not None:
        vm.guest.put = make_put(vm, malloc)


def _callbacks(vm: Vm) -> dict[str, Invoke | None]:
    """Every callback of any ABI by its short name; None for those that its module does not export or has no part in."""
    found: dict[str, Invoke | None] = dict.fromkeys(callback.short for callback in CALLBACKS.values())
    return found | {c.short: _callback(vm, name, c) for name, c in callbacks_for(vm.abi).items()}


def _callback(vm: Vm, name: str, callback: Callback) -> Invoke | None:
    function = vm.instance.function(name) if name in vm.loaded.exports else None
    if function is None or (vm.allowed and name not in vm.allowed):
        return None
    return entrance(vm, name, CallbackSchema(callback), function)


def run_entry_points(vm: Vm) -> bool:
    """Run those that the module has, as Envoy chooses them; False if one trapped."""
    vm.restricted = _AT_ENTRY
    for name in _entry_points(vm.loaded.exports):
        if vm.closed or not vm.callbacks:
            break
        vm.phase = name
        function = vm.instance.function(name)
        assert function is not None
        args = (0,) * len(ENTRY_POINTS[name][0])
        entrance(vm, name, CallbackSchema(name), function)(vm.zero, *args)
    vm.restricted = None
    if vm.server.show_locals and not vm.failed and has_introspection(vm):
        call_introspection(vm, "locals", on=True)
    return not vm.failed


def _entry_points(exports: Container[str]) -> list[str]:
    if "_initialize" in exports:
        return ["_initialize", *[n for n in ("main", "__main_void") if n in exports][:1]]
    return ["_start"] if "_start" in exports else []


def _nothing(*_: Any) -> None:
    """What a missing callback does."""
