"""What a bystander may do to a simulated proxy while it runs: have it tick now, and have a callback trap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..abi import CALLBACKS
from ..engine import Instance, assemble
from ..errors import UsageError
from .contexts.base import RootContext
from .event_loop import Running
from .trace.records import CallbackSchema
from .vm.callback_entry import entrance

if TYPE_CHECKING:
    from .plugins.vm_registry import VmRegistry
    from .vm.vm import Vm

__all__ = ["Controls"]

_CALLBACKS = {callback.short: (name, callback) for name, callback in CALLBACKS.items()}
_CRASH = '(module (func (export "injected_trap") (unreachable)))'


class Controls(Running):
    """The part of a proxy that experiments meet."""

    _registry: VmRegistry

    def tick(self, worker: int | None = None) -> int:
        """Have `on_tick` run now, whatever the tick period; the periodic ticks come as they would have.

        Parameters
        ----------
        worker
            Number of a worker, 0 for the main thread; by default all of them tick.

        Returns
        -------
        int
            How many plugin contexts have ticked: those in sound VMs whose module exports `proxy_on_tick`.

        Raises
        ------
        UsageError
            There is no such worker, or the proxy is closed.
        """
        self._check_open()
        roots = [r for vm in self._serving(worker) if vm.callbacks.get("on_tick") for r in _roots(vm)]
        for root in roots:
            self._server.clock.call_soon(root.vm.thread, root.tick)
        self._settle()
        self.advance(0)  # what follows at this moment, say the answer to a stream that a tick let go
        return len(roots)

    def inject_trap(self, worker: int | None = None, *, vm: int | None = None, callback: str = "") -> Vm:
        """Have the next callback in a VM trap, as `unreachable` in the module would: the failure policy takes it from there.

        Parameters
        ----------
        worker
            Number of the worker, 0 for the main thread; by default the first one with a sound VM.
        vm
            Number of the VM, as `Proxy.tree` shows it, where a worker has several.
        callback
            Wait for this one, `on_request_headers` or `proxy_on_request_headers`; by default whichever comes next traps.

        Returns
        -------
        Vm
            The VM that will fail.

        Raises
        ------
        UsageError
            No such worker, VM or callback, or the VM has failed already.
        """
        self._check_open()
        found = [v for v in self._serving(worker) if vm in (None, v.number)]
        if worker is None:  # the main thread sees no request
            found.sort(key=lambda v: v.thread.number == 0)
        if not found:
            raise UsageError("There is no sound VM of that description; one that has failed runs no callback again.")
        chosen = found[0]
        name = callback.removeprefix("proxy_")
        if name and chosen.callbacks.get(name) is None:
            raise UsageError(f"The module has no callback {callback!r}.")
        _arm(chosen, [name] if name else [n for n, invoke in chosen.callbacks.items() if invoke is not None])
        return chosen

    def _serving(self, worker: int | None) -> Iterator[Vm]:
        """Sound VMs that serve, of one thread or of all."""
        if worker is not None and not 0 <= worker <= len(self.workers):
            raise UsageError(f"There is no worker {worker}; they are numbered from 1 to {len(self.workers)}.")
        for vm in list(self._registry.vms()):
            serves = vm.role in ("main", "worker") and not (vm.closed or vm.failed)
            if serves and worker in (None, vm.thread.number):
                yield vm


def _roots(vm: Vm) -> list[RootContext]:
    return [c for c in vm.contexts.values() if isinstance(c, RootContext)]


def _arm(vm: Vm, names: list[str]) -> None:
    """Put the crash in the place of callbacks. Nothing has to be put back: a VM that has trapped runs none of them again."""

    def crash(*_: int) -> int | None:
        # A real trap in an instance of its own, so that its words are the engine's.
        instance = Instance(vm.server.engine.compile(assemble(_CRASH)), lambda _: None)
        try:
            trap = instance.function("injected_trap")
            return trap() if trap is not None else None
        finally:
            instance.close()

    for short in names:
        name, callback = _CALLBACKS[short]
        vm.callbacks[short] = entrance(vm, name, CallbackSchema(callback), crash)
    if "on_context_create" in names:
        vm.on_context_create = vm.callbacks["on_context_create"] or vm.on_context_create
    vm.note("trap injected", callbacks=", ".join(names) if len(names) == 1 else "the next one")
