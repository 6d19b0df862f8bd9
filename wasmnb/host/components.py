"""The objects that make up a running proxy, shared by its sender, fault injection and observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..engine import Engine
from .clock import Clock, Thread
from .clusters.cluster import to_clusters
from .event_loop import EventLoop
from .plugins.vm_registry import VmRegistry
from .server_context import HostcallTable, ServerContext
from .settings import MAIN_CLUSTER, ProxySettings, SimulationSettings
from .trace.exchange import Exchange, TcpExchange
from .trace.exchange_log import Exchanges
from .trace.log import Log
from .trace.trace import Trace
from .vm.vm import Vm
from .worker import Worker

__all__ = ["ProxyComponents"]


#: Approximate bytes of a closed proxy's VMs, of an event, and of an exchange without its body.
_CLOSED_VMS, _EVENT, _EXCHANGE = 200_000, 500, 3000

#: Number of log lines to keep when the history of a proxy is dropped.
_LINES = 100


@dataclass(frozen=True)
class ProxyComponents:
    """The objects that make up one running proxy.

    Attributes
    ----------
    name
        The proxy's name.
    server
        State shared by all VMs: clock, trace, log, shared data and limits.
    main, workers
        The main thread, and the workers.
    registry
        The VMs of all threads.
    loop
        The event loop, which runs the events of all threads.
    exchanges
        Requests and connections that the proxy has handled.
    """

    name: str
    server: ServerContext
    main: Thread
    workers: list[Worker]
    registry: VmRegistry
    loop: EventLoop
    exchanges: Exchanges[Exchange | TcpExchange]

    @classmethod
    def build(
        cls, settings: ProxySettings, simulation: SimulationSettings, engine: Engine, hostcalls: HostcallTable
    ) -> Self:
        """Create the objects of a proxy. Plugins start later.

        Parameters
        ----------
        settings, simulation
            Settings of the proxy and of the simulation.
        engine
            Engine that compiles and runs modules.
        hostcalls
            Hostcalls that modules can import.
        """
        server = ServerContext(
            engine=engine,
            clock=Clock(simulation.seed, simulation.start_time),
            trace=Trace(simulation.trace_limit),
            log=Log(settings.log_level),
            hostcalls=hostcalls,
            guest_time=simulation.fixed_time,
            frozen=simulation.frozen,
            show_locals=simulation.show_locals,
            fuel_limit=simulation.fuel_limit,
            foreign=simulation.foreign,
            deadline=simulation.deadline,
            memory_limit=simulation.memory_limit,
            clusters=to_clusters(MAIN_CLUSTER, settings.upstream, settings.clusters),
            node=settings.node,
            manager=settings.manager,
            built_in=settings.built_in,
        )
        main = Thread(0)
        table = settings.table
        workers = [Worker(server, Thread(n), table) for n in range(1, settings.workers + 1)]
        loop = EventLoop(settings.name, server, main, workers)
        return cls(settings.name, server, main, workers, VmRegistry(server, main), loop, Exchanges())

    @property
    def history_size(self) -> int:
        """Approximate memory in bytes used by closed VMs, the trace and the exchanges."""
        return _CLOSED_VMS + _EVENT * len(self.server.trace) + _EXCHANGE * len(self.exchanges) + self.exchanges.bytes

    def forget_history(self) -> None:
        """Drop the trace, exchanges, callouts and VMs of a closed proxy. Only the last 100 lines of its log are kept."""
        self.server.trace.clear()
        self.server.log.truncate(_LINES)
        self.server.callouts.clear()
        self.exchanges.clear()
        self.server.clock.clear()
        self.registry.groups.clear()
        self.registry.handles.clear()
        for worker in self.workers:
            worker.plugins.clear()
            worker.streams.clear()
            worker.connections.clear()

    @property
    def state(self) -> str:
        """State of the proxy: `running`, `failed` if a VM has failed, or `closed`."""
        if self.loop.closed:
            return "closed"
        return "failed" if any(vm.failed for vm in self.registry.vms()) else "running"

    @property
    def vms(self) -> list[Vm]:
        """VMs that haven't been closed, in the order of their creation."""
        return [vm for vm in self.registry.vms() if not vm.closed]

    @property
    def threads(self) -> list[Thread]:
        """The main thread, followed by the workers' threads."""
        return [self.main, *(worker.thread for worker in self.workers)]
