"""The control door, from outside: what a tool asks the Python inside a VM, beside the ABI (`sdk/dispatch/control.py`).

A question that runs code of the filter (its `__repr__`) is put to a copy of the VM, which is thrown away: whatever
happens in there, the VM, the trace, the clocks and the shared state are untouched. A switch is put to the VM itself.
A native VM cannot be copied; there hostcalls outside a callback are refused anyway, and the door stops a `__repr__` that
does not end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from ...abi import Status
from ...engine import Guest, Image, ImportType, Instance, Trap
from ...engine.copying import copy_into, copy_of
from ...errors import UsageError
from ..vm.wasi import SUCCESS

if TYPE_CHECKING:
    from ..vm.vm import Vm

__all__ = ["DEADLINE", "Looking", "has_door", "switch"]

#: Export of the modules that have a door.
_DOOR, _ALLOCATE = "wasmnb_control", "proxy_on_memory_allocate"

#: Seconds that an answer may take.
DEADLINE = 2.0

_NO_DOOR = "the module was not made from Python by this wasmnb, so nothing in it answers"

_NOT_SUPPORTED = 58  # WASI's errno


def has_door(vm: Vm) -> bool:
    """Whether there is somebody to ask."""
    return hasattr(vm.instance, "control") or _DOOR in vm.loaded.exports


def switch(vm: Vm, do: str, **arguments: Any) -> Any:
    """Have the VM itself do something, between two callbacks.

    Raises
    ------
    UsageError
        It does not; the message says why, as the end of a sentence.
    """
    _check(vm)
    return _ask(vm.instance, do, arguments)


class Looking:
    """A context manager in which VMs are asked one after the other, each as a copy in the same place."""

    def __init__(self) -> None:
        self._copies: dict[Image, tuple[Instance, _Nobody]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for copy, _host in self._copies.values():
            copy.close()
        self._copies.clear()

    def look(self, vm: Vm, do: str, **arguments: Any) -> Any:
        """Ask a copy of the VM; raises `UsageError` as `switch` does, and the VM itself is as before."""
        _check(vm)
        original, image = vm.instance, vm.loaded.image
        if not (isinstance(original, Instance) and isinstance(image, Image)):
            return _ask(original, do, arguments)
        copy = self._copy(vm, image, original)
        try:
            return _ask(copy, do, arguments)
        except _Stopped:
            self._drop(image)
            raise

    def _copy(self, vm: Vm, image: Image, original: Instance) -> Instance:
        if image in self._copies:
            copy, host = self._copies[image]
            host.show_times_of(vm)
            if copy_into(copy, original):
                return copy
            self._drop(image)
        host = _Nobody(vm)
        host.instance = copy_of(image, original, host.resolve, deadline=DEADLINE)
        self._copies[image] = (host.instance, host)
        return host.instance

    def _drop(self, image: Image) -> None:
        self._copies.pop(image)[0].close()


class _Stopped(UsageError):
    """What was asked has trapped; it cannot be asked again."""


def _check(vm: Vm) -> None:
    if vm.closed or not hasattr(vm, "instance"):
        raise UsageError("it is closed")
    if not has_door(vm):
        raise UsageError(_NO_DOOR)
    if vm.record is not None:
        raise UsageError("it is in the middle of a callback")


def _ask(guest: Guest, do: str, arguments: dict[str, Any]) -> Any:
    request = json.dumps({"do": do, **arguments}).encode()
    native: Callable[[bytes], bytes] | None = getattr(guest, "control", None)
    try:
        answer = json.loads(native(request) if native is not None else _through_wasm(guest, request))
    except Trap as trap:
        raise _Stopped(f"its Python stopped: {trap.message}") from None
    if "error" in answer:
        raise UsageError(answer["error"])
    return answer["done"]


def _through_wasm(guest: Guest, request: bytes) -> bytes:
    """Request and reply in the guest's memory; `build/glue` says where."""
    allocate, door = guest.function(_ALLOCATE), guest.function(_DOOR)
    assert allocate is not None
    assert door is not None
    at = allocate(len(request)) or 0
    guest.memory.write(at, request)
    reply = door(at, len(request))
    if not reply:
        raise Trap("it could not answer")
    return guest.memory.read(guest.memory.u32(reply), guest.memory.u32(reply + 4))


class _Nobody:
    """The host of a copy: clocks stand still, and every hostcall is refused."""

    instance: Instance

    def __init__(self, vm: Vm) -> None:
        self.show_times_of(vm)

    def show_times_of(self, vm: Vm) -> None:
        """Take over the clocks of a VM."""
        self._times = (vm.wall_ns(), vm.monotonic_ns())

    def resolve(self, wanted: ImportType) -> Callable[..., int]:
        """The function for an import."""
        if wanted.name == "clock_time_get":
            return self._clock
        refused = int(Status.INTERNAL_FAILURE) if wanted.module == "env" else _NOT_SUPPORTED
        return lambda *_: refused

    def _clock(self, which: int, _precision: int, time: int) -> int:
        self.instance.memory.write_u64(time, self._times[which] if which < len(self._times) else 0)
        return SUCCESS
