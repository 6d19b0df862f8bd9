"""What the panel remembers of a proxy, read from it bit by bit: rows, time in the filter, distributions.

Reading everything again at every refresh would cost seconds with ten thousand exchanges; each event is looked at once.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from wasmnb.traffic.distribution import Distribution

from . import snapshot

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["History"]

KEPT = 10_000


class History:
    """Rows of the list of exchanges and sums over the trace, for one proxy."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.callbacks: dict[str, Distribution] = {}
        self.requests = Distribution("request")
        self._filter_ns: Counter[int] = Counter()
        self._rows: deque[Any] = deque(maxlen=KEPT)
        self._open: list[Any] = []
        self._events = self._exchanges = 0

    def read(self) -> None:
        """Take in what has happened since the last time."""
        trace = self.proxy.trace
        since, self._events = self._events, trace.made
        for name, nanoseconds, exchange, _ in trace.callbacks(since):
            if name not in self.callbacks:
                self.callbacks[name] = Distribution(name)
            self.callbacks[name].record(nanoseconds)
            if exchange is not None:
                self._filter_ns[exchange] += nanoseconds
        self._take(self._fresh())

    def _fresh(self) -> list[Any]:
        """Exchanges that began since the last time, oldest first."""
        exchanges = self.proxy.exchanges
        made = exchanges[-1].number if exchanges else 0
        number = min(made - self._exchanges, len(exchanges))
        self._exchanges = made
        return list(islice(reversed(exchanges), number))[::-1]

    def _take(self, fresh: list[Any]) -> None:
        """Finished exchanges become rows once and for all; the others are looked at again next time."""
        waiting, self._open = [*self._open, *fresh], []
        for exchange in waiting:
            if exchange.done:
                nanoseconds = self._filter_ns.pop(exchange.number, 0)
                self.requests.record(int(exchange.duration * 1e9))
                self._rows.append(snapshot.row(exchange, nanoseconds))
            else:
                self._open.append(exchange)

    @property
    def total(self) -> int:
        """Exchanges so far."""
        return self._exchanges

    def rows(self, limit: int = KEPT) -> list[Any]:
        """Rows, newest first."""
        running = [snapshot.row(x, self._filter_ns[x.number]) for x in self._open]
        newest = sorted([*islice(reversed(self._rows), limit), *running], key=lambda row: -row[0])
        return newest[:limit]

    def distributions(self) -> list[Distribution]:
        """Of requests, then of callbacks, those that take longest in all first."""
        return [self.requests, *sorted(self.callbacks.values(), key=lambda d: -d.total)]

    def find(self, number: int) -> Any:
        """An exchange by its number; None if it is no longer remembered."""
        exchanges = self.proxy.exchanges
        at = number - exchanges[0].number if exchanges else -1
        return exchanges[at] if 0 <= at < len(exchanges) else None
