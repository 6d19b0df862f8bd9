"""The report of a load run: latencies of requests or connections and of callbacks, statuses, and failures."""

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

#: Maximum number of failed exchanges that a report contains as examples.
EXAMPLES = 5


class LoadReport(ReportTables, Shown):
    """Results of a load run.

    Parameters
    ----------
    name, workers
        Name of the proxy, and the number of its workers.
    rate
        Requests per virtual second, or None if the requests were sent one after the other.
    harness
        Duration of an empty callback and of an empty hostcall, which is the lower limit of every latency.
    unit
        "request" or "connection" (default "request").

    Attributes
    ----------
    callbacks
        Times in the filter by callback, without hostcalls, in nanoseconds.
    requests
        Times from the arrival to the end of a request, in virtual nanoseconds. They include the filter, the upstream, and
        waiting for a busy worker.
    filter
        Times that requests spent in filters, in nanoseconds (`exchange.filter_ns`). They are a part of `requests`.
    statuses
        Number of responses by status (0 if the connection was closed), or number of connections by state.
    failed
        Number of exchanges in which a filter failed.
    failures
        The first exchanges in which a filter failed, as examples.
    interrupted
        Whether the run was interrupted.
    real_seconds, virtual_seconds
        Duration of the run in real and in virtual seconds.
    first
        Number of the run's first exchange. The column `index` of the tables is 0 for this exchange.
    rows
        Table with a row for each request that was sent (see `wasmnb.traffic.data_frames.columns.SCHEMAS`).
    events
        Tables of callbacks, hostcalls and log lines, or None if they were not collected (`load(..., events=False)`).
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
        self._times = FilterTimes()  # of exchanges that haven't ended

    def add(self, exchanges: Iterable[Exchange | TcpExchange], callbacks: Iterable[CallbackTime]) -> None:
        """Add exchanges that have ended, and the callbacks that ran since the last call.

        Parameters
        ----------
        exchanges
            The exchanges.
        callbacks
            Times of the callbacks, as returned by `Trace.callbacks`.
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
        """Store the state of the proxy at the start of a run.

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
        """Add exchanges that have ended, and the proxy's events and log lines since the last call.

        Parameters
        ----------
        proxy
            The proxy of the run.
        exchanges
            Exchanges that have ended since the last call.
        """
        trace, log = proxy.trace, proxy.log
        self.add(exchanges, trace.callbacks(self._read_events))
        if self.events is not None:
            self.events.add_events(trace[max(0, self._read_events - trace.dropped) :], self._index)
            self.events.add_lines(log.since(self._read_lines), self._index)
        self._read_events, self._read_lines = trace.total, log.written

    def end(self, proxy: Proxy) -> None:
        """Store the metrics of `proxy` at the end of a run."""
        self.metrics = metric_rows(proxy)

    def _index(self, number: int | None) -> int:
        return -1 if number is None or number < self.first else number - self.first

    @property
    def distributions(self) -> list[Distribution]:
        """All distributions: `requests`, `filter`, and one for each callback."""
        return [self.requests, self.filter, *self.callbacks.values()]

    @property
    def count(self) -> int:
        """Number of requests or connections that have ended."""
        return self.requests.count

    def as_dict(self) -> dict[str, Any]:
        """Return the results as a dictionary for JSON. Times are in seconds."""
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
    """Return the status of a response (0 if there is none), or the state of a connection."""
    if not hasattr(exchange, "response"):
        return exchange.state
    return exchange.response.status if exchange.response is not None else 0
