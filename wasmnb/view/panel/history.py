"""The history of a proxy for the panel: rows of the list of exchanges, times in the filter, and latencies.

Each event is read only once, because reading ten thousand exchanges at every refresh would take seconds. Rows are stored as
JSON text, so that a message with all rows is created by one `join`.
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
_OPEN = 200  # maximum number of unfinished exchanges in the list


class Past:
    """The most recent rows, some details and the latencies of earlier versions of a filter."""

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.details: dict[int, Any] = {}
        self.latencies: dict[str, Any] = {}

    def followed_by(self, history: History, latency: Any) -> Past:
        """Return a copy that also contains the most recent rows, details and latencies of a replaced version.

        Parameters
        ----------
        history
            The history of the replaced version.
        latency
            The latencies of the replaced version.
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
    """Rows of the list of exchanges, and latencies, of one proxy.

    Parameters
    ----------
    proxy
        The proxy.
    version
        Number of proxies that the panel showed before this one (default 0).
    """

    def __init__(self, proxy: Proxy, version: int = 0) -> None:
        self.proxy = proxy
        self.version = version
        self._callbacks: dict[tuple[str, int, int, str], Distribution] = {}
        self._requests: dict[str, Distribution] = {}
        self._times = FilterTimes()  # of exchanges that haven't ended
        self._filter_ns: dict[int, int] = {}  # of exchanges in the list
        self._starts: tuple[Any, list[VmStart]] = (None, [])
        self._rows: deque[tuple[int, str]] = deque(maxlen=KEPT)
        self._open: list[Any] = []
        self._unsent: list[str] = []
        self._events = self._exchanges = 0

    # -- reading --------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Read the events and exchanges since the last call."""
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
        """Return the exchanges since the last call, oldest first."""
        exchanges = self.proxy.exchanges
        total = exchanges[-1].number if exchanges else self._exchanges  # a discarded proxy has no exchanges
        number = min(total - self._exchanges, len(exchanges))
        self._exchanges = total
        return list(islice(reversed(exchanges), number))[::-1]

    def _add_rows(self, new: list[Any]) -> None:
        """Add rows for exchanges that have ended. The others are checked again in the next call."""
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
        """Return the starts of the VMs. The trace is read again only if VMs have been created, have failed or been dropped."""
        proxy = self.proxy
        key = (proxy.server.vms_created, len(proxy.vms), sum(vm.failed for vm in proxy.vms))
        if self._starts[0] != key:
            self._starts = (key, vm_starts(proxy.trace.of_starts(), proxy.simulation.fixed_time))
        return self._starts[1]

    # -- rows -----------------------------------------------------------------------------------------------------

    def id_of(self, exchange: Any) -> int:
        """Return the id of the row of an exchange."""
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
        """Return the most recent exchanges that haven't ended."""
        return self._open[-_OPEN:]

    def _unfinished(self) -> list[tuple[int, str]]:
        ids = [(self.id_of(exchange), exchange) for exchange in self.unfinished()]
        return [(i, view_data.row_text(exchange, self.filter_ns(exchange), i)) for i, exchange in ids]

    def filter_ns(self, exchange: Any) -> int:
        """Return the nanoseconds that an exchange has spent in the filter. The value is the same as in its row."""
        known = self._filter_ns.get(self.id_of(exchange))
        return self._times.of(exchange) if known is None else known

    def newest(self, limit: int) -> list[tuple[int, str]]:
        """Return the ids and rows of the last exchanges that have ended, newest first."""
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
        """Names of the threads that have handled a request, sorted by number."""
        return sorted(self._requests, key=lambda name: (len(name), name))

    def requests(self, thread: str = "") -> Distribution:
        """Return the durations of requests.

        Parameters
        ----------
        thread
            Name of the thread, or '' for all threads (default '').
        """
        return _merge("request", (d for t, d in self._requests.items() if thread in ("", t)))

    def callbacks(self, scope: Scope = EVERYTHING) -> list[Distribution]:
        """Return the durations of each callback, sorted by total time. Callbacks of the start come last.

        Parameters
        ----------
        scope
            The part of the proxy to include (default: the whole proxy).
        """
        groups: dict[str, list[Distribution]] = {}
        for (*location, name), distribution in self._callbacks.items():
            if all(required in (None, value) for required, value in zip(scope.location, location, strict=True)):
                groups.setdefault(name, []).append(distribution)
        merged = [_merge(name, parts) for name, parts in groups.items()]
        return sorted(merged, key=lambda d: (d.name in START_CALLBACKS - {"on_context_create"}, -d.total))

    def find(self, row_id: int) -> Any:
        """Return the exchange of a row. Returns None for earlier versions, and if the proxy has discarded the exchange."""
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
