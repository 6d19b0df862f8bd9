"""Entering the guest: one record in the trace, contexts set, traps caught, and what was put off done.

Facts (Envoy 1.40): local responses, continuing and closing that the guest asks for are queued and done in order when the
callback has returned, before its result is looked at; so the guest is never entered twice. After a trap no callback of
any kind runs in the VM again.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ...engine import Trap
from .failure import fail, words_of
from .fuel import counted
from .hostcall_stubs import RestrictedCallback
from .native_calls import unhurried

if TYPE_CHECKING:
    from ..contexts.base import Context
    from ..trace.records import Entry
    from .vm import Vm

__all__ = ["Invoke", "close_frame", "entrance", "open_frame"]

#: What a callback's result becomes when a local response was sent in it: too large for any status, so that all mean "stop".
_STOPPED = 255

#: An export of the guest as the host calls it, with the context first.
Invoke = Callable[..., "int | None"]


def entrance(vm: Vm, name: str, entry: Entry, function: Callable[..., int | None]) -> Invoke:
    """What the host calls to have an export run.

    Parameters
    ----------
    name
        The export's name, for the log.
    entry
        What the trace says of it.
    function
        The export.

    Returns
    -------
    Invoke
        Takes the context that the call is for, then the export's own arguments; gives its result, or None after a trap.
    """
    trace, thread = vm.trace, vm.thread
    append, number, clock = trace.append, trace.next, perf_counter_ns
    fixed = vm.environment.guest_time
    if vm.native:
        function = unhurried(vm, function)
    elif vm.environment.engine.fuel:
        function = counted(vm, function)

    def invoke(context: Context, *args: int) -> int | None:
        vm.current = vm.effective = context
        vm.frame = frame = [  # as `open_frame` makes it, without the cost of a call
            number(), entry, context.place, args, thread.time, clock(), 0, 0, None, thread.name, vm.about,
        ]  # fmt: skip
        append(frame)
        try:
            result = function(*args)
        except Trap as trap:
            result = None
            _trapped(vm, frame, name, trap)
        except BaseException as error:
            _interrupted(vm, frame, name, error)
            raise
        frame[6] = ended = clock()
        frame[8] = result
        thread.time += (ended - frame[5] - frame[7]) * 1e-9 if fixed is None else fixed  # type: ignore[operator]
        vm.frame = None
        if vm.stop_next:
            vm.stop_next = False
            result = _STOPPED
        if vm.deferred and not (vm.failed and context.info is not None):
            vm.run_deferred()
        return result

    return invoke


def open_frame(vm: Vm, entry: Entry, context: Context, args: tuple[int, ...]) -> list[Any]:
    """Begin the trace's record of an entry, in which hostcalls may be made."""
    thread = vm.thread
    frame = [
        vm.trace.next(), entry, context.place, args, thread.time, perf_counter_ns(), 0, 0, None, thread.name, vm.about,
    ]  # fmt: skip
    vm.trace.append(frame)
    vm.frame = frame
    return frame


def close_frame(vm: Vm, frame: list[Any], result: int | None) -> None:
    """End it: the thread's time moves on by what the guest took."""
    ended = perf_counter_ns()
    frame[6], frame[8] = ended, result
    fixed = vm.environment.guest_time
    vm.thread.time += (ended - frame[5] - frame[7]) * 1e-9 if fixed is None else fixed
    vm.frame = None


def _trapped(vm: Vm, frame: list[Any], name: str, trap: Trap) -> None:
    cause = trap.__cause__
    fail(vm, frame, name, words_of(trap), trap.backtrace)
    if vm.failure is not None:
        vm.failure.exception = trap.raised
        if isinstance(cause, RestrictedCallback):
            vm.failure.message += f" ({cause})"


def _interrupted(vm: Vm, frame: list[Any], name: str, error: BaseException) -> None:
    """The interrupt button, or a fault of the host: the guest was left in mid-flight and cannot go on."""
    fail(vm, frame, name, f"stopped: {type(error).__name__}", "")
    close_frame(vm, frame, None)
    vm.deferred.clear()
    vm.stop_next = False
