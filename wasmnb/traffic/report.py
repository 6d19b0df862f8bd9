"""The result of a load run: distributions of the requests and of every callback, statuses, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._display import Shown
from .distribution import Distribution
from .harness import Harness

if TYPE_CHECKING:
    from ..host import Exchange
    from ..host.trace.trace import CallbackTime

__all__ = ["LoadReport"]

#: Failures that a report keeps as examples.
EXAMPLES = 5


class LoadReport(Shown):
    """Latencies of a load run.

    Parameters
    ----------
    name, workers
        Name of the proxy, and the number of its workers.
    rate
        Requests per second of virtual time, or None.
    harness
        Cost of an empty callback and of an empty hostcall: the lower limit of every latency.

    Attributes
    ----------
    callbacks
        Time inside the filter by callback, without hostcalls, in nanoseconds.
    requests
        Time from a request's arrival to its end, in virtual nanoseconds: filter, upstream, and the wait for a busy worker.
    filter
        Time inside filters until the request's end, in nanoseconds: a part of `requests` unless the proxy has a `guest_time`.
    statuses
        Number of responses by status; 0 stands for a closed connection.
    failed
        Number of exchanges that a filter's failure ended.
    failures
        The first of those exchanges, as examples.
    interrupted
        Whether the run was interrupted.
    real_seconds, virtual_seconds
        Duration on this machine, and in the simulation.
    """

    def __init__(self, name: str, workers: int, rate: float | None, harness: Harness) -> None:
        self.name = name
        self.workers = workers
        self.rate = rate
        self.harness = harness
        self.callbacks: dict[str, Distribution] = {}
        self.requests = Distribution("request")
        self.filter = Distribution("filter")
        self.statuses: Counter[int] = Counter()
        self.failures: list[Exchange] = []
        self.failed = 0
        self.interrupted = False
        self.real_seconds = 0.0
        self.virtual_seconds = 0.0

    def add(self, exchanges: Iterable[Exchange], callbacks: Iterable[CallbackTime]) -> None:
        """Add exchanges that are done, and the callbacks that ran meanwhile.

        Parameters
        ----------
        exchanges
            The exchanges.
        callbacks
            Times of the callbacks, as `Trace.callbacks` returns them.
        """
        filter_ns: Counter[int] = Counter()
        for name, guest_ns, exchange, *_ in callbacks:
            self.callbacks.setdefault(name, Distribution(name)).record(guest_ns)
            if exchange is not None:
                filter_ns[exchange] += guest_ns
        for done in exchanges:
            self.requests.record(round(done.duration * 1e9))
            self.filter.record(filter_ns[done.number])
            self.statuses[done.response.status if done.response is not None else 0] += 1
            if done.failure is not None:
                self.failed += 1
                if len(self.failures) < EXAMPLES:
                    self.failures.append(done)

    @property
    def distributions(self) -> list[Distribution]:
        """All distributions: requests, filter, then every callback."""
        return [self.requests, self.filter, *self.callbacks.values()]

    @property
    def count(self) -> int:
        """Number of requests that were sent."""
        return self.requests.count

    def __repr__(self) -> str:
        statuses = ", ".join(f"{n} x {status or 'closed'}" for status, n in sorted(self.statuses.items()))
        cut = ", interrupted" if self.interrupted else ""
        return (
            f"<LoadReport of {self.name}: {self.count} requests ({statuses}){cut}, "
            f"p50 {self.requests.median / 1000:.0f} us, p99 {self.requests.quantile(0.99) / 1000:.0f} us>"
        )
