"""Stats sinks: plugins on the main thread that receive a snapshot of the statistics whenever Envoy flushes them.

In Envoy 1.40, `on_stats_update` is called at every `stats_flush_interval`, with all counters and gauges that have ever changed.
The last call is at shutdown, after the workers have ended. A sink that has trapped isn't called again, and its failure affects
nothing else. The simulated proxy supports only the statistics of filters and Envoy's statistics about Wasm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ...abi import MetricType
from ...abi.stats_wire import CounterUpdate, Stats, write_stats

if TYPE_CHECKING:
    from ..clock import Thread
    from ..contexts.root import RootContext
    from ..server_context import ServerContext
    from ..shared_state.metrics import Metrics

__all__ = ["StatsSinks"]

#: Prefix of the filters' statistics, and suffixes of the gauges in Envoy's statistics about Wasm.
_CUSTOM, _GAUGES = "wasmcustom.", (".active", "wasm_vm_count")


class StatsSinks:
    """Periodic flush of the statistics to the stats sinks of a proxy.

    Parameters
    ----------
    server, main
        State shared by all VMs, and the main thread.
    roots
        Function that returns the root contexts of the sinks.
    interval
        Virtual seconds between two flushes.
    """

    def __init__(
        self, server: ServerContext, main: Thread, roots: Callable[[], Iterable[RootContext]], interval: float
    ) -> None:
        self._server = server
        self._main = main
        self._roots = roots
        self._interval = interval
        self._reported: dict[str, int] = {}

    def start(self) -> None:
        """Schedule the first flush, if there are sinks. Every flush schedules the next one."""
        if any(True for _ in self._roots()):
            self._server.clock.call_later(self._interval, self._main, self._tick)

    def _tick(self) -> None:
        self.flush()
        self.start()

    def flush(self) -> None:
        """Call `on_stats_update` of every sink with a snapshot of the statistics."""
        roots = list(self._roots())
        if roots:
            metrics = self._server.metrics
            gauges = sum(m.kind is MetricType.GAUGE for m in metrics.all())
            counters = sum(m.kind is MetricType.COUNTER for m in metrics.all())
            data, size = write_stats(
                self._snapshot(metrics), counters + len(metrics.envoy), gauges + len(metrics.envoy)
            )
            for root in roots:
                root.update_stats(data, size)

    def _snapshot(self, metrics: Metrics) -> Stats:
        """Return all statistics that have ever changed."""
        values = {name: value for name, value in metrics.envoy.items() if not name.endswith(_GAUGES)}
        gauges = {name: value for name, value in metrics.envoy.items() if name.endswith(_GAUGES)}
        for metric in metrics.all():
            if metric.kind is MetricType.COUNTER and metric.value:
                values[_CUSTOM + metric.name] = metric.value
            elif metric.kind is MetricType.GAUGE and metric.used:
                gauges[_CUSTOM + metric.name] = metric.value
        counters = {name: CounterUpdate(v, v - self._reported.get(name, 0)) for name, v in values.items() if v}
        self._reported = values
        return Stats(counters, gauges)
