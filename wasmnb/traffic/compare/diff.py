"""`diff`: the same traffic through two filters, and the differences in groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from ...errors import UsageError
from ..recorded.exchange import RecordedExchange
from ..recorded.traffic import RecordedTraffic
from ..replay.assignment import ROUND_ROBIN, assignment_of
from ..replay.portable import plugins_of
from ..replay.replay import Traffic, recorded_traffic
from ..replay.runner import numbered
from ..replay.session import NotSendable, ReplaySession, settings_of
from .differences import differences
from .groups import Example, Grouping
from .observation import Observation, Observer
from .report import DiffReport

__all__ = ["diff"]

#: Virtual seconds of a callback: the same for both filters, so that their clocks show the same time.
_GUEST_TIME = 1e-4

#: Exchanges between two readings of the trace.
_BATCH = 250


def diff(
    old: Any,
    new: Any,
    traffic: Traffic,
    *,
    workers: int = 1,
    assign: str = ROUND_ROBIN,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> DiffReport:
    """Send the same recorded requests through two filters and group what differs.

    Compared are status, headers, body and trailers of the response, requests at the upstream, log lines of the filter, changes
    of metrics, and callouts. Both filters run with the same seed, and their callbacks take the same virtual time.

    Parameters
    ----------
    old, new
        Filters, plugins, lists of them, proxies, paths of `.py` or `.wasm` files, or None for no filter.
    traffic
        As for `replay`.
    workers, assign
        Number of workers (1), and the worker of a request, as for `replay`.
    progress
        Called with the number of exchanges so far.
    options
        Parameters of `Proxy` for both: `seed`, `clusters`, ...

    Returns
    -------
    DiffReport
        After an interrupt, the report of the exchanges so far.

    Raises
    ------
    UsageError
        A parameter isn't valid, or the recording can't be opened.
    """
    recording = recorded_traffic(traffic)
    assignment = assignment_of(assign, workers)
    sides: list[_Side] = []
    try:
        sides += (_Side(subject, workers, options) for subject in (old, new))
        report = DiffReport(sides[0].name, sides[1].name, getattr(recording, "name", "traffic"))
        _compare(sides, recording, assignment, report, progress)
    finally:
        for side in sides:
            side.session.close()
    if isinstance(recording, RecordedTraffic):
        report.reading, report.masked = recording.messages, dict(recording.masked)
    return report


class _Side:
    """One of the two filters, in a proxy of its own."""

    def __init__(self, subject: Any, workers: int, options: dict[str, Any]) -> None:
        plugins = plugins_of(subject)
        settings = settings_of(subject, workers, {"guest_time": _GUEST_TIME, **options})
        self.name = plugins[0].name if plugins else "no filter"
        self.session = ReplaySession(plugins, settings)
        self.observer = Observer(self.session.proxy)
        self._numbers: list[int] = []

    def send(self, recorded: RecordedExchange, worker: int) -> Observation:
        """Send an exchange and observe what happens."""
        exchange = self.session.send(recorded, worker)
        self._numbers.append(exchange.number)
        return self.observer.observe(exchange)

    def take_times(self) -> list[int]:
        """Return the nanoseconds in the filter of every request since the last call."""
        spent: Counter[int] = Counter()
        for _, guest_ns, number, *_ in self.session.proxy.trace.callbacks():
            if number is not None:
                spent[number] += guest_ns
        times = [spent[number] for number in self._numbers]
        self._numbers.clear()
        self.session.forget()
        return times


def _compare(
    sides: list[_Side],
    recording: Iterable[RecordedExchange],
    assign: Callable[[int, RecordedExchange], int],
    report: DiffReport,
    progress: Callable[[int], None] | None,
) -> None:
    grouping = Grouping()
    try:
        for index, worker, recorded in numbered(recording, assign):
            report.read += 1
            try:
                old, new = _both(sides, recorded, worker, index)
            except (NotSendable, UsageError) as error:
                report.skipped += 1
                report.notes.add(recorded.position or f"exchange {index + 1:,}", str(error), record=False)
                continue
            report.replayed += 1
            if found := differences(old, new):
                report.differing += 1
                grouping.add(found, Example(index, recorded, old, new))
            if report.read % _BATCH == 0:
                _take_times(sides, report)
                if progress is not None:
                    progress(report.read)
    except KeyboardInterrupt:
        report.interrupted = True
        report.skipped = report.read - report.replayed - report.failed
    _take_times(sides, report)
    grouping.compared = report.replayed
    report.groups = grouping.groups()


def _both(sides: list[_Side], recorded: RecordedExchange, worker: int, index: int) -> tuple[Observation, Observation]:
    """Send an exchange through both filters; they take turns in going first, so that neither has the warmer cache."""
    first = index % 2
    seen = {first: sides[first].send(recorded, worker), 1 - first: sides[1 - first].send(recorded, worker)}
    return seen[0], seen[1]


def _take_times(sides: list[_Side], report: DiffReport) -> None:
    report.old_filter.values.extend(sides[0].take_times())
    report.new_filter.values.extend(sides[1].take_times())
