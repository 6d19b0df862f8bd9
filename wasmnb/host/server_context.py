"""What all VMs of a proxy share: clock, trace, log, shared state, metrics, randomness and limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from ..abi import LogLevel
from ..engine import Engine
from .callouts.record import CalloutLog
from .clock import Clock, Thread
from .state.metrics import Metrics
from .state.shared_data import SharedState
from .trace.log import Log, LogLine
from .trace.trace import Trace

__all__ = ["HostcallTable", "ServerContext"]


@dataclass(frozen=True)
class HostcallTable:
    """Functions that modules import from `env`.

    Attributes
    ----------
    implementations
        Import name -> function of the calling context and the inputs.
    extras
        Import name -> function of a VM that returns the import itself, for those that Envoy has outside the ABI.
    """

    implementations: Mapping[str, Callable[..., Any]]
    extras: Mapping[str, Callable[[Any], Callable[..., Any]]]


@dataclass
class ServerContext:
    """Everything that a VM or stream needs from its proxy.

    Attributes
    ----------
    random
        Of the clock's seed.
    guest_time
        Virtual seconds that a callback takes; None to take what it really took.
    show_locals
        Python filters' tracebacks have local variables.
    deadline
        Real seconds that one entry into a guest may take.
    memory_limit
        Bytes of memory that a VM may have.
    clusters
        Upstreams by name; whoever calls out looks them up here.
    properties
        Properties that a test prescribes, by their paths joined with dots; they hide Envoy's own.
    callouts
        Callouts made so far.
    node
        What `xds.node` tells: id, cluster, metadata.
    """

    engine: Engine
    clock: Clock
    trace: Trace
    log: Log
    hostcalls: HostcallTable
    shared: SharedState = field(default_factory=SharedState)
    metrics: Metrics = field(default_factory=Metrics)
    random: Random = field(init=False)
    guest_time: float | None = None
    deadline: float = 5.0
    memory_limit: int = 1 << 30
    clusters: dict[str, Any] = field(default_factory=dict)
    properties: dict[bytes, bytes] = field(default_factory=dict)
    node: Mapping[str, Any] = field(default_factory=dict)
    callouts: CalloutLog = field(default_factory=CalloutLog)
    show_locals: bool = False
    vms_made: int = 0

    def __post_init__(self) -> None:
        self.random = Random(self.clock.seed)  # noqa: S311 -- a simulation repeats itself

    def new_vm_number(self) -> int:
        """VMs are numbered from 1 in the order in which they are made."""
        self.vms_made += 1
        return self.vms_made

    def uuid(self) -> str:
        """Return a random UUID (version 4) from the seed."""
        return str(UUID(int=self.random.getrandbits(128), version=4))

    def say(self, level: LogLevel, text: str, thread: Thread, **about: Any) -> None:
        """Write a line of Envoy's own, into the log and into the trace."""
        time = about.get("time") or self.clock.time()
        exchange, vm = about.get("exchange"), about.get("vm")
        context = about.get("context")
        self.log.add(LogLine(time, level, text, thread.name, vm, context, exchange, source="envoy"))
        self.trace.note(
            "log", "envoy", {"level": level, "text": text},
            time=time, thread=thread.name, exchange=exchange, vm=vm,
        )  # fmt: skip
