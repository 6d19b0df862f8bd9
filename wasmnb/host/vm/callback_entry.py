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
from ..trace.records import BEGAN, ENDED, HOST_NS, RESULT
from .failure import fail, words_of
from .fuel import counted
from .hostcall_stubs import RestrictedCallback
from .native_calls import unhurried

if TYPE_CHECKING:
    from ..contexts.base import Context
    from ..trace.records import CallbackSchema
    from .vm import Vm

__all__ = ["Invoke", "close_record", "entrance", "open_record"]

#: What a callback's result becomes when a local response was sent in it: too large for any status, so that all mean "stop".
_STOPPED = 255

#: An export of the guest as the host calls it, with the context first.
Invoke = Callable[..., "int | None"]


def entrance(vm: Vm, name: str, schema: CallbackSchema, function: Callable[..., int | None]) -> Invoke:
    """What the host calls to have an export run.

    Parameters
    ----------
    name
        The export's name, for the log.
    schema
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
    fixed = vm.server.guest_time
    if vm.native:
        function = unhurried(vm, function)
    elif vm.server.engine.fuel:
        function = counted(vm, function)

    def invoke(context: Context, *args: int) -> int | None:
        vm.current = vm.effective = context
        vm.record = record = [  # as `open_record` makes it, without the cost of a call
            number(), schema, context.ref, args, thread.time, clock(), 0, 0, None, thread.name, vm.exchange,
        ]  # fmt: skip
        append(record)
        try:
            result = function(*args)
        except Trap as trap:
            result = None
            _trapped(vm, record, name, trap)
        except BaseException as error:
            _interrupted(vm, record, name, error)
            raise
        record[ENDED] = ended = clock()
        record[RESULT] = result
        thread.time += (ended - record[BEGAN] - record[HOST_NS]) * 1e-9 if fixed is None else fixed  # type: ignore[operator]
        vm.record = None
        if vm.local_reply_sent:
            vm.local_reply_sent = False
            result = _STOPPED
        if vm.deferred and not (vm.failed and context.info is not None):
            vm.run_deferred()
        return result

    return invoke


def open_record(vm: Vm, schema: CallbackSchema, context: Context, args: tuple[int, ...]) -> list[Any]:
    """Begin the trace's record of an schema, in which hostcalls may be made."""
    thread = vm.thread
    record = [
        vm.trace.next(), schema, context.ref, args, thread.time, perf_counter_ns(), 0, 0, None, thread.name, vm.exchange,
    ]  # fmt: skip
    vm.trace.append(record)
    vm.record = record
    return record


def close_record(vm: Vm, record: list[Any], result: int | None) -> None:
    """End it: the thread's time moves on by what the guest took."""
    ended = perf_counter_ns()
    record[ENDED], record[RESULT] = ended, result
    fixed = vm.server.guest_time
    vm.thread.time += (ended - record[BEGAN] - record[HOST_NS]) * 1e-9 if fixed is None else fixed
    vm.record = None


def _trapped(vm: Vm, record: list[Any], name: str, trap: Trap) -> None:
    cause = trap.__cause__
    fail(vm, record, name, words_of(trap), trap.backtrace)
    if vm.failure is not None:
        vm.failure.exception = trap.raised
        if isinstance(cause, RestrictedCallback):
            vm.failure.message += f" ({cause})"


def _interrupted(vm: Vm, record: list[Any], name: str, error: BaseException) -> None:
    """The interrupt button, or a fault of the host: the guest was left in mid-flight and cannot go on."""
    fail(vm, record, name, f"stopped: {type(error).__name__}", "")
    close_record(vm, record, None)
    vm.deferred.clear()
    vm.local_reply_sent = False
