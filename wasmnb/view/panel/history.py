"""The history of a proxy: rows of the list of exchanges, time in the filter, distributions.

Each event is read once, since reading ten thousand exchanges at every refresh would take seconds. A row is kept as the
JSON text that is sent, so that a message with all rows is one `join`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any

from wasmnb.host.trace.filter_times import FilterTimes
from wasmnb.host.trace.trace import START_CALLBACKS
from wasmnb.traffic.distribution import Distribution
from wasmnb.view.documents.proxy.start import VmStart, vm_starts

from . import view_data
from .scope import EVERYTHING, Scope

if TYPE_CHECKING:
    from wasmnb.host import Proxy

__all__ = ["KEPT", "VERSION", "History", "Past"]

KEPT = 10_000

#: Row id = version of the filter x VERSION + number of the exchange.
VERSION = 1_000_000

_PAST_ROWS, _PAST_DETAILS = 200, 20
_OPEN = 200  # unfinished exchanges in the list


class Past:
    """The newest rows, some details and the latencies of replaced versions of a filter."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.details: dict[int, Any] = {}
        self.latencies: dict[str, Any] = {}

    def followed_by(self, history: History, latency: Any) -> Past:
        """Return what is kept with the end of one more history. The panel of that history keeps this object.

        Parameters
        ----------
        history
            The history of the version that is replaced.
        latency
            Its latency figures.
        """
        newest, details = history.newest(_PAST_ROWS), dict(self.details)
        for row_id, _ in newest[:_PAST_DETAILS]:
            exchange = history.find(row_id)
            if exchange is not None:
                details[row_id] = view_data.detail(exchange, row_id, history.filter_ns(exchange))
        past = Past()
        past.rows = [*(text for _, text in newest), *self.rows][: 3 * _PAST_ROWS]
        past.details = dict(sorted(details.items(), reverse=True)[: 3 * _PAST_DETAILS])
        past.latencies = self.latencies
        if latency.get("series"):
            past.latencies = {**self.latencies, f"version {history.version + 1}": latency}
        return past


