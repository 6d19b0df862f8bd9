"""Calls to the introspection export, with which tools query the Python state inside a VM. This export isn't part of the ABI.

The guest's side is in `sdk/dispatch/introspection.py`. A query that runs code of the filter (its `__repr__`) is made in a copy
of the VM, which is dropped afterwards, so that the VM, the trace, the clocks and the shared state don't change. A command that
changes the VM, such as starting its profiler, is run in the VM itself. Native VMs can't be copied. In a native VM, hostcalls
outside a callback are rejected, and the SDK stops a `__repr__` that runs for too long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

from ...abi import Status
from ...compiler.glue.introspection import INTROSPECTION, introspect
from ...engine import Guest, Image, ImportType, Instance, Trap
from ...engine.copying import copy_into, copy_of
from ...errors import UsageError

__all__ = ["DEADLINE", "IntrospectedVm", "SnapshotInspector", "call_introspection", "has_introspection", "read_running"]

#: Seconds after which a call to the export is stopped.
DEADLINE = 2.0

_NO_EXPORT = "the module was not compiled from Python by this wasmnb, so it has no introspection export"

#: Error numbers of WASI that the host of a copy returns.
_SUCCESS, _NOT_SUPPORTED = 0, 58


class _Module(Protocol):
    """The loaded module of a VM, with its image and exports."""

    @property
    def image(self) -> Any: ...
    @property
    def exports(self) -> Any: ...


class IntrospectedVm(Protocol):
    """The attributes of a VM that introspection uses."""

    closed: bool

    @property
    def in_guest(self) -> bool:
        """Whether the VM is running a callback or another call."""
        ...

    @property
    def instance(self) -> Guest:
        """The instance of the module."""
        ...

    @property
    def loaded(self) -> _Module:
        """The loaded module from which `instance` was created."""
        ...

    def wall_ns(self) -> int:
        """Return the VM's wall-clock time in nanoseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """Return the VM's monotonic time in nanoseconds."""
        ...


def has_introspection(vm: IntrospectedVm) -> bool:
    """Return whether the VM has the introspection export, which only Python filters compiled by wasmnb have."""
    return hasattr(vm.instance, "introspect") or INTROSPECTION in vm.loaded.exports


def call_introspection(vm: IntrospectedVm, command: str, **arguments: Any) -> Any:
    """Run a command in the VM itself, between two callbacks.

    Parameters
    ----------
    vm
        The VM.
    command
        Name of the command, one of `sdk.dispatch.introspection.ACTIONS`.
    arguments
        Arguments of the command, as values that can be written as JSON.

    Returns
    -------
    Any
        Result of the command.

    Raises
    ------
    UsageError
        The command can't run. The message is the reason, in lower case and without a full stop, for use in a sentence.
    """
    _check(vm)
    return _call(vm.instance, command, arguments)


def read_running(vm: IntrospectedVm, reason: str) -> str:
    """Return the traceback of the Python code that was running when a VM was stopped, or an empty string.

    The call is made in the VM itself, while the stack of the stopped call is still intact. The VM can't be used afterwards.

    Parameters
    ----------
    vm
        A VM that has been stopped and won't be called again.
    reason
        Last line of the traceback.
    """
    if not isinstance(vm.instance, Instance) or not has_introspection(vm):
        return ""
    vm.instance.deadline = min(vm.instance.deadline, DEADLINE)
    try:
        return str(_call(vm.instance, "running", {"reason": reason})["traceback"])
    except (UsageError, OSError, ValueError, KeyError, TypeError, OverflowError):
        return ""


class SnapshotInspector:
    """Context manager that runs commands in copies of VMs, one VM after the other."""

    def __init__(self) -> None:
        self._copies: dict[Image, tuple[Instance, _CopyHost]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for copy, _host in self._copies.values():
            copy.close()
        self._copies.clear()

    def call(self, vm: IntrospectedVm, command: str, **arguments: Any) -> Any:
        """Run a command in a copy of the VM, so that the VM itself doesn't change.

        The parameters, the result and the errors are those of `call_introspection`.
        """
        _check(vm)
        original, image = vm.instance, vm.loaded.image
        if not (isinstance(original, Instance) and isinstance(image, Image)):
            return _call(original, command, arguments)
        copy = self._copy(vm, image, original)
        try:
            return _call(copy, command, arguments)
        except _Trapped:
            self._drop(image)
            raise

    def _copy(self, vm: IntrospectedVm, image: Image, original: Instance) -> Instance:
        if image in self._copies:
            copy, host = self._copies[image]
            host.set_clocks(vm)
            if copy_into(copy, original):
                return copy
            self._drop(image)
        host = _CopyHost(vm)
        host.instance = copy_of(image, original, host.resolve, deadline=DEADLINE)
        self._copies[image] = (host.instance, host)
        return host.instance

    def _drop(self, image: Image) -> None:
        self._copies.pop(image)[0].close()


class _Trapped(UsageError):
    """Error raised when the copy of a VM traps. The copy can't be called again."""


def _check(vm: IntrospectedVm) -> None:
    if vm.closed or not hasattr(vm, "instance"):
        raise UsageError("it is closed")
    if not has_introspection(vm):
        raise UsageError(_NO_EXPORT)
    if vm.in_guest:
        raise UsageError("one of its callbacks is running")


def _call(guest: Guest, command: str, arguments: dict[str, Any]) -> Any:
    try:
        response = introspect(guest, command, arguments)
    except Trap as trap:
        raise _Trapped(f"its Python interpreter trapped: {trap.message}") from None
    if "error" in response:
        raise UsageError(response["error"])
    return response["done"]


class _CopyHost:
    """Host of a copied VM. Its clocks don't advance, and every hostcall returns an error."""

    instance: Instance

    def __init__(self, vm: IntrospectedVm) -> None:
        self.set_clocks(vm)

    def set_clocks(self, vm: IntrospectedVm) -> None:
        """Stop the copy's clocks at the VM's current time."""
        self._times = (vm.wall_ns(), vm.monotonic_ns())

    def resolve(self, import_type: ImportType) -> Callable[..., int]:
        """Return the function for an import of the copy."""
        if import_type.name == "clock_time_get":
            return self._clock
        refusal = int(Status.INTERNAL_FAILURE) if import_type.module == "env" else _NOT_SUPPORTED
        return lambda *_: refusal

    def _clock(self, which: int, _precision: int, time: int) -> int:
        self.instance.memory.write_u64(time, self._times[which] if which < len(self._times) else 0)
        return _SUCCESS
