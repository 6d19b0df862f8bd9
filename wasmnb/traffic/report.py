"""The result of a load run: distributions of the requests or connections and of every callback, statuses, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .._display import Shown
from ..host.trace.filter_times import FilterTimes
from .data_frames.columns import SCHEMAS, Columns
from .data_frames.tables import EventTables, ReportTables, metric_rows, row_of
from .distribution import Distribution
from .harness import Harness

if TYPE_CHECKING:
    from ..host import Exchange, Proxy, TcpExchange
    from ..host.trace.trace import CallbackTime

__all__ = ["LoadReport"]

#: Failures that a report keeps as examples.
EXAMPLES = 5


class LoadReport(ReportTables, Shown):
    """Latencies of a load run.

    Parameters
    ----------
    name, workers
        Name of the proxy, and the number of its workers.
    rate
        Requests per second of virtual time, or None.
    harness
        Cost of an empty callback and of an empty hostcall: the lower limit of every latency.
    unit
        What is sent: "request" (the default) or "connection".

    Attributes
    ----------
    callbacks
        Time inside the filter by callback, without hostcalls, in nanoseconds.
    requests
        Time from a request's arrival to its end, in virtual nanoseconds: filter, upstream, and the wait for a busy worker.
    filter
        Time inside filters until the request's end, in nanoseconds, as `exchange.filter_ns`: a part of `requests`.
    statuses
        Number of responses by status; 0 stands for a closed connection. For connections: their number by state.
    failed
        Number of exchanges that a filter's failure ended.
    failures
        The first exchanges that a failure ended, as examples.
    interrupted
        Whether the run was interrupted.
    real_seconds, virtual_seconds
        Duration on this machine, and in the simulation.
    first
        Number of the first exchange of the run; `index` counts from it.
    rows
        One row for each request that was sent (see `wasmnb.traffic.data_frames.columns.SCHEMAS`).
    events
        Tables of callbacks, hostcalls and log lines, with `load(..., events=True)`; else None.
    metrics
        Table of the filters' metrics at the end.
    """

    function = "load"

    def __init__(self, name: str, workers: int, rate: float | None, harness: Harness, unit: str = "request") -> None:
        self.name = name
        self.workers = workers
        self.rate = rate
        self.harness = harness
        self.unit = unit
        self.callbacks: dict[str, Distribution] = {}
        self.requests = Distribution(unit)
        self.filter = Distribution("filter")
        self.statuses: Counter[int | str] = Counter()
        self.failures: list[Exchange | TcpExchange] = []
        self.failed = 0
        self.interrupted = False
        self.real_seconds = 0.0
        self.virtual_seconds = 0.0
        self.first = 1
        self.rows = Columns()
        self.events: EventTables | None = None
        self.metrics = Columns(SCHEMAS["metrics"])
        self._read_events = self._read_lines = 0
        self._times = FilterTimes()  # of exchanges that are not done

    def add(self, exchanges: Iterable[Exchange | TcpExchange], callbacks: Iterable[CallbackTime]) -> None:
        """Add exchanges that are done, and the callbacks that ran meanwhile.

        Parameters
        ----------
        exchanges
            Exchanges that are done.
        callbacks
            Times of the callbacks, as `Trace.callbacks` returns them.
        """
        for callback in callbacks:
            name = callback.name
            self.callbacks.setdefault(name, Distribution(name)).record(callback.guest_ns)
            self._times.add(callback)
        for done in exchanges:
            self.requests.record(round(done.duration * 1e9))
            spent = self._times.take(done)
            self.filter.record(spent)
            if hasattr(done, "request"):
                self.rows.add(*row_of(done, done.number - self.first, done.worker, 0, spent))
            self.statuses[_status(done)] += 1
            if done.failure is not None:
                self.failed += 1
                if len(self.failures) < EXAMPLES:
                    self.failures.append(done)

    def begin(self, proxy: Proxy, *, events: bool) -> None:
        """Note the state of the proxy at the beginning of a run.

        Parameters
        ----------
        proxy
            The proxy before the run.
        events
            Whether to collect the tables of callbacks, hostcalls and log lines.
        """
        self.first = proxy.exchanges.total + 1
        self.events = EventTables() if events else None
        self._read_events, self._read_lines = proxy.trace.total, proxy.log.written

    def collect(self, proxy: Proxy, exchanges: Iterable[Exchange | TcpExchange]) -> None:
        """Add exchanges that are done, and everything that has happened since the last call.

        Parameters
        ----------
        proxy
            The proxy of the run.
        exchanges
            Exchanges that are done and not in the report.
        """
        trace, log = proxy.trace, proxy.log
        self.add(exchanges, trace.callbacks(self._read_events))
        if self.events is not None:
            self.events.add_events(trace[max(0, self._read_events - trace.dropped) :], self._index)
            self.events.add_lines(log.since(self._read_lines), self._index)
        self._read_events, self._read_lines = trace.total, log.written

    def end(self, proxy: Proxy) -> None:
        """Take the metrics at the end of a run."""
        self.metrics = metric_rows(proxy)

    def _index(self, number: int | None) -> int:
        return -1 if number is None or number < self.first else number - self.first

    @property
    def distributions(self) -> list[Distribution]:
        """All distributions: requests, filter, then every callback."""
        return [self.requests, self.filter, *self.callbacks.values()]

    @property
    def count(self) -> int:
        """Number of requests that were sent, or of connections."""
        return self.requests.count

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers, times in seconds, for JSON."""
        names = ("failed", "interrupted", "real_seconds", "virtual_seconds")
        return {
            "name": self.name, "workers": self.workers, "rate": self.rate, "count": self.count,
            **{name: getattr(self, name) for name in names}, **self.requests.summary(),
            "statuses": {str(status): number for status, number in sorted(self.statuses.items(), key=str)},
            "distributions": {each.name: {"count": each.count, **each.summary()} for each in self.distributions},
        }  # fmt: skip

    def __repr__(self) -> str:
        statuses = ", ".join(f"{n} x {status or 'closed'}" for status, n in sorted(self.statuses.items(), key=str))
        cut = ", interrupted" if self.interrupted else ""
        return (
            f"<LoadReport of {self.name}: {self.count} {self.unit}s ({statuses}){cut}, "
            f"p50 {self.requests.median / 1000:.0f} us, p99 {self.requests.quantile(0.99) / 1000:.0f} us>"
        )


def _status(exchange: Exchange | TcpExchange) -> int | str:
    """Return a response's status, 0 without one; for a connection its state."""
    if not hasattr(exchange, "response"):
        return exchange.state
    return exchange.response.status if exchange.response is not None else 0
