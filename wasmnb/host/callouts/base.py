"""Base class of all callouts, with their identity, timers, record, and callbacks on the root context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...messages import Request
from ..clock import TimerGroup
from .record import REQUEST_SIZE, Callout

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..contexts.root import RootContext

__all__ = ["CalloutBase"]


class CalloutBase:
    """A callout, from its start to the delivery of its response.

    Parameters
    ----------
    root
        The root context whose callbacks are called.
    token
        Number by which the module identifies the callout.
    cluster
        The cluster that the callout is sent to.
    exchange
        Number of the exchange that started the callout, or None.

    Attributes
    ----------
    record
        Record of the callout for the user.
    """

    #: Kind of callout, for the record.
    kind = ""

    def __init__(self, root: RootContext, token: int, cluster: Cluster, exchange: int | None) -> None:
        self.root = root
        self.vm = root.vm
        self.token = token
        self.cluster = cluster
        self.exchange = exchange
        self._held = 0
        self._timers = TimerGroup(self.vm.clock, self.vm.thread)
        started = self.vm.clock.time()
        self.record = Callout(
            self.kind, cluster.name, token, self.vm.number, exchange, Request(), started, root=root.id
        )

    def hold(self, size: int) -> None:
        """Count bytes that the callout keeps in memory until it ends."""
        self._held += size
        self.vm.server.callouts.held += size

    def end(self) -> None:
        """Stop the callout's timers, and stop counting its memory, because it has ended or was dropped."""
        self._timers.cancel()
        if self._held and self.record.response is not None:
            self.vm.server.callouts.grow(self.record, self.record.response.size)
        self.vm.server.callouts.held -= self._held
        self._held = 0

    def abandon(self) -> None:
        """Drop the callout without calling the module."""
        self.record.state = "cancelled"
        self.end()

    def _record_start(self, request: Request, name: str, **args: object) -> None:
        """Add the request to the record, the record to the log of callouts, and an event to the trace."""
        vm = self.vm
        self.record.request = request
        self.hold(REQUEST_SIZE + len(request.body))
        vm.server.callouts.add(self.record)
        args = {"cluster": self.cluster.name, **args, "token": self.token}
        vm.trace.note("stream", name, args, time=vm.now(), thread=vm.thread.name, exchange=self.exchange, vm=vm.number)

    def _notify(self, callback: str, *args: int) -> None:
        """Run a callback of the root context. The callback is traced as part of the exchange that started the callout."""
        vm = self.vm
        vm.entry.exchange = self.exchange
        try:
            vm.notify(vm.callbacks[callback], self.root, self.root.id, self.token, *args)
        finally:
            vm.entry.exchange = None

    def _service_time(self) -> bytes:
        """Return the value of `x-envoy-upstream-service-time`, which is the time since the start in milliseconds."""
        return b"%d" % int((self.vm.clock.time() - self.record.started) * 1000 + 1e-6)
