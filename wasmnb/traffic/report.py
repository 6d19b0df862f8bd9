"""What a load run has found: distributions of every callback and of the requests, statuses, failures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .._display import Shown
from .distribution import Distribution
from .harness import Harness

if TYPE_CHECKING:
    from ..host import Exchange
    from ..host.trace.records import ContextRef

__all__ = ["LoadReport"]

#: Failures that a report keeps as examples.
EXAMPLES = 5


class LoadReport(Shown):
    """Latencies of a load run.

    Attributes
    ----------
    callbacks
        Time inside the filter by callback, its hostcalls left out, in nanoseconds.
    requests
        From a request's arrival to its end, in virtual nanoseconds: filter, upstream and waiting for a busy worker.
    filter
        Time inside filters by request until it was over, in nanoseconds: a part of `requests` unless the proxy was made with
        a `guest_time` of its own.
    statuses
        How many answers of each status; 0 stands for a closed connection.
    failures
        Exchanges that a filter's failure ended, the first few of them.
    harness
        What an empty callback and an empty hostcall cost here: the floor under every figure.
    interrupted
        Whether the run was cut short.
    real_seconds, virtual_seconds
        How long it took on this machine, and in the simulation.
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

    def add(
        self, exchanges: Iterable[Exchange], callbacks: Iterable[tuple[str, int, int | None, str, ContextRef]]
    ) -> None:
        """Take in exchanges that are over, and the callbacks that belong to them, as `Trace.callbacks` gives them."""
        inside: Counter[int] = Counter()
        for name, guest_ns, exchange, *_ in callbacks:
            self.callbacks.setdefault(name, Distribution(name)).record(guest_ns)
            if exchange is not None:
                inside[exchange] += guest_ns
        for done in exchanges:
            self.requests.record(round(done.duration * 1e9))
            self.filter.record(inside[done.number])
            self.statuses[done.response.status if done.response is not None else 0] += 1
            if done.failure is not None:
                self.failed += 1
                if len(self.failures) < EXAMPLES:
                    self.failures.append(done)

    @property
    def distributions(self) -> list[Distribution]:
        """The request first, then what is inside it."""
        return [self.requests, self.filter, *self.callbacks.values()]

    @property
    def count(self) -> int:
        """Requests that were sent."""
        return self.requests.count

    def __repr__(self) -> str:
        answers = ", ".join(f"{n} x {status or 'closed'}" for status, n in sorted(self.statuses.items()))
        cut = ", interrupted" if self.interrupted else ""
        return (
            f"<LoadReport of {self.name}: {self.count} requests ({answers}){cut}, "
            f"p50 {self.requests.median / 1000:.0f} us, p99 {self.requests.quantile(0.99) / 1000:.0f} us>"
        )
