"""Calls of the introspection export: questions of a tool to the Python inside a VM, outside the ABI.

The other side is `sdk/dispatch/introspection.py`. A question that runs code of the filter (its `__repr__`) goes to a copy
of the VM, which is thrown away: the VM, the trace, the clocks and the shared state stay as they are, whatever that code
does. A command that changes the VM, such as starting its profiler, goes to the VM itself. A native VM cannot be copied;
there hostcalls outside a callback are refused, and the SDK stops a `__repr__` that does not end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Self

from ...abi import Status
from ...compiler.glue.control import CONTROL, call_control
from ...engine import Guest, Image, ImportType, Instance, Trap
from ...engine.copying import copy_into, copy_of
from ...errors import UsageError

__all__ = ["DEADLINE", "SnapshotInspector", "Target", "call_introspection", "has_introspection", "read_running"]

#: Seconds that a response may take.
DEADLINE = 2.0

_NOCONTROL = "the module was not compiled from Python by this wasmnb, so it has no introspection export"

#: WASI's error numbers.
_SUCCESS, _NOT_SUPPORTED = 0, 58


class _Module(Protocol):
    """The module that a VM runs."""

    @property
    def image(self) -> Any: ...
    @property
    def exports(self) -> Any: ...


class Target(Protocol):
    """A VM as introspection needs it."""

    closed: bool

    @property
    def in_guest(self) -> bool:
        """Whether a call into the guest is running."""
        ...

    @property
    def instance(self) -> Guest:
        """The running instance."""
        ...

    @property
    def loaded(self) -> _Module:
        """The module of the instance."""
        ...

    def wall_ns(self) -> int:
        """Wall clock of the VM in nanoseconds since 1970."""
        ...

    def monotonic_ns(self) -> int:
        """Monotonic clock of the VM in nanoseconds."""
        ...


def has_introspection(vm: Target) -> bool:
    """Return whether the VM answers introspection requests: it runs a Python filter that was compiled by wasmnb."""
    return hasattr(vm.instance, "control") or CONTROL in vm.loaded.exports


def call_introspection(vm: Target, command: str, **arguments: Any) -> Any:
    """Run a command in the VM itself, between two callbacks.

    Parameters
    ----------
    vm
        The VM.
    command
        Name in `sdk.dispatch.introspection.ACTIONS`.
    arguments
        The command's arguments, as JSON can hold them.

    Returns
    -------
    Any
        The command's result.

    Raises
    ------
    UsageError
        The VM doesn't respond. The message is the reason, as the end of a sentence.
    """
    _check(vm)
    return _call(vm.instance, command, arguments)


def read_running(vm: Target, reason: str) -> str:
    """Return a traceback of the Python lines in which a VM was stopped; empty if it has none.

    The call runs on the stack of the stopped one, which is still intact, in the VM itself: it can't be used afterwards.

    Parameters
    ----------
    vm
        A VM that will not be called any more.
    reason
        Last line of the traceback.
    """
    if not isinstance(vm.instance, Instance) or not has_introspection(vm):
        return ""
    vm.instance.deadline = min(vm.instance.deadline, DEADLINE)
    try:
        return str(_call(vm.instance, "running", {"reason": reason}))
    except (UsageError, OSError, ValueError, KeyError, OverflowError):
        return ""


class SnapshotInspector:
    """A context manager that runs commands in copies of VMs, one VM after the other."""

    def __init__(self) -> None:
        self._copies: dict[Image, tuple[Instance, _CopyHost]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for copy, _host in self._copies.values():
            copy.close()
        self._copies.clear()

    def call(self, vm: Target, command: str, **arguments: Any) -> Any:
        """Run a command in a copy of the VM, which itself stays as it is.

        Parameters, result and errors are those of `call_introspection`.
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

    def _copy(self, vm: Target, image: Image, original: Instance) -> Instance:
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
    """The copy has trapped and cannot be called again."""


def _check(vm: Target) -> None:
    if vm.closed or not hasattr(vm, "instance"):
        raise UsageError("it is closed")
    if not has_introspection(vm):
        raise UsageError(_NOCONTROL)
    if vm.in_guest:
        raise UsageError("it is in the middle of a callback")


def _call(guest: Guest, command: str, arguments: dict[str, Any]) -> Any:
    try:
        response = call_control(guest, command, arguments)
    except Trap as trap:
        raise _Trapped(f"its Python stopped: {trap.message}") from None
    if "error" in response:
        raise UsageError(response["error"])
    return response["done"]


class _CopyHost:
    """The host of a copy: its clocks don't advance, and it refuses every hostcall."""

    instance: Instance

    def __init__(self, vm: Target) -> None:
        self.set_clocks(vm)

    def set_clocks(self, vm: Target) -> None:
        """Stop the clocks at the VM's time."""
        self._times = (vm.wall_ns(), vm.monotonic_ns())

    def resolve(self, import_type: ImportType) -> Callable[..., int]:
        """Return the function for an import."""
        if import_type.name == "clock_time_get":
            return self._clock
        refusal = int(Status.INTERNAL_FAILURE) if import_type.module == "env" else _NOT_SUPPORTED
        return lambda *_: refusal

    def _clock(self, which: int, _precision: int, time: int) -> int:
        self.instance.memory.write_u64(time, self._times[which] if which < len(self._times) else 0)
        return _SUCCESS
