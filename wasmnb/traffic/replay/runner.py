"""Runs recorded exchanges through a session and fills a report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..distribution import Distribution
from ..recorded.exchange import RecordedExchange
from .report import ReplayReport
from .session import NotSendable, ReplaySession

if TYPE_CHECKING:
    from ...host import Exchange

__all__ = ["Item", "numbered", "run_items"]

#: Exchanges between two readings of the trace.
BATCH = 250

#: Virtual seconds that the last requests of a timed replay may take.
_PATIENCE = 60.0

#: State of an exchange that counts as failed -> sentence.
_FAILURES = {
    "failed": "The filter failed.",
    "paused": "The filter holds the request; there was no response within the time limit.",
    "open": "There was no response within the time limit.",
}

#: Position in the recording, worker, exchange.
Item = tuple[int, int, RecordedExchange]


def run_items(
    session: ReplaySession,
    items: Iterable[Item],
    report: ReplayReport,
    *,
    speed: float | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Send exchanges and add their results to a report.

    Parameters
    ----------
    session
        The session.
    items
        The exchanges in their order.
    report
        Gets the results. An interrupt is noted in it and ends the run.
    speed
        Multiple of the recorded speed, 1 for the recorded moments; None for one after the other.
    progress
        Called with the number of exchanges after each batch.
    """
    began, iterator = time.perf_counter(), iter(items)
    run = _Run(session, report, speed)
    try:
        while batch := list(islice(iterator, BATCH)):
            run.send(batch)
            if progress is not None:
                progress(report.read)
        run.finish()
    except KeyboardInterrupt:
        report.interrupted = True
        run.collect(final=True)
    report.real_seconds += time.perf_counter() - began


class _Run:
    """The batches of one replay. Requests that last longer than their batch are collected with a later one."""

    def __init__(self, session: ReplaySession, report: ReplayReport, speed: float | None) -> None:
        self._session = session
        self._report = report
        self._pace = None if speed is None else _Pace(session, speed, report)
        self._sent: list[tuple[Item, Exchange]] = []
        self._filter_ns: Counter[int] = Counter()

    def send(self, batch: list[Item]) -> None:
        """Send a batch and collect what is done."""
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
            report.skipped += len(batch) - done  # an interrupt
        self.collect(final=self._pace is None)

    def finish(self) -> None:
        """Wait for the requests that still run."""
        if self._pace is not None:
            self._session.wait(_PATIENCE)
            self.collect(final=True)

    def collect(self, *, final: bool) -> None:
        """Add requests that are done to the report; all of them if `final`."""
        report, filter_ns = self._report, self._filter_ns
        for name, guest_ns, number, *_ in self._session.proxy.trace.callbacks():
            report.callbacks.setdefault(name, Distribution(name)).record(guest_ns)
            if number is not None:
                filter_ns[number] += guest_ns
        waiting = []
        for item, exchange in self._sent:
            if final or exchange.done:
                _count(item, exchange, filter_ns.pop(exchange.number, 0), report)
            else:
                waiting.append((item, exchange))
        self._sent = waiting
        self._session.forget()


class _Pace:
    """Sends requests at their recorded moments of virtual time. Moments that run backwards count as the last one."""

    def __init__(self, session: ReplaySession, speed: float, report: ReplayReport) -> None:
        self._session = session
        self._speed = speed
        self._report = report
        self._origin: float | None = None
        self._latest = 0.0

    def send(self, recorded: RecordedExchange, worker: int) -> Exchange:
        """Let time pass until the request's moment, then send it."""
        proxy = self._session.proxy
        if recorded.started is not None:
            if self._origin is None:
                self._origin = recorded.started - proxy.now * self._speed
            moment = (recorded.started - self._origin) / self._speed
            if moment < self._latest:
                self._report.notes.add(
                    recorded.position, "The recorded clock runs backwards; the request is sent at once.", record=False
                )
            self._latest = max(self._latest, moment)
            if self._latest > proxy.now:
                proxy.advance(self._latest - proxy.now)
        return self._session.send_timed(recorded, worker)


def _count(item: Item, exchange: Exchange, filter_ns: int, report: ReplayReport) -> None:
    index, worker, recorded = item
    response = exchange.response
    status = response.status if response is not None else 0
    expected = recorded.response.status if recorded.response is not None else 0
    if exchange.state in _FAILURES:
        report.failed += 1
        _note(report, item, _FAILURES[exchange.state])
    elif exchange.state == "refused":
        report.skipped += 1
        _note(report, item, f"The proxy refused the request with {status} ({exchange.details}).")
    else:
        report.replayed += 1
        report.same_status += status == expected
    report.statuses[status] += 1
    report.rows.add(
        index, worker, exchange.request.method, exchange.request.path, expected, status, exchange.state, exchange.duration,
        filter_ns / 1e9, len(exchange.request.body), len(response.body) if response is not None else 0,
    )  # fmt: skip


def _note(report: ReplayReport, item: Item, text: str) -> None:
    report.notes.add(item[2].position or f"exchange {item[0] + 1:,}", text, record=False)


def numbered(exchanges: Iterable[RecordedExchange], assign: Callable[[int, RecordedExchange], int]) -> Iterator[Item]:
    """Iterate over exchanges with their position and worker."""
    return ((index, assign(index, recorded), recorded) for index, recorded in enumerate(exchanges))
