"""A VM, which is one instance of a module on one thread, with its contexts and callbacks.

VMs are created in `instantiate`. Calls into the guest are wrapped in `callback_entry`.
"""

from __future__ import annotations

import math
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ...abi import AbiVersion, LogLevel
from ...compiler.dependencies.portable_names import with_original_names
from ...engine import Guest
from ..contexts.base import Context, VmContext
from ..shared_state.metrics import MetricTable
from ..trace.log import LogLine
from ..trace.records import BEGAN, EXCHANGE, HOST_NS, TIME
from .failure import Failure
from .guest_memory import GuestMemory
from .module_check import LoadableModule
from .settings import VmSettings
from .state import CalloutTokens, ContextTable, EntryState, GuestBuffers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..clock import Clock, Thread
    from ..server_context import ServerContext
    from ..trace.trace import Trace

    #: Function that calls an export of the guest. Its first argument is the context.
    Invoke = Callable[..., int | None]

__all__ = ["Vm"]

#: Maximum size in bytes of one log line.
_LONGEST_LINE = 1 << 16

#: Maximum size in bytes of a traceback.
_LONGEST_TRACEBACK = 1 << 20

_RUNTIME = "wasm.envoy.wasm.runtime.v8."
#: Nanoseconds on the monotonic clock when virtual time begins, and between two readings at the same virtual time.
_UPTIME, _CLOCK_STEP = 10**9, 1000

_VM_COUNT = "wasm.wasm_vm_count"


