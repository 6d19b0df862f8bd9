"""Linking: which function a module gets for each of its imports, and how results reach its memory.

Facts (Envoy 1.40): an import that the configuration does not allow links all the same; calling it logs a line and gives
InternalFailure, or WASI's errno 76. Results lie in memory that the guest allocates; while its allocator runs, only a few
imports may be called, and they act on the VM rather than on a plugin.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from ...abi.wasi import WASI_PREVIEW_1
from ...engine import ImportType, OutOfBounds
from ..foreign.dns import resolve_dns
from ..hostcalls import IMPLEMENTATIONS
from .fuel import PROBED, with_probe
from .hostcall_stubs import bind, bind_refused
from .wasi import bind_wasi

if TYPE_CHECKING:
    from .vm import Vm

__all__ = ["IN_ALLOCATOR", "make_put", "resolve"]

#: Imports that may be called while the guest's allocator runs.
IN_ALLOCATOR = frozenset({"proxy_log", "fd_write", "clock_time_get", "poll_oneoff"})


def resolve(vm: Vm, wanted: ImportType) -> Callable[..., Any] | None:
    """The function for an import, or None if there is none."""
    name = wanted.name
    allowed = not vm.allowed or name in vm.allowed
    if wanted.module != "env":
        return bind_wasi(vm, name, allowed=allowed) if name in WASI_PREVIEW_1 else None
    if name in _ENV:
        return _ENV[name](vm)
    implementation = IMPLEMENTATIONS.get(name)
    if implementation is None:
        return None
    refused = partial(bind_refused, refuse=lambda n: vm.refuse(n, "proxy-wasm"))
    bound = bind(vm, name, implementation) if allowed else refused(vm, name)
    return with_probe(vm, bound) if name == PROBED and vm.server.engine.fuel else bound


def make_put(vm: Vm, malloc: Callable[..., int | None]) -> Callable[[bytes], int]:
    """What stores results for the guest, in memory that the guest allocates."""
    guest, zero = vm.guest, vm.zero

    def put(data: bytes) -> int:
        size = len(data)
        if not size:
            return 0
        restricted, effective, current = vm.restricted, vm.effective, vm.current
        vm.restricted = IN_ALLOCATOR
        vm.effective = vm.current = zero
        pointer = malloc(size)  # if it traps, the VM has failed and nothing below matters
        vm.restricted, vm.effective, vm.current = restricted, effective, current
        if not pointer:
            raise OutOfBounds(0, size, guest.size)
        end = pointer + size
        if end > guest.size:
            guest.check(pointer, size)
        guest.view[pointer:end] = data
        return pointer

    return put


def _pthread_equal(_vm: Vm) -> Callable[..., int]:
    return lambda a, b: int(a == b)


def _memory_growth(_vm: Vm) -> Callable[..., None]:
    return lambda _index: None


#: Imports of `env` that are not hostcalls of the ABI.
_ENV: dict[str, Callable[[Vm], Callable[..., Any]]] = {
    "pthread_equal": _pthread_equal,
    "emscripten_notify_memory_growth": _memory_growth,
    "envoy_resolve_dns": resolve_dns,
}
