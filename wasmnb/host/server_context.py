"""State that all VMs of a proxy share: clock, trace, log, shared data, metrics, random numbers and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from ..abi import LogLevel
from ..engine import Engine
from .callouts.record import CalloutLog
from .clock import FOLLOWERS, Clock, Thread
from .http.connection_manager.manager import HttpConnectionManager
from .plugins.envoy_filter_config import BuiltIn
from .shared_state.metrics import Metrics
from .shared_state.shared_data import SharedState
from .shared_state.storage import StorageBudget
from .trace.log import Log, LogLine
from .trace.trace import Trace

__all__ = ["HostcallTable", "ServerContext"]


@dataclass(frozen=True)
class HostcallTable:
    """Functions that modules can import from `env`.

    Attributes
    ----------
    implementations
        Functions by import name. Each receives the calling context and the inputs.
    extras
        Factories by name, for imports that Envoy offers in addition to the ABI. Each receives a VM and returns the imported
        function.
    """

    implementations: Mapping[str, Callable[..., Any]]
    extras: Mapping[str, Callable[[Any], Callable[..., Any]]]


@dataclass
class ServerContext:
    """State and settings of a proxy, used by its VMs and streams.

    Attributes
    ----------
    engine, clock, trace, log
        The proxy's engine, clock, trace and log.
    hostcalls
        Functions that modules can import.
    shared, metrics
        Shared data and queues, and metrics.
    random
        Generator of random numbers, seeded with the clock's seed.
    guest_time
        Virtual seconds that a callback takes. None (the default): its real duration.
    frozen
        Whether the monotonic clock shows the same time as the wall clock (default False).
    deadline
        Real seconds after which a call into a filter traps (default 5).
    memory_limit
        Maximum size in bytes of a VM's memory. Also the maximum that all filters together can store in the proxy (default
        1 GiB).
    clusters
        Upstreams by name, for routes and callouts.
    properties
        Properties set by a test, by path with dots. They replace Envoy's own.
    node
        Id, cluster and metadata of the node, as in the properties under `xds.node`.
    manager
        Options of the HTTP connection manager.
    built_in
        Envoy's own HTTP filters in the chain.
    callouts
        Log of all callouts.
    fuel_limit
        Number of instructions after which a callback traps. None (the default): no limit.
    foreign
        Foreign functions registered by the test, by name. Each accepts a `ForeignCall`.
    show_locals
        Whether tracebacks of Python filters show local variables (default False).
    vms_created
        Number of VMs created since the start of the proxy.
    """

    engine: Engine
    clock: Clock
    trace: Trace
    log: Log
    hostcalls: HostcallTable
    shared: SharedState = field(init=False)
    metrics: Metrics = field(init=False)
    random: Random = field(init=False)
    guest_time: float | None = None
    frozen: bool = False
    deadline: float = 5.0
    memory_limit: int = 1 << 30
    clusters: dict[str, Any] = field(default_factory=dict)
    properties: dict[bytes, bytes] = field(default_factory=dict)
    node: Mapping[str, Any] = field(default_factory=dict)
    manager: HttpConnectionManager = field(default_factory=HttpConnectionManager)
    built_in: Sequence[BuiltIn] = ()
    callouts: CalloutLog = field(default_factory=CalloutLog)
    fuel_limit: int | None = None
    foreign: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    show_locals: bool = False
    vms_created: int = 0

    def __post_init__(self) -> None:
        self.clock.on_endless_events = self._report_endless_events
        storage = StorageBudget(self.memory_limit, self._report_full)
        self.shared, self.metrics = SharedState(storage), Metrics(storage)
        self.random = Random(self.clock.seed)  # noqa: S311 -- a simulation repeats itself

    def _report_endless_events(self, thread: Thread) -> None:
        """Log that an endless series of events was stopped, with the last callback."""
        last = next((e for e in reversed(self.trace[-100:]) if e.kind == "callback"), None)
        where = (
            f" The last callback was {last.name} in VM {last.vm}, context {last.context}." if last is not None else ""
        )
        self.write_log(
            LogLevel.ERROR,
            f"Stopped an endless series of events caused by a filter: {FOLLOWERS:,} events followed from each other "
            f"without any virtual time between them.{where}",
            thread,
        )

    def _report_full(self, text: str) -> None:
        self.write_log(LogLevel.ERROR, text, self.clock.running or Thread(0))

    def new_vm_number(self) -> int:
        """Return the number of the next VM. VMs are numbered from 1 in the order of their creation."""
        self.vms_created += 1
        return self.vms_created

    def uuid(self) -> str:
        """Return a random UUID (version 4), which depends on the seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def warn(self, text: str, thread: Thread, *, exchange: int | None = None, vm: int | None = None) -> None:
        """Log a critical line about a problem for which a real Envoy logs nothing.

        Parameters
        ----------
        text, thread
            Text of the line, and the thread that the line is about.
        exchange, vm
            Numbers of the exchange and the VM that the line is about, or None (the default).
        """
        time = self.clock.time()
        self.log.add(LogLine(time, LogLevel.CRITICAL, text, thread.name, vm, None, exchange, source="simulation"))
        self.trace.note(
            "log", "simulation", {"level": LogLevel.CRITICAL, "text": text},
            time=time, thread=thread.name, exchange=exchange, vm=vm,
        )  # fmt: skip

    def write_log(
        self,
        level: LogLevel,
        text: str,
        thread: Thread,
        *,
        time: float | None = None,
        exchange: int | None = None,
        vm: int | None = None,
        context: int | None = None,
    ) -> None:
        """Write one of Envoy's own log lines into the log and the trace.

        Parameters
        ----------
        level, text, thread
            Level and text of the line, and the thread that writes it.
        time
            Time of the line in virtual seconds. By default, the current time.
        exchange, vm, context
            Numbers of the exchange, VM and context that the line is about, or None (the default).
        """
        time = self.clock.time() if time is None else time
        self.log.add(LogLine(time, level, text, thread.name, vm, context, exchange, source="envoy"))
        self.trace.note(
            "log", "envoy", {"level": level, "text": text},
            time=time, thread=thread.name, exchange=exchange, vm=vm,
        )  # fmt: skip