class Vm:
    """One instance of a module on one thread.

    Parameters
    ----------
    server
        State shared by all VMs of the proxy.
    loaded
        The module, which has been checked.
    settings
        Settings of the VM from Envoy's `vm_config`.
    thread
        The thread on which the VM runs.
    role
        Purpose for which Envoy has created the VM: `base`, `canary`, `main` or `worker`.

    Attributes
    ----------
    number
        Number of the VM. The proxy numbers its VMs from 1, in the order of their creation.
    vm_context, contexts
        Context 0, and all contexts by id.
    entry
        The running call into the guest.
    callbacks
        Callbacks by short name, as functions that accept `(context, *args)`. None for callbacks that the module doesn't
        export.
    on_context_create
        The callback with this name, or a function that does nothing if the module doesn't export the callback.
    guest, buffers
        The guest's memory, and the buffers of the running callback.
    instance
        The instance of the module. The attribute doesn't exist before the module is linked.
    failure
        Failure of the VM, or None. The first trap sets it.
    profiled
        Whether a profiler in the guest reads fuel.
    armed
        Short names of the callbacks that will trap because of `inject_trap`.
    redis_clients
        Redis clients by cluster name, for modules that call Redis.
    """

    instance: Guest
    on_context_create: Invoke

    def __init__(
        self, server: ServerContext, loaded: LoadableModule, settings: VmSettings, thread: Thread, role: str
    ) -> None:
        self.server, self.loaded, self.settings = server, loaded, settings
        self.thread, self.role, self.number = thread, role, server.new_vm_number()
        self.vm_context: Context = VmContext(self)
        self.contexts = ContextTable({0: self.vm_context})
        self.tokens = CalloutTokens()
        self.entry = EntryState(self.vm_context, math.inf if loaded.image.native else server.deadline)
        self.buffers = GuestBuffers()
        self.guest = GuestMemory()
        self.metrics = MetricTable(server.metrics)
        self.callbacks: dict[str, Invoke | None] = {}
        self.closed = self.profiled = False
        self.armed: tuple[str, ...] = ()
        self.failure: Failure | None = None
        self.redis_clients: dict[bytes, Any] = {}
        self._monotonic = 0

        server.shared.hold(settings.vm_id)
        server.metrics.count(_RUNTIME + "created")
        server.metrics.count(_RUNTIME + "active")
        server.metrics.count(_VM_COUNT)
        self.note("created", role=role)

    # -- calls into the guest -----------------------------------------------------------------------------------

    def notify(self, invoke: Invoke | None, context: Context, *args: int) -> None:
        """Call an export and ignore its result. If the export is missing or the VM has failed, do nothing."""
        if invoke is not None and self.failure is None:
            invoke(context, *args)

    def query(self, invoke: Invoke | None, context: Context, *args: int) -> bool:
        """Call an export that returns a boolean.

        Returns
        -------
        bool
            The result of the export. True if the export is missing, False if it traps or the VM has already failed.
        """
        return self.failure is None and self.query_anyway(invoke, context, *args)

    def query_anyway(self, invoke: Invoke | None, context: Context, *args: int) -> bool:
        """Call an export that returns a boolean, as `query` does, even if the VM has already failed."""
        if invoke is None:
            return True
        result = invoke(context, *args)
        return result is not None and result != 0

    # -- time, log and trace --------------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The proxy's clock."""
        return self.server.clock

    @property
    def trace(self) -> Trace:
        """The proxy's trace."""
        return self.server.trace

    def now(self) -> float:
        """Return the virtual time in seconds as the guest sees it during a callback.

        The time never goes back. Without this guarantee, it could go back at the end of a slow hostcall, when the duration of
        the hostcall is subtracted.
        """
        record = self.entry.record
        if record is None or self.server.guest_time is not None:
            return self.thread.time
        time = float(record[TIME]) + (perf_counter_ns() - int(record[BEGAN]) - int(record[HOST_NS])) * 1e-9
        self.thread.seen = max(self.thread.seen, time)
        return self.thread.seen

    def wall_ns(self) -> int:
        """Return the simulated wall-clock time in nanoseconds since 1970."""
        return int((self.clock.start + self.now()) * 1e9)

    def monotonic_ns(self) -> int:
        """Return the monotonic time in nanoseconds. It is never 0, and increases with each call even if callbacks take no time.

        With frozen time, it is equal to the wall-clock time.
        """
        if self.server.frozen:
            return self.wall_ns()
        self._monotonic = max(_UPTIME + int(self.now() * 1e9), self._monotonic + _CLOCK_STEP)
        return self._monotonic

    def note(self, name: str, **args: Any) -> None:
        """Add an event about this VM to the trace."""
        self.trace.note("vm", name, args, time=self.clock.time(), thread=self.thread.name, vm=self.number)

    def write_log(self, level: int, message: bytes) -> None:
        """Write a line of the filter to the proxy's log.

        The last critical line is also stored in `entry`, because the SDK logs a traceback at this level before it traps. The
        last warning may be the reason why a plugin refuses to start.

        Parameters
        ----------
        level
            A `LogLevel`. Lines below the log's level are dropped.
        message
            The text as UTF-8. Text after the first 64 KiB is dropped.
        """
        entry = self.entry
        if level >= LogLevel.WARN:
            entry.last_warning = message[:_LONGEST_LINE]
            if level == LogLevel.CRITICAL:
                entry.last_critical = (entry.record, self._text(message[:_LONGEST_TRACEBACK]))
        log = self.server.log
        if level < log.level:
            return
        context = entry.effective
        text = self._text(message[:_LONGEST_LINE])
        exchange = context.exchange if context.exchange is not None else entry.record[EXCHANGE]
        log.add(
            LogLine(
                self.now(), LogLevel(level), text, self.thread.name, self.number, context.id, exchange, context.prefix,
                root=context.root.id,
            )
        )  # fmt: skip

    def _text(self, message: bytes) -> str:
        """Decode a filter's message, and replace the module's file names with the original ones."""
        return with_original_names(message.decode("utf-8", "replace"), self.loaded.file_names)

    def log_denied(self, name: str, family: str) -> None:
        """Log a call to an import that the configuration doesn't allow.

        Parameters
        ----------
        family
            Kind of import: `proxy-wasm` or `WASI`.
        """
        text = f"Attempted call to restricted {family} capability: {name}"
        self.server.write_log(LogLevel.ERROR, text, self.thread, vm=self.number, exchange=self.entry.effective.exchange)

    def fail(self, record: list[Any], callback: str, message: str, kind: str, backtrace: str = "") -> None:
        """Mark the VM as failed, and log the failure as Envoy does.

        Parameters
        ----------
        record
            Trace record of the call that failed.
        callback
            Name of the export that was running.
        message, kind, backtrace
            Text and kind of the failure, as in `Failure`, and its Wasm frames (default none).
        """
        entry = self.entry
        context = entry.current
        exchange = context.exchange if context.exchange is not None else record[EXCHANGE]
        last_record, line = entry.last_critical
        if self.failure is None:
            traceback = line if last_record is record else ""
            cause_record, cause = entry.cause
            if traceback and cause_record is record:
                traceback = f"{traceback}\n{cause}"
            self.failure = Failure(
                callback, context.id, exchange, message, kind, traceback, backtrace, thread=self.thread.name,
                injected=callback.removeprefix("proxy_") in self.armed,
            )  # fmt: skip
        text = f"Function: {callback} failed: {message}"
        if backtrace:
            frames = "\n".join(f"  {frame}" for frame in backtrace.splitlines())
            text += f"\nProxy-Wasm plugin in-VM backtrace:\n{frames}"
        self.server.write_log(
            LogLevel.ERROR, text, self.thread, time=self.now(), exchange=exchange, vm=self.number, context=context.id
        )
        self.note("failed", callback=callback, message=message)

    # -- state and end --------------------------------------------------------------------------------------------

    @property
    def abi(self) -> AbiVersion:
        """The ABI version that the module declares."""
        return self.loaded.abi

    @property
    def failed(self) -> bool:
        """Whether the VM has failed, so that it runs no more callbacks."""
        return self.failure is not None

    @property
    def last_warning(self) -> str:
        """The filter's last log line at level WARN or above since its plugin began to start, whatever the log's level is."""
        return self._text(self.entry.last_warning)

    @property
    def armed_text(self) -> str:
        """Description of the callbacks that will trap because of `inject_trap`, for views."""
        return f"the next {self.armed[0] if len(self.armed) == 1 else 'callback'} traps"

    @property
    def in_guest(self) -> bool:
        """Whether a call into the guest is running."""
        return self.entry.record is not None

    @property
    def native(self) -> bool:
        """Whether the filter runs natively, outside Wasm."""
        return self.loaded.image.native

    @property
    def memory_size(self) -> int:
        """Size of the linear memory in bytes, or 0 if the VM is closed."""
        return 0 if self.closed or not hasattr(self, "instance") else self.instance.memory.refresh()

    @property
    def state(self) -> str:
        """State of the VM: `running`, `failed`, `closed`, or `template` for the base VM."""
        if self.failed:
            return "failed"
        if self.closed:
            return "closed"
        return "template" if self.role == "base" else "running"

    def close(self) -> None:
        """Free the instance without running callbacks."""
        if self.closed:
            return
        self.closed = True
        for context in list(self.contexts.values()):
            context.forget()
        self.contexts.clear()
        self.guest.detach()
        if hasattr(self, "instance"):
            self.instance.close()
        self.server.shared.release(self.settings.vm_id)
        self.server.metrics.count(_RUNTIME + "active", -1)
        self.server.metrics.count(_VM_COUNT, -1)
        self.note("closed")

    def __repr__(self) -> str:
        return f"<VM{self.number} {self.role} on {self.thread.name}, {self.state}>"
