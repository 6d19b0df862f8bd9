"""A VM: one instance of a module on one thread, with its contexts, callbacks and deferred actions.

Facts (Envoy 1.40): `_initialize` then `main(0, 0)` (or `__main_void`), or else `_start`, run first, on context 0, and may
call only a few imports. Local responses, continuing and closing that the guest asks for are queued and done in order
when the callback has returned, before its result is looked at; so the guest is never entered twice. After a trap no
callback of any kind runs in the VM again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from ..abi import CALLBACKS, ENTRY_POINTS, HOSTCALLS, Callback, LogLevel, callbacks_for
from ..engine import Guest, Trap
from ..errors import ModuleError
from .binding import RestrictedCallback
from .contexts import Context, VmContext
from .control import has_door, switch
from .failure import Failure, fail, words_of
from .fuel import counted
from .guest_memory import GuestMemory
from .linking import IN_ALLOCATOR, make_put, resolve
from .loading import ALLOCATORS, ENVOY_SAYS, Loaded
from .native import unhurried
from .stats import MetricTable
from .trace import Entry
from .wasi import AT_ENTRY, make_wasi

if TYPE_CHECKING:
    from .clock import Thread
    from .environment import Environment

__all__ = ["STOPPED", "Vm", "VmSettings"]

#: What a callback's result becomes when a local response was sent in it: too large for any status, so that all mean "stop".
STOPPED = 255

_AT_ENTRY = AT_ENTRY | {name for name, h in HOSTCALLS.items() if h.at_entry} | {"emscripten_notify_memory_growth"}

Invoke = Callable[..., "int | None"]


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
    role
        `base`, `canary`, `main` or `worker`: what Envoy made it for.

    Attributes
    ----------
    contexts
        By id; 0 is the VM itself.
    callbacks
        Short name -> function of `(context, *args)`, or None if the module does not export it.
    current, effective
        Context that the running callback is for, and the one that its hostcalls act on.
    frame
        Trace record of the running entry.
    failed, failure
        Set by the first trap.
    last_words
        The filter's last critical line, and the entry in which it was written.
    stop_next
        A local response was asked for in the running callback.
    profiled
        A profiler inside reads fuel.
    about
        Exchange that the next entries belong to although their context is a root (callout answers).
    """

    def __init__(
        self, environment: Environment, loaded: Loaded, settings: VmSettings, thread: Thread, role: str
    ) -> None:
        self.environment = environment
        self.clock = environment.clock
        self.trace = environment.trace
        self.loaded = loaded
        self.abi = loaded.abi
        self.thread = thread
        self.role = role
        self.number = environment.new_vm_number()
        self.vm_id, self.configuration = settings.vm_id, settings.configuration
        self.variables, self.allowed = dict(settings.variables), settings.allowed
        self.plugin_configuration: bytes | None = None
        self.call_data = b""
        self.metrics = MetricTable(environment.metrics)
        self.failed = False
        self.failure: Failure | None = None
        self.about: int | None = None
        self.profiled = False
        self.closed = False
        self.stop_next = False
        self.restricted: frozenset[str] | None = None
        self._moment = ""
        self.deferred: deque[Callable[[], None]] = deque()
        self._ids = 0
        self._tokens = {0: 0, 1: 1, 2: 2}  # http calls 4, 8, ...; grpc calls 5, 9, ...; grpc streams 6, 10, ...
        self.last_words: tuple[Any, str] = (None, "")
        self.guest = GuestMemory()
        self.wasi = make_wasi(self)
        self.contexts: dict[int, Context] = {}
        self.zero: Context = VmContext(self)
        self.contexts[0] = self.zero
        self.current: Context = self.zero
        self.effective: Context = self.zero
        self.frame: Any = None
        environment.shared.hold(self.vm_id)
        environment.metrics.count("wasm.envoy.wasm.runtime.v8.created")
        environment.metrics.count("wasm.envoy.wasm.runtime.v8.active")
        self.note("created", role=role)
        self._instantiate()

    # -- set-up -------------------------------------------------------------------------------------------------

    def _instantiate(self) -> None:
        """Link, instantiate and find the exports; a trap in the start section fails the VM."""
        self.callbacks: dict[str, Invoke | None] = {}
        self.frame = self._open_frame(Entry("start section"), self.zero, ())
        try:
            self.instance: Guest = self.loaded.image.instantiate(
                lambda wanted: resolve(self, wanted),
                memory_limit=self.environment.memory_limit,
                deadline=self.environment.deadline,
            )
        except ModuleError as error:
            error.add_note(f"{ENVOY_SAYS}Failed to create new Wasm instance")
            error.add_note(f"{ENVOY_SAYS}Wasm VM failed Failed to initialize Wasm code")
            raise
        except Trap as trap:
            self.failed = True
            self.failure = Failure(
                "the start section", 0, None, f"Uncaught RuntimeError: {trap.message}", "", trap.backtrace,
                thread=self.thread.name,
            )  # fmt: skip
            self.environment.say(LogLevel.ERROR, "Failed to create new Wasm instance", self.thread, vm=self.number)
            return
        finally:
            self._close_frame(self.frame, None)
        malloc = next((self.instance.function(a) for a in ALLOCATORS if a in self.loaded.exports), None)
        self.guest.attach(self.instance.memory)
        if malloc is not None:
            self.guest.put = make_put(self, malloc)
        for name, callback in callbacks_for(self.abi).items():
            self.callbacks[callback.short] = self._callback(name, callback)
        for callback in CALLBACKS.values():
            self.callbacks.setdefault(callback.short, None)
        self.on_context_create = self.callbacks["on_context_create"] or _nothing

    def _callback(self, name: str, callback: Callback) -> Invoke | None:
        function = self.instance.function(name) if name in self.loaded.exports else None
        if function is None or (self.allowed and name not in self.allowed):
            return None
        return self._entry(name, Entry(callback), function)

    def initialize(self) -> bool:
        """Run the entry points; False if one trapped."""
        exports = self.loaded.exports
        if "_initialize" in exports:
            names = ["_initialize", *[n for n in ("main", "__main_void") if n in exports][:1]]
        else:
            names = ["_start"] if "_start" in exports else []
        self.restricted = _AT_ENTRY
        for name in names:
            if self.closed or not self.callbacks:
                break
            self._moment = name
            function = self.instance.function(name)
            assert function is not None
            args = (0,) * len(ENTRY_POINTS[name][0])
            self._entry(name, Entry(name), function)(self.zero, *args)
        self.restricted = None
        if self.environment.show_locals and not self.failed and has_door(self):
            switch(self, "locals", on=True)
        return not self.failed

    # -- calls into the guest -----------------------------------------------------------------------------------

    def _open_frame(self, entry: Entry, context: Context, args: tuple[int, ...]) -> list[Any]:
        thread = self.thread
        frame = [
            self.trace.next(),
            entry,
            context.place,
            args,
            thread.time,
            perf_counter_ns(),
            0,
            0,
            None,
            thread.name,
            self.about,
        ]
        self.trace.append(frame)
        return frame

    def _close_frame(self, frame: list[Any], result: int | None) -> None:
        ended = perf_counter_ns()
        frame[6], frame[8] = ended, result
        fixed = self.environment.guest_time
        self.thread.time += (ended - frame[5] - frame[7]) * 1e-9 if fixed is None else fixed
        self.frame = None

    def _entry(self, name: str, entry: Entry, function: Callable[..., int | None]) -> Invoke:
        """Wrap an export: one record in the trace, the contexts set, traps caught, deferred actions done."""
        trace, thread = self.trace, self.thread
        append, number, clock = trace.append, trace.next, perf_counter_ns
        fixed = self.environment.guest_time
        if self.native:
            function = unhurried(self, function)
        elif self.environment.engine.fuel:
            function = counted(self, function)

        def invoke(context: Context, *args: int) -> int | None:
            self.current = self.effective = context
            self.frame = frame = [
                number(), entry, context.place, args, thread.time, clock(), 0, 0, None, thread.name, self.about,
            ]  # fmt: skip
            append(frame)
            try:
                result = function(*args)
            except Trap as trap:
                result = None
                self._trapped(frame, name, trap)
            except BaseException as error:
                self._interrupted(frame, name, error)
                raise
            frame[6] = ended = clock()
            frame[8] = result
            thread.time += (ended - frame[5] - frame[7]) * 1e-9 if fixed is None else fixed  # type: ignore[operator]
            self.frame = None
            if self.stop_next:
                self.stop_next = False
                result = STOPPED
            if self.deferred and not (self.failed and context.info is not None):
                self.run_deferred()
            return result

        return invoke

    def tell(self, invoke: Invoke | None, context: Context, *args: int) -> None:
        """Make a call whose result does not matter, if the module exports it and the VM is sound."""
        if invoke is not None and not self.failed:
            invoke(context, *args)

    def ask(self, invoke: Invoke | None, context: Context, *args: int) -> bool:
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
        if self.frame is None:
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

    def _trapped(self, frame: list[Any], name: str, trap: Trap) -> None:
        cause = trap.__cause__
        fail(self, frame, name, words_of(trap), trap.backtrace)
        if self.failure is not None:
            self.failure.exception = trap.raised
        if isinstance(cause, RestrictedCallback) and self.failure is not None:
            self.failure.message += f" ({cause})"

    def _interrupted(self, frame: list[Any], name: str, error: BaseException) -> None:
        """The interrupt button, or a fault of the host: the guest was left in mid-flight and cannot go on."""
        fail(self, frame, name, f"stopped: {type(error).__name__}", "")
        self._close_frame(frame, None)
        self.deferred.clear()
        self.stop_next = False

    def restrict(self, name: str) -> None:
        """Raise if this import may not be called now."""
        if self.restricted is not None and name not in self.restricted:
            moment = "the allocator" if self.restricted is IN_ALLOCATOR else self._moment
            raise RestrictedCallback(name, moment)

    def refuse(self, name: str, family: str) -> None:
        """Say that the configuration does not allow a call."""
        text = f"Attempted call to restricted {family} capability: {name}"
        self.environment.say(LogLevel.ERROR, text, self.thread, vm=self.number, exchange=self.effective.exchange)

    # -- what hostcalls use ---------------------------------------------------------------------------------------

    def now(self) -> float:
        """Virtual seconds as the guest sees them in mid-callback."""
        frame = self.frame
        if frame is None or self.environment.guest_time is not None:
            return self.thread.time
        return float(frame[4]) + (perf_counter_ns() - int(frame[5]) - int(frame[7])) * 1e-9

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
        self.environment.shared.release(self.vm_id)
        self.environment.metrics.count("wasm.envoy.wasm.runtime.v8.active", -1)
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


def _nothing(*_: Any) -> None:
    """What a missing callback does."""
