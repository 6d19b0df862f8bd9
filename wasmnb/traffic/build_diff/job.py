"""Send exchanges through two filters and compare the results, in this process or shard by shard in an executor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Self

from ...errors import UsageError
from ...host import Exchange, Plugin
from ...host.trace.filter_times import FilterTimes
from ..recorded.exchange import ReadingNotes, RecordedExchange
from ..replay.portable_filter import plugins_of, portable_plugins
from ..replay.runner import BatchItem
from ..replay.session import NotSendable, ReplaySession, settings_of
from ..replay.shards import ExchangeJob, Shard, items_of
from .differences import differences
from .groups import Example
from .observation import ExchangeObserver, Observation
from .report import DiffReport

__all__ = ["DiffJob", "Side", "compare"]

#: Virtual seconds that each callback takes. The value is the same for both filters, so that their clocks agree.
_GUEST_TIME = 1e-4

#: Number of exchanges after which the times are read from the trace.
_BATCH = 250


@dataclass(frozen=True)
class Side:
    """One of the two filters that are compared.

    Attributes
    ----------
    name
        Name of the filter.
    plugins
        Plugins of its filter chain.
    settings
        Parameters of `Proxy`.
    """

    name: str
    plugins: tuple[Plugin, ...]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, subject: Any, workers: int, options: Mapping[str, Any]) -> Self:
        """Create a side from a parameter `old` or `new` of `diff`.

        Parameters
        ----------
        subject
            A filter, a plugin, a list of these, a proxy, a path, or None, as for `diff`.
        workers, options
            As for `diff`.
        """
        plugins = plugins_of(subject)
        settings = settings_of(subject, workers, {"guest_time": _GUEST_TIME, **options})
        return cls(plugins[0].name if plugins else "no filter", tuple(plugins), settings)

    def portable(self) -> Self:
        """Return a copy that can be pickled for another process. It has one worker."""
        return replace(self, plugins=portable_plugins(self.plugins), settings={**self.settings, "workers": 1})


class _FilterRun:
    """A new proxy with one of the two filters."""

    def __init__(self, side: Side) -> None:
        self.session = ReplaySession(side.plugins, side.settings)
        self.observer = ExchangeObserver(self.session.proxy)
        self._sent: list[Exchange] = []

    def send(self, recorded: RecordedExchange, worker: int) -> Observation:
        """Send a recorded request on a worker, and return the effects of the filter."""
        exchange = self.session.send(recorded, worker)
        self._sent.append(exchange)
        return self.observer.observe(exchange)

    def take_times(self) -> list[int]:
        """Return the measured nanoseconds that each request has spent in the filter, for all requests since the last call."""
        times = FilterTimes(measured=True)
        for callback in self.session.proxy.trace.callbacks():
            times.add(callback)
        spent = [times.take(exchange) for exchange in self._sent]
        self._sent.clear()
        self.session.forget()
        return spent


def compare(
    sides: Sequence[Side], items: Iterable[BatchItem], report: DiffReport, progress: Callable[[int], None] | None = None
) -> None:
    """Send exchanges through both filters and add the differences to a report.

    Parameters
    ----------
    sides
        The old filter and the new one.
    items
        The exchanges, each with its position in the recording and its worker.
    report
        Report to add the results to. An interrupt ends the comparison and sets `report.interrupted`.
    progress
        Function that is called with the number of exchanges so far.
    """
    with ExitStack() as stack:
        runs = []
        for side in sides:
            runs.append(_FilterRun(side))
            stack.callback(runs[-1].session.close)
        try:
            for item in items:
                _compare_one(runs, item, report)
                if report.read % _BATCH == 0:
                    _take_times(runs, report)
                    if progress is not None:
                        progress(report.read)
        except KeyboardInterrupt:
            report.interrupted = True
            report.skipped = report.read - report.replayed - report.failed
        _take_times(runs, report)
        report.grouping.compared = report.replayed


def _compare_one(runs: list[_FilterRun], item: BatchItem, report: DiffReport) -> None:
    index, worker, recorded = item
    report.read += 1
    try:
        old, new = _both(runs, recorded, worker, index)
    except (NotSendable, UsageError) as error:
        report.skipped += 1
        report.notes.add(recorded.position or f"exchange {index + 1:,}", str(error), record=False)
        return
    report.replayed += 1
    if differing := differences(old, new):
        report.differing += 1
        report.grouping.add(differing, Example(index, recorded, old, new))


def _both(
    runs: list[_FilterRun], recorded: RecordedExchange, worker: int, index: int
) -> tuple[Observation, Observation]:
    """Send an exchange through both filters. Their order alternates, so that neither benefits from caches."""
    first = index % 2
    seen = {first: runs[first].send(recorded, worker), 1 - first: runs[1 - first].send(recorded, worker)}
    return seen[0], seen[1]


def _take_times(runs: list[_FilterRun], report: DiffReport) -> None:
    report.old_filter.values.extend(runs[0].take_times())
    report.new_filter.values.extend(runs[1].take_times())


@dataclass(frozen=True)
class DiffJob(ExchangeJob[DiffReport]):
    """A comparison of two filters that an executor can run shard by shard in other processes.

    Attributes
    ----------
    old, new
        The two filters, which must be portable.
    traffic
        Name of the recording.
    """

    old: Side
    new: Side
    traffic: str

    def empty(self) -> DiffReport:
        """Return an empty report of the comparison."""
        return DiffReport(self.old.name, self.new.name, self.traffic)

    def run(self, shard: Shard) -> DiffReport:
        """Compare the two filters with the exchanges of a shard."""
        report, notes, masked = self.empty(), ReadingNotes(self.traffic), Counter[str]()
        compare((self.old, self.new), items_of(shard, notes, masked), report)
        report.reading, report.masked, report.shards = notes.messages, masked, 1
        return report
