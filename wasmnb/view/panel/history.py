"""What the panel remembers of a proxy, read from it bit by bit: rows, time in the filter, distributions.

Reading everything again at every refresh would cost seconds with ten thousand exchanges; each event is looked at once.
"""

from __future__ import annotations

from collections import Counter, deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from wasmnb.abi import ENTRY_POINTS
from wasmnb.traffic.distribution import Distribution

from . import snapshot

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["KEPT", "VERSION", "History", "Past"]

KEPT = 10_000

#: Row ids of one version of a filter begin here; a number above tells the version.
VERSION = 1_000_000

_AT_START = ("start section", *ENTRY_POINTS, "on_vm_start", "on_configure")

_PAST_ROWS, _PAST_DETAILS = 200, 20


class Past:
    """What is kept of the versions of a filter that were replaced: their last rows, and a few in detail."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.details: dict[int, Any] = {}

    def take(self, history: History) -> None:
        """Keep the end of a history that is over."""
        newest = [row for row in history.rows(_PAST_ROWS) if row[7] != "open"]
        for row in newest[:_PAST_DETAILS]:
            found = history.find(row[0])
            if found is not None:
                self.details[row[0]] = {**snapshot.detail(found), "row": row}
        self.rows = [*newest, *self.rows][: 3 * _PAST_ROWS]
        kept = {row[0] for row in self.rows}
        self.details = {number: detail for number, detail in self.details.items() if number in kept}


class History:
    """Rows of the list of exchanges and sums over the trace, for one proxy.

    Parameters
    ----------
    version
        Counts the proxies that the panel has shown, from 0; row ids are version x `VERSION` + the exchange's number.
    """

    def __init__(self, proxy: Proxy, version: int = 0) -> None:
        self.proxy = proxy
        self.version = version
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
                self._rows.append(self._row(exchange, nanoseconds))
            else:
                self._open.append(exchange)

    def _row(self, exchange: Any, nanoseconds: int) -> Any:
        return [self.id_of(exchange), *snapshot.row(exchange, nanoseconds)[1:]]

    def id_of(self, exchange: Any) -> int:
        """An exchange's row id."""
        return int(self.version * VERSION + exchange.number)

    @property
    def total(self) -> int:
        """Exchanges so far."""
        return self._exchanges

    def stale(self) -> bool:
        """Whether something has happened since it was read."""
        return self._events != self.proxy.trace.made

    def rows(self, limit: int = KEPT) -> list[Any]:
        """Rows, newest first."""
        running = [self._row(x, self._filter_ns[x.number]) for x in self._open]
        newest = sorted([*islice(reversed(self._rows), limit), *running], key=lambda row: -row[0])
        return newest[:limit]

    def distributions(self) -> list[Distribution]:
        """Of requests, then of callbacks: those of streams first, the start of the VMs last, each by its whole time."""
        callbacks = sorted(self.callbacks.values(), key=lambda d: (d.name in _AT_START, -d.total))
        return [self.requests, *callbacks]

    def find(self, row_id: int) -> Any:
        """An exchange by its row id; None if it is another version's, or no longer remembered."""
        version, number = divmod(row_id, VERSION)
        exchanges = self.proxy.exchanges if version == self.version else ()
        at = number - exchanges[0].number if exchanges else -1
        return exchanges[at] if 0 <= at < len(exchanges) else None