class History:
    """Rows of the list of exchanges and distributions of one proxy.

    Parameters
    ----------
    proxy
        The proxy.
    version
        Number of proxies that the panel has shown before (default 0).
    """

    def __init__(self, proxy: Proxy, version: int = 0) -> None:
        self.proxy = proxy
        self.version = version
        self._callbacks: dict[tuple[str, int, int, str], Distribution] = {}
        self._requests: dict[str, Distribution] = {}
        self._times = FilterTimes()  # of exchanges that last
        self._filter_ns: dict[int, int] = {}  # of exchanges in the list
        self._starts: tuple[Any, list[VmStart]] = (None, [])
        self._rows: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._open: list[Any] = []
        self._unsent: list[str] = []
        self._events = self._exchanges = 0

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read the events and exchanges that are new."""
        trace, callbacks, times = self.proxy.trace, self._callbacks, self._times
        since, self._events = self._events, trace.total
        for callback in trace.callbacks(since):
            name, nanoseconds, _, thread, ref, _ = callback
            distribution = callbacks.get((thread, ref.vm, ref.root, name))
            if distribution is None:
                distribution = callbacks[thread, ref.vm, ref.root, name] = Distribution(name)
            distribution.record(nanoseconds)
            times.add(callback)
        self._add_rows(self._new_exchanges())
        times.keep(self._open)

    def _new_exchanges(self) -> list[Any]:
        """Return the exchanges that are new, oldest first."""
        exchanges = self.proxy.exchanges
        total = exchanges[-1].number if exchanges else self._exchanges  # a discarded proxy has none left
        number = min(total - self._exchanges, len(exchanges))
        self._exchanges = total
        return list(islice(reversed(exchanges), number))[::-1]

    def _add_rows(self, new: list[Any]) -> None:
        """Add rows for done exchanges; the others are checked again next time."""
        candidates, self._open = [*self._open, *new], []
        for exchange in candidates:
            if not exchange.done:
                self._open.append(exchange)
                continue
            row_id = self.id_of(exchange)
            inside = self._times.take(exchange)
            text = view_data.row_text(exchange, inside, row_id)
            self._request(exchange.thread).record(int(exchange.duration * 1e9))
            if len(self._rows) == KEPT:
                self._filter_ns.pop(self._rows[0][0], None)
            self._filter_ns[row_id] = inside
            self._rows.append((row_id, text))
            self._unsent.append(text)

    def _request(self, thread: str) -> Distribution:
        if thread not in self._requests:
            self._requests[thread] = Distribution("request")
        return self._requests[thread]

    def starts(self) -> list[VmStart]:
        """Return the starts of the VMs; the trace is read again only if VMs were created, failed or dropped meanwhile."""
        proxy = self.proxy
        key = (proxy.server.vms_created, len(proxy.vms), sum(vm.failed for vm in proxy.vms))
        if self._starts[0] != key:
            self._starts = (key, vm_starts(proxy.trace.of_starts(), proxy.simulation.fixed_time))
        return self._starts[1]

    # -- rows -----------------------------------------------------------------------------------------------------

    def id_of(self, exchange: Any) -> int:
        """Return the row id of an exchange."""
        return int(self.version * VERSION + exchange.number)

    @property
    def total(self) -> int:
        """Number of exchanges so far."""
        return self._exchanges

    @property
    def events(self) -> int:
        """Number of events that have been read."""
        return self._events

    def unfinished(self) -> list[Any]:
        """Return the newest exchanges that are not done."""
        return self._open[-_OPEN:]

    def _unfinished(self) -> list[tuple[int, str]]:
        ids = [(self.id_of(exchange), exchange) for exchange in self.unfinished()]
        return [(i, view_data.row_text(exchange, self.filter_ns(exchange), i)) for i, exchange in ids]

    def filter_ns(self, exchange: Any) -> int:
        """Return the nanoseconds that an exchange has spent in the filter, as its row has them."""
        known = self._filter_ns.get(self.id_of(exchange))
        return self._times.of(exchange) if known is None else known

    def newest(self, limit: int) -> list[tuple[int, str]]:
        """Return the ids and rows of done exchanges, newest first."""
        return list(islice(reversed(self._rows), limit))

    def rows(self) -> list[str]:
        """Return all rows, newest first."""
        self._unsent = []
        return [text for _, text in sorted([*self._rows, *self._unfinished()], reverse=True)][:KEPT]

    def changed_rows(self) -> list[str]:
        """Return the rows that have changed since the last call of this method or `rows`, oldest first."""
        unsent, self._unsent = self._unsent, []
        return unsent + [text for _, text in self._unfinished()]

    # -- distributions --------------------------------------------------------------------------------------------

    @property
    def threads(self) -> list[str]:
        """Threads that have handled a request, by number."""
        return sorted(self._requests, key=lambda name: (len(name), name))

    def requests(self, thread: str = "") -> Distribution:
        """Return the durations of requests.

        Parameters
        ----------
        thread
            Only those of this thread (default all).
        """
        return _merge("request", (d for t, d in self._requests.items() if thread in ("", t)))

    def callbacks(self, scope: Scope = EVERYTHING) -> list[Distribution]:
        """Return the durations by callback: streams first, the start of VMs last, longest total first.

        Parameters
        ----------
        scope
            Only those of this part of the proxy (default all).
        """
        groups: dict[str, list[Distribution]] = {}
        for (*origin, name), distribution in self._callbacks.items():
            if all(required in (None, value) for required, value in zip(scope.origin, origin, strict=True)):
                groups.setdefault(name, []).append(distribution)
        merged = [_merge(name, parts) for name, parts in groups.items()]
        return sorted(merged, key=lambda d: (d.name in START_CALLBACKS - {"on_context_create"}, -d.total))

    def find(self, row_id: int) -> Any:
        """Return an exchange by row id; None for another version, or if the proxy no longer has it."""
        version, number = divmod(row_id, VERSION)
        exchanges = self.proxy.exchanges if version == self.version else ()
        index = number - exchanges[0].number if exchanges else -1
        return exchanges[index] if 0 <= index < len(exchanges) else None


def _merge(name: str, parts: Iterable[Distribution]) -> Distribution:
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    merged = Distribution(name)
    for part in parts:
        merged.values.extend(part.values)
    return merged
