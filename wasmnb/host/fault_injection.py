"""Fault injection: ticks, foreign callbacks and traps that tests cause in a running proxy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..abi import CALLBACKS
from ..engine import Instance, assemble
from ..errors import UsageError
from .clock import check_worker
from .contexts.root import RootContext
from .foreign_functions.own_functions import run_callback
from .trace.records import CallbackSchema
from .vm.callback_entry import make_entry

if TYPE_CHECKING:
    from .components import ProxyComponents
    from .vm.vm import Vm

__all__ = ["FaultInjection"]

_CALLBACKS = {callback.short: (name, callback) for name, callback in CALLBACKS.items()}
_CRASH = '(module (func (export "injected_trap") (unreachable)))'


class FaultInjection:
    """Ticks, foreign callbacks and traps that tests cause in a running proxy. See `Proxy` for the parameters of the methods."""

    def __init__(self, components: ProxyComponents) -> None:
        self._components = components

    def tick(self, worker: int | None) -> int:
        """Call `on_tick` now. Return the number of plugin contexts that ticked."""
        parts = self._components
        parts.loop.check_open()
        roots = [r for vm in self._serving(worker) if vm.callbacks.get("on_tick") for r in _roots(vm)]
        for root in roots:
            parts.server.clock.call_soon(root.vm.thread, root.tick)
        parts.loop.settle()
        parts.loop.advance(0)  # also runs consequences, for example the response to a stream that a tick continued
        return len(roots)

    def call_foreign_callback(self, function_id: int, data: bytes, worker: int | None) -> int:
        """Call `on_foreign_function` now. Return the number of plugin contexts that were called."""
        parts = self._components
        parts.loop.check_open()
        roots = [r for vm in self._serving(worker) if vm.callbacks.get("on_foreign_function") for r in _roots(vm)]
        for root in roots:
            parts.server.clock.call_soon(root.vm.thread, partial(run_callback, root, function_id, data))
        parts.loop.settle()
        parts.loop.advance(0)
        return len(roots)

    def inject_trap(self, worker: int | None, number: int | None, callback: str) -> Vm:
        """Make the next callback in a VM trap. Return the VM."""
        self._components.loop.check_open()
        candidates = [vm for vm in self._serving(worker) if number in (None, vm.number)]
        if worker is None:  # requests run on workers, so prefer them to the main thread
            candidates.sort(key=lambda vm: vm.thread.number == 0)
        if not candidates:
            raise UsageError("No running VM matches worker= and vm=. Choose one of `proxy.vms` that hasn't failed.")
        vm = candidates[0]
        name = callback.removeprefix("proxy_")
        if name and vm.callbacks.get(name) is None:
            raise UsageError(f"The module doesn't export the callback {callback!r}. Choose one of {_exported(vm)}.")
        _arm(vm, [name] if name else [n for n, invoke in vm.callbacks.items() if invoke is not None])
        return vm

    def _serving(self, worker: int | None) -> Iterator[Vm]:
        """Iterate over the VMs that serve requests and haven't failed, on one thread. For None, iterate over all threads."""
        check_worker(worker, len(self._components.workers), main=True)
        for vm in self._components.vms:
            if vm.role in ("main", "worker") and not vm.failed and worker in (None, vm.thread.number):
                yield vm


def _exported(vm: Vm) -> str:
    return ", ".join(name for name, invoke in vm.callbacks.items() if invoke is not None)


def _roots(vm: Vm) -> list[RootContext]:
    return [c for c in vm.contexts.values() if isinstance(c, RootContext)]


def _arm(vm: Vm, names: list[str]) -> None:
    """Replace callbacks by a function that traps. They aren't restored, because a VM that has trapped runs no more
    callbacks.
    """
    code = vm.server.engine.compile(assemble(_CRASH))  # compiled here and not in `crash`, whose duration is measured

    def crash(*_: int) -> int | None:
        # A real trap in a separate instance, so that the message is the engine's.
        instance = Instance(code, lambda _: None)
        try:
            trap = instance.function("injected_trap")
            return trap() if trap is not None else None
        finally:
            instance.close()

    for short in names:
        name, callback = _CALLBACKS[short]
        vm.callbacks[short] = make_entry(vm, name, CallbackSchema(callback), crash)
    if "on_context_create" in names:
        vm.on_context_create = vm.callbacks["on_context_create"] or vm.on_context_create
    vm.armed = tuple(names)
    vm.note("trap injected", callbacks=", ".join(names) if len(names) == 1 else "the next one")
