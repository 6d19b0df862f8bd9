"""Imports of a module: the functions that are linked, and the storage of their results in the guest's memory.

In Envoy 1.40, an import that the configuration doesn't allow is still linked. Calling it logs a line and returns
InternalFailure, or errno 76 for WASI. Results are stored in memory allocated by the guest. While its allocator runs, the guest
can call only a few imports, which act on the VM instead of a plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...abi.wasi import WASI_PREVIEW_1
from ...engine import ImportType, OutOfBounds, Trap
from .failure import envoy_text
from .fuel import PROBED, with_probe
from .hostcall_stubs import bind, bind_denied
from .state import IN_ALLOCATOR
from .wasi import bind_wasi, make_wasi

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["ImportResolver", "make_put"]


class ImportResolver:
    """Provider of the imports of one VM's module: WASI, hostcalls, and Envoy's additional functions in `env`."""

    def __init__(self, vm: Vm) -> None:
        self._vm = vm
        self._wasi = make_wasi(vm)

    def __call__(self, required: ImportType) -> Callable[..., Any] | None:
        """Return the function for an import, or None if Envoy doesn't offer this import."""
        vm, name = self._vm, required.name
        allowed = not vm.settings.allowed or name in vm.settings.allowed
        if required.module != "env":
            return bind_wasi(vm, self._wasi, name, allowed=allowed) if name in WASI_PREVIEW_1 else None
        if name in _ENV:
            return _ENV[name]
        hostcalls = vm.server.hostcalls
        if name in hostcalls.extras:
            return hostcalls.extras[name](vm)
        implementation = hostcalls.implementations.get(name)
        if implementation is None:
            return None
        bound = bind(vm, name, implementation) if allowed else bind_denied(vm, name)
        return with_probe(vm, bound) if name == PROBED and vm.server.engine.fuel else bound


def make_put(vm: Vm, name: str, malloc: Callable[..., int | None]) -> Callable[[bytes], int]:
    """Create the function that stores results in memory allocated by the guest's export `name`."""
    guest, entry, vm_context = vm.guest, vm.entry, vm.vm_context

    def put(data: bytes) -> int:
        size = len(data)
        if not size:
            return 0
        restricted, effective, current = entry.restricted, entry.effective, entry.current
        entry.restricted = IN_ALLOCATOR
        entry.effective = entry.current = vm_context
        try:
            pointer = malloc(size)
        except Trap as trap:
            pointer = 0
            _fail_in_allocator(vm, name, trap)
        finally:
            entry.restricted, entry.effective, entry.current = restricted, effective, current
        if not pointer:
            raise OutOfBounds(0, size, guest.size)
        end = pointer + size
        if end > guest.size:
            guest.check(pointer, size)
        guest.view[pointer:end] = data
        return pointer

    return put


def _fail_in_allocator(vm: Vm, name: str, trap: Trap) -> None:
    """Mark the VM as failed because its allocator trapped. The hostcall then returns an error, and the callback continues."""
    if trap.kind == "deadline" or trap.__cause__ is not None:
        raise trap
    if vm.entry.record is not None:
        vm.fail(vm.entry.record, name, envoy_text(trap), trap.kind, trap.backtrace)


def _pthread_equal(a: int, b: int) -> int:
    return int(a == b)


def _memory_growth(_index: int) -> None:
    """Ignore the notification that memory has grown, because its size is read when needed."""


#: Imports of `env` that don't depend on a VM.
_ENV: dict[str, Callable[..., Any]] = {
    "pthread_equal": _pthread_equal,
    "emscripten_notify_memory_growth": _memory_growth,
}
