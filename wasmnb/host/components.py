"""The objects that make up a running proxy. Its sender, fault injection and observation work on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .clock import Thread
from .event_loop import EventLoop
from .plugins.vm_registry import VmRegistry
from .server_context import ServerContext
from .trace.exchange_log import Exchanges
from .vm.vm import Vm
from .worker import Worker

__all__ = ["ProxyComponents"]


@dataclass(frozen=True)
class ProxyComponents:
    """The parts of one proxy.

    Attributes
    ----------
    name
        The proxy's name.
    server
        Clock, trace, log, shared data and limits, which all VMs share.
    main, workers
        The main thread, and the workers.
    registry
        The VMs of every thread.
    loop
        Runs the threads' events.
    exchanges
        Requests and connections so far.
    """

    name: str
    server: ServerContext
    main: Thread
    workers: Sequence[Worker]
    registry: VmRegistry
    loop: EventLoop
    exchanges: Exchanges

    @property
    def state(self) -> str:
        """`running`, `failed` (a worker's VM has failed), or `closed`."""
        if self.loop.closed:
            return "closed"
        return "failed" if any(vm.failed for vm in self.registry.vms()) else "running"

    @property
    def vms(self) -> list[Vm]:
        """Living VMs, in the order of their creation."""
        return [vm for vm in self.registry.vms() if not vm.closed]

    @property
    def threads(self) -> list[Thread]:
        """The main thread, then the workers' threads."""
        return [self.main, *(worker.thread for worker in self.workers)]
