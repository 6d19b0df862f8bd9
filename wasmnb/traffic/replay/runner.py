"""Send recorded exchanges through a replay session, and add the results to a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ...errors import UsageError
from ...host.trace.filter_times import FilterTimes
from ..data_frames.tables import EventTables, metric_rows, row_of
from ..distribution import Distribution
from ..recorded.exchange import RecordedExchange
from .report import ReplayReport
from .session import NotSendable, ReplaySession

if TYPE_CHECKING:
    from ...host import Exchange

__all__ = ["BatchItem", "numbered", "run_items"]

#: Number of exchanges after which the trace is read.
BATCH = 250

#: Virtual seconds to wait for the last requests of a replay with `speed`.
_PATIENCE = 60.0

#: Maximum pause between two requests in virtual seconds. Longer pauses, for example in recordings of two days, are shortened.
_LONGEST_GAP = 3600.0

#: State of an exchange that counts as failed -> message.
_FAILURES = {
    "failed": "The filter failed.",
    "paused": "There was no response within the time limit, because the filter holds the request.",
    "open": "There was no response within the time limit.",
}

#: Position in the recording, number of the worker, and the exchange.
BatchItem = tuple[int, int, RecordedExchange]


def run_items(
    session: ReplaySession,
    items: Iterable[BatchItem],
    report: ReplayReport,
    *,
    speed: float | None = None,
    progress: Callable[[int], None] | None = None,
    events: bool = False,
) -> None:
    """Send exchanges and add their results to a report.

    Parameters
    ----------
    session
        Session that sends the requests.
    items
        The exchanges, in order.
    report
        Report to add the results to. An interrupt ends the run and sets `report.interrupted`.
    speed
        Multiple of the recorded speed (default None: each request is sent when the previous one has ended).
    progress
        Function that is called after each batch with the number of exchanges so far (default None).
    events
        Whether to collect the tables of callbacks, hostcalls and log lines (default False).
    """
    began, iterator = time.perf_counter(), iter(items)
    report.events = EventTables() if events else None
    run = _ReplayRun(session, report, speed)
    try:
        while batch := list(islice(iterator, BATCH)):
            run.send(batch)
            if progress is not None:
                progress(report.read)
        run.finish()
    except KeyboardInterrupt:
        report.interrupted = True
        run.collect(final=True)
    report.metrics = metric_rows(session.proxy)
    report.real_seconds += time.perf_counter() - began


class _ReplayRun:
    """A replay that sends its exchanges in batches. The result of a long request is collected with a later batch."""

    def __init__(self, session: ReplaySession, report: ReplayReport, speed: float | None) -> None:
        self._session = session
        self._report = report
        self._pace = None if speed is None else _Pace(session, speed, report)
        self._sent: list[tuple[BatchItem, Exchange]] = []
        self._times = FilterTimes()
        self._indexes: dict[int | None, int] = {}
        self._lines = session.proxy.log.written

    def send(self, batch: list[BatchItem]) -> None:
        """Send a batch of exchanges, and add those that have ended to the report."""
        report, done = self._report, 0
        send = self._session.send if self._pace is None else self._pace.send
        report.read += len(batch)
        try:
            for item in batch:
                try:
                    self._sent.append((item, send(item[2], item[1])))
                except (NotSendable, UsageError) as error:
                    report.skipped += 1
                    _note(report, item, str(error))
                done += 1
        finally:
            report.skipped += len(batch) - done  # nonzero after an interrupt
        self.collect(final=self._pace is None)

    def finish(self) -> None:
        """Wait for requests that haven't ended, and add them to the report."""
        if self._pace is not None:
            self._session.wait(_PATIENCE)
            self.collect(final=True)

    def collect(self, *, final: bool) -> None:
        """Add the requests that have ended to the report, or all requests if `final` is True."""
        report = self._report
        for callback in self._session.proxy.trace.callbacks():
            name = callback.name
            report.callbacks.setdefault(name, Distribution(name)).record(callback.guest_ns)
            self._times.add(callback)
        if report.events is not None:
            self._collect_events(report.events)
        waiting = []
        for item, exchange in self._sent:
            if final or exchange.done:
                _count(item, exchange, self._times.take(exchange), report)
            else:
                waiting.append((item, exchange))
        self._sent = waiting
        self._session.forget()

    def _collect_events(self, events: EventTables) -> None:
        proxy, indexes = self._session.proxy, self._indexes
        indexes.update((exchange.number, item[0]) for item, exchange in self._sent)
        events.add_events(proxy.trace, lambda number: indexes.get(number, -1))
        events.add_lines(proxy.log.since(self._lines), lambda number: indexes.get(number, -1))
        self._lines = proxy.log.written


class _Pace:
    """A sender of requests at their recorded times on the virtual clock.

    A request with an earlier time than the previous request is sent immediately.
    """

    def __init__(self, session: ReplaySession, speed: float, report: ReplayReport) -> None:
        self._session = session
        self._speed = speed
        self._report = report
        self._origin: float | None = None
        self._latest = session.proxy.now
        self._cut = 0.0  # virtual seconds by which pauses have been shortened

    def send(self, recorded: RecordedExchange, worker: int) -> Exchange:
        """Advance the virtual clock to the time of a request, and send the request."""
        proxy = self._session.proxy
        if recorded.started is not None:
            if self._origin is None:
                self._origin = recorded.started - proxy.now * self._speed
            moment = (recorded.started - self._origin) / self._speed - self._cut
            if moment - self._latest > _LONGEST_GAP:
                self._cut += moment - self._latest - _LONGEST_GAP
                moment = self._latest + _LONGEST_GAP
                text = f"No request was recorded for more than {_LONGEST_GAP / 60:.0f} minutes. The pause was shortened to this."
                self._report.notes.add(recorded.position, text, record=False)
            if moment < self._latest:
                self._report.notes.add(
                    recorded.position,
                    "The recorded time is earlier than that of the previous request. The request was sent immediately.",
                    record=False,
                )
            self._latest = max(self._latest, moment)
            if self._latest > proxy.now:
                proxy.advance(self._latest - proxy.now)
        return self._session.send_timed(recorded, worker)


def _count(item: BatchItem, exchange: Exchange, filter_ns: int, report: ReplayReport) -> None:
    index, worker, recorded = item
    response = exchange.response
    status = response.status if response is not None else 0
    expected = recorded.response.status if recorded.response is not None else 0
    if exchange.state in _FAILURES:
        report.failed += 1
        _note(report, item, _FAILURES[exchange.state])
    elif exchange.state == "refused":
        report.skipped += 1
        _note(report, item, f"The proxy rejected the request with status {status} ({exchange.details}).")
    else:
        report.replayed += 1
        report.same_status += status == expected
    report.statuses[status] += 1
    report.rows.add(*row_of(exchange, index, worker, expected, filter_ns))


def _note(report: ReplayReport, item: BatchItem, text: str) -> None:
    report.notes.add(item[2].position or f"exchange {item[0] + 1:,}", text, record=False)


def numbered(
    exchanges: Iterable[RecordedExchange], assign: Callable[[int, RecordedExchange], int]
) -> Iterator[BatchItem]:
    """Yield exchanges with their position in the recording and their worker."""
    return ((index, assign(index, recorded), recorded) for index, recorded in enumerate(exchanges))
