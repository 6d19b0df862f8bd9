"""Calls into the guest. Each call sets the contexts, adds a trace record, handles traps, and runs deferred work afterwards.

In Envoy 1.40, when the guest sends a local response, or continues or closes a stream, these operations take effect in order
after the callback has returned, before its result is used. No other call enters the guest in the meantime. After a trap, no
callback runs in the VM again.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ...abi import LogLevel
from ...compiler.dependencies.portable_names import with_original_names
from ...engine import Trap
from ..inspect.introspection import read_running
from ..trace.records import BEGAN, ENDED, HOST_NS, RESULT
from .failure import RestrictedCallback, envoy_text
from .fuel import counted

if TYPE_CHECKING:
    from ..contexts.base import Context
    from ..trace.records import CallbackSchema
    from .vm import Vm

__all__ = ["Invoke", "close_record", "make_entry", "open_record"]

#: Result of a callback that has sent a local response, which replaces the result. This number isn't one of the ABI's statuses.
_LOCAL_REPLY_SENT = 255

#: Function that calls an export of the guest. Its first argument is the context.
Invoke = Callable[..., "int | None"]


def make_entry(vm: Vm, name: str, schema: CallbackSchema, function: Callable[..., int | None]) -> Invoke:
    """Create the function through which the host calls an export of the guest.

    Parameters
    ----------
    name
        Name of the export, for the log.
    schema
        Schema of the call's trace record.
    function
        The export.

    Returns
    -------
    Invoke
        A function that accepts the context of the call and the arguments of the export. It returns the export's result, or
        None if the export traps.
    """
    trace, thread, entry = vm.trace, vm.thread, vm.entry
    append, number, clock = trace.append, trace.next, perf_counter_ns
    fixed = vm.server.guest_time
    if vm.native:
        function = _excuse_debugging(vm, function)
    elif vm.server.engine.fuel:
        function = counted(vm, name, function)

    def invoke(context: Context, *args: int) -> int | None:
        entry.current = entry.effective = context
        entry.record = record = [  # as in `open_record`, but without the cost of a call
            number(), schema, context.ref, args, thread.time, clock(), 0, 0, None, thread.name, entry.exchange,
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
        entry.record = None
        if entry.local_reply_sent:
            entry.local_reply_sent = False
            result = _LOCAL_REPLY_SENT
        if entry.deferred and (vm.failure is None or context.info is None):
            entry.run_deferred()
        return result

    return invoke


def open_record(vm: Vm, schema: CallbackSchema, context: Context, args: tuple[int, ...]) -> list[Any]:
    """Begin the trace record of a call into the guest, so that hostcalls can be recorded."""
    thread, trace = vm.thread, vm.trace
    record = [
        trace.next(), schema, context.ref, args, thread.time, perf_counter_ns(), 0, 0, None, thread.name, vm.entry.exchange,
    ]  # fmt: skip
    trace.append(record)
    vm.entry.record = record
    return record


def close_record(vm: Vm, record: list[Any], result: int | None) -> None:
    """Complete a trace record, and advance the thread's time by the time spent in the guest."""
    ended = perf_counter_ns()
    record[ENDED], record[RESULT] = ended, result
    fixed = vm.server.guest_time
    vm.thread.time += (ended - record[BEGAN] - record[HOST_NS]) * 1e-9 if fixed is None else fixed
    vm.entry.record = None


#: Last line of the traceback of a filter that trapped without an exception.
_STOPPED_ITSELF = "RuntimeError: the module aborted, because it ran out of memory or would wait for a lock forever"


def _trapped(vm: Vm, record: list[Any], name: str, trap: Trap) -> None:
    cause = trap.__cause__
    vm.fail(record, name, envoy_text(trap), trap.kind, trap.backtrace)
    if vm.failure is not None:
        vm.failure.exception = trap.raised
        if vm.failure.timed_out:
            _add_running_lines(vm, f"TimeoutError: {trap.message}")
        elif trap.kind == "unreachable" and not vm.failure.injected:
            _add_running_lines(vm, _STOPPED_ITSELF)
        if isinstance(cause, RestrictedCallback):
            vm.failure.message += f" ({cause})"


def _add_running_lines(vm: Vm, reason: str) -> None:
    """Add the Python lines at which a callback was stopped to the failure and to the log."""
    failure = vm.failure
    if failure is None or failure.traceback:
        return
    lines = read_running(vm, reason)
    failure.traceback = with_original_names(lines, vm.loaded.file_names)
    if lines:
        vm.write_log(LogLevel.CRITICAL, lines.encode("utf-8", "replace"))


def _interrupted(vm: Vm, record: list[Any], name: str, error: BaseException) -> None:
    """Mark a VM as failed because the user or an error of the host has interrupted its guest."""
    vm.fail(record, name, f"stopped: {type(error).__name__}", "interrupt")
    if isinstance(error, KeyboardInterrupt):
        _add_running_lines(vm, "KeyboardInterrupt: the callback was interrupted")
        if vm.failure is not None and vm.failure.traceback:
            error.add_note(f"The filter was interrupted here:\n{vm.failure.traceback}")
    close_record(vm, record, None)
    vm.entry.deferred.clear()
    vm.entry.local_reply_sent = False


def _excuse_debugging(vm: Vm, function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Wrap a native callback so that it takes no virtual time if it exceeds the deadline.

    A Wasm callback is stopped at the deadline. A native callback isn't stopped, because it may be paused in a debugger. If the
    time in the debugger counted on the virtual clock, all timeouts would expire when the callback continues.
    """
    longest = int(vm.server.deadline * 1e9)
    entry = vm.entry

    def call(*args: int) -> int | None:
        began = perf_counter_ns()
        try:
            return function(*args)
        finally:
            took = perf_counter_ns() - began
            if took > longest and entry.record is not None:
                entry.record[HOST_NS] = took  # time of the host doesn't count

    return call
