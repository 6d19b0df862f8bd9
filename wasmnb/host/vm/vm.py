"""A VM: one instance of a module on one thread, with its contexts, its callbacks and what they have put off.

How it comes to life is in `starting`, what happens around every call into it in `entering`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ...abi import LogLevel
from ...engine import Guest
from ..contexts.base import Context, VmContext
from ..state.metrics import MetricTable
from ..trace.records import BEGAN, HOST_NS, TIME
from .callback_entry import Invoke
from .failure import Failure
from .guest_memory import GuestMemory
from .hostcall_stubs import RestrictedCallback
from .imports import IN_ALLOCATOR
from .instantiate import instantiate, run_entry_points
from .module_check import Loaded
from .wasi import make_wasi

if TYPE_CHECKING:
    from ..clock import Thread
    from ..server_context import ServerContext

__all__ = ["Vm", "VmSettings"]

_RUNTIME = "wasm.envoy.wasm.runtime.v8."


@dataclass(frozen=True)
class VmSettings:
    """What distinguishes VMs of one module, as `vm_config` says it."""

    vm_id: bytes = b""
    configuration: bytes = b""
    variables: tuple[tuple[str, str], ...] = ()
    allowed: frozenset[str] = frozenset()


class Vm:
    """One VM.

    Parameters
    ----------
    server
        What all VMs of the proxy share.
    loaded
        The module.
    settings
        Its part of `vm_config`.
    thread
        Where it runs.
    role
        `base`, `canary`, `main` or `worker`: what Envoy made it for.

    Attributes
    ----------
    number
        From 1, in the order in which the proxy's VMs are made.
    contexts
        By id; 0 is the VM itself.
    callbacks
        Short name -> function of `(context, *args)`, or None if the module does not export it.
    on_context_create
        That callback, or what does nothing.
    current, effective
        Context that the running callback is for, and the one that its hostcalls act on.
    record
        Trace record of the running entry.
    exchange
        Exchange that the next entries belong to although their context is a root (callout answers).
    deferred
        What is done when the running callback has returned.
    local_reply_sent
        A local response was asked for in the running callback.
    restricted, phase
        The only imports that may be called now, or None for all, and during what.
    plugin_configuration, call_data
        What the guest finds in these buffers: set around the callbacks that may read them.
    failed, failure
        Set by the first trap.
    last_critical
        The filter's last critical line, and the entry in which it was written.
    profiled
        A profiler inside reads fuel.

    Raises
    ------
    ModuleError
        Envoy would not link the module.
    """

    instance: Guest
    on_context_create: Invoke

    def __init__(self, server: ServerContext, loaded: Loaded, settings: VmSettings, thread: Thread, role: str) -> None:
        self.server, self.clock, self.trace = server, server.clock, server.trace
        self.loaded, self.abi = loaded, loaded.abi
        self.thread, self.role, self.number = thread, role, server.new_vm_number()
        self.vm_id, self.configuration = settings.vm_id, settings.configuration
        self.variables, self.allowed = dict(settings.variables), settings.allowed
        self.plugin_configuration: bytes | None = None
        self.call_data = b""
        self.metrics = MetricTable(server.metrics)
        self.guest = GuestMemory()
        self.wasi = make_wasi(self)
        self.callbacks: dict[str, Invoke | None] = {}

        self.zero: Context = VmContext(self)
        self.contexts: dict[int, Context] = {0: self.zero}
        self._ids = 0
        self._tokens = {0: 0, 1: 1, 2: 2}  # http calls 4, 8, ...; grpc calls 5, 9, ...; grpc streams 6, 10, ...

        self.current: Context = self.zero
        self.effective: Context = self.zero
        self.record: Any = None
        self.exchange: int | None = None
        self.deferred: deque[Callable[[], None]] = deque()
        self.local_reply_sent = False
        self.restricted: frozenset[str] | None = None
        self.phase = ""

        self.failed = self.closed = self.profiled = False
        self.failure: Failure | None = None
        self.last_critical: tuple[Any, str] = (None, "")

        server.shared.hold(self.vm_id)
        server.metrics.count(_RUNTIME + "created")
        server.metrics.count(_RUNTIME + "active")
        self.note("created", role=role)
        instantiate(self)

    def initialize(self) -> bool:
        """Run the entry points; False if one trapped."""
        return run_entry_points(self)

    # -- calls into the guest -----------------------------------------------------------------------------------

    def notify(self, invoke: Invoke | None, context: Context, *args: int) -> None:
        """Make a call whose result does not matter, if the module exports it and the VM is sound."""
        if invoke is not None and not self.failed:
            invoke(context, *args)

    def query(self, invoke: Invoke | None, context: Context, *args: int) -> bool:
        """Make a call that says yes or no. A missing export says yes, a failed VM no."""
        if self.failed:
            return False
        if invoke is None:
            return True
        result = invoke(context, *args)
        return result != 0 and not self.failed

    def after_call(self, action: Callable[[], None]) -> None:
        """Have something done when the running callback has returned; at once if none is running."""
        self.deferred.append(action)
        if self.record is None:
            self.run_deferred()

    def run_deferred(self) -> None:
        """Do what was put off, in order; what comes up meanwhile is done, too."""
        while self.deferred:
            self.deferred.popleft()()

    def new_context_id(self) -> int:
        """The next id."""
        self._ids += 1
        return self._ids

    def new_token(self, kind: int) -> int:
        """The next token of a kind: 0 HTTP call, 1 gRPC call, 2 gRPC stream."""
        self._tokens[kind] += 4
        return self._tokens[kind]

    # -- failure ------------------------------------------------------------------------------------------------

    def restrict(self, name: str) -> None:
        """Raise if this import may not be called now."""
        if self.restricted is not None and name not in self.restricted:
            moment = "the allocator" if self.restricted is IN_ALLOCATOR else self.phase
            raise RestrictedCallback(name, moment)

    def refuse(self, name: str, family: str) -> None:
        """Say that the configuration does not allow a call."""
        text = f"Attempted call to restricted {family} capability: {name}"
        self.server.say(LogLevel.ERROR, text, self.thread, vm=self.number, exchange=self.effective.exchange)

    # -- what hostcalls use ---------------------------------------------------------------------------------------

    def now(self) -> float:
        """Virtual seconds as the guest sees them in mid-callback."""
        record = self.record
        if record is None or self.server.guest_time is not None:
            return self.thread.time
        return float(record[TIME]) + (perf_counter_ns() - int(record[BEGAN]) - int(record[HOST_NS])) * 1e-9

    def wall_ns(self) -> int:
        """Wall clock, nanoseconds since 1970."""
        return int((self.clock.start + self.now()) * 1e9)

    def monotonic_ns(self) -> int:
        """Monotonic clock, nanoseconds."""
        return int(self.now() * 1e9)

    # -- end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Free the instance; no callback runs."""
        if self.closed:
            return
        self.closed = True
        for context in list(self.contexts.values()):
            forget = getattr(context, "forget", None)
            if forget is not None:
                forget()
        self.contexts.clear()
        self.guest.detach()
        if hasattr(self, "instance"):
            self.instance.close()
        self.server.shared.release(self.vm_id)
        self.server.metrics.count(_RUNTIME + "active", -1)
        self.note("closed")

    @property
    def native(self) -> bool:
        """Whether the filter runs outside Wasm."""
        return self.loaded.image.native

    @property
    def memory_size(self) -> int:
        """Bytes of linear memory."""
        return 0 if self.closed or not hasattr(self, "instance") else self.instance.memory.refresh()

    @property
    def state(self) -> str:
        """`running`, `failed`, `closed`, or `template` for the base VM."""
        if self.failed:
            return "failed"
        if self.closed:
            return "closed"
        return "template" if self.role == "base" else "running"

    def note(self, name: str, **args: Any) -> None:
        """Leave a mark in the trace."""
        self.trace.note("vm", name, args, time=self.clock.time(), thread=self.thread.name, vm=self.number)

    def __repr__(self) -> str:
        return f"<VM{self.number} {self.role} on {self.thread.name}, {self.state}>"
