"""What the panel remembers of a proxy, read from it bit by bit: rows, time in the filter, distributions.

Reading everything again at every refresh would cost seconds with ten thousand exchanges; each event is looked at once. A
row is kept as the JSON text that is sent: making a message of ten thousand of them is then one `join`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from wasmnb.abi import ENTRY_POINTS
from wasmnb.traffic.distribution import Distribution

from . import snapshot
from .scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["KEPT", "VERSION", "History", "Past"]

KEPT = 10_000

#: Row ids of one version of a filter begin here; a number above tells the version.
VERSION = 1_000_000

_AT_START = ("start section", *ENTRY_POINTS, "on_vm_start", "on_configure")

_PAST_ROWS, _PAST_DETAILS = 200, 20
_OPEN = 200  # unfinished exchanges that are shown


class Past:
    """What is kept of the versions of a filter that were replaced: their last rows, a few in detail, their latencies."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.details: dict[int, Any] = {}
        self.latencies: dict[str, Any] = {}

    def take(self, history: History, latency: Any) -> None:
        """Keep the end of a history that is over."""
        newest = history.done(_PAST_ROWS)
        for row_id, _ in newest[:_PAST_DETAILS]:
            found = history.find(row_id)
            if found is not None:
                self.details[row_id] = snapshot.detail(found, row_id)
        self.rows = [*(text for _, text in newest), *self.rows][: 3 * _PAST_ROWS]
        self.details = dict(sorted(self.details.items(), reverse=True)[: 3 * _PAST_DETAILS])
        if latency.get("series"):
            self.latencies = {**self.latencies, f"version {history.version + 1}": latency}


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
        self._callbacks: dict[tuple[str, int, int, str], Distribution] = {}
        self._requests: dict[str, Distribution] = {}
        self._filter_ns: dict[int, int] = {}
        self._rows: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._open: list[Any] = []
        self._unsent: list[str] = []
        self._events = self._exchanges = 0

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Take in what has happened since the last time."""
        trace, callbacks, filter_ns = self.proxy.trace, self._callbacks, self._filter_ns
        since, self._events = self._events, trace.total
        for name, nanoseconds, exchange, thread, place in trace.callbacks(since):
            found = callbacks.get((thread, place.vm, place.root, name))
            if found is None:
                found = callbacks[thread, place.vm, place.root, name] = Distribution(name)
            found.record(nanoseconds)
            if exchange is not None:
                filter_ns[exchange] = filter_ns.get(exchange, 0) + nanoseconds
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
            if not exchange.done:
                self._open.append(exchange)
                continue
            row_id = self.id_of(exchange)
            text = snapshot.row_text(exchange, self._filter_ns.pop(exchange.number, 0), row_id)
            self._request(exchange.thread).record(int(exchange.duration * 1e9))
            self._rows.append((row_id, text))
            self._unsent.append(text)

    def _request(self, thread: str) -> Distribution:
        if thread not in self._requests:
            self._requests[thread] = Distribution("request")
        return self._requests[thread]

    # -- rows -----------------------------------------------------------------------------------------------------

    def id_of(self, exchange: Any) -> int:
        """An exchange's row id."""
        return int(self.version * VERSION + exchange.number)

    @property
    def total(self) -> int:
        """Exchanges so far."""
        return self._exchanges

    def stale(self) -> bool:
        """Whether something has happened since it was read."""
        return self._events != self.proxy.trace.total

    def unfinished(self) -> list[Any]:
        """Exchanges that are not over, the last of them."""
        return self._open[-_OPEN:]

    def _unfinished(self) -> list[tuple[int, str]]:
        ids = [(self.id_of(x), x) for x in self.unfinished()]
        return [(i, snapshot.row_text(x, self._filter_ns.get(x.number, 0), i)) for i, x in ids]

    def done(self, limit: int) -> list[tuple[int, str]]:
        """Rows of finished exchanges, newest first."""
        return list(islice(reversed(self._rows), limit))

    def rows(self) -> list[str]:
        """All rows, newest first."""
        self._unsent = []
        return [text for _, text in sorted([*self._rows, *self._unfinished()], reverse=True)][:KEPT]

    def news(self) -> list[str]:
        """Rows that have changed since `rows` or `news` was asked, oldest first."""
        news, self._unsent = self._unsent, []
        return news + [text for _, text in self._unfinished()]

    # -- distributions --------------------------------------------------------------------------------------------

    @property
    def threads(self) -> list[str]:
        """Threads that have served a request, by number."""
        return sorted(self._requests, key=lambda name: (len(name), name))

    def requests(self, thread: str = "") -> Distribution:
        """Whole requests, of one thread or of all."""
        return _merged("request", (d for t, d in self._requests.items() if thread in ("", t)))

    def callbacks(self, scope: Scope = EVERYTHING) -> list[Distribution]:
        """Callbacks: those of streams first, the start of the VMs last, each by its whole time."""
        found: dict[str, list[Distribution]] = {}
        for (*where, name), one in self._callbacks.items():
            if all(wanted in (None, here) for wanted, here in zip(scope.place, where, strict=True)):
                found.setdefault(name, []).append(one)
        merged = [_merged(name, parts) for name, parts in found.items()]
        return sorted(merged, key=lambda d: (d.name in _AT_START, -d.total))

    def find(self, row_id: int) -> Any:
        """An exchange by its row id; None if it is another version's, or no longer remembered."""
        version, number = divmod(row_id, VERSION)
        exchanges = self.proxy.exchanges if version == self.version else ()
        at = number - exchanges[0].number if exchanges else -1
        return exchanges[at] if 0 <= at < len(exchanges) else None


def _merged(name: str, parts: Iterable[Distribution]) -> Distribution:
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    whole = Distribution(name)
    for part in parts:
        whole.values.extend(part.values)
    return whole
