"""The report of a replay. Reports of successive shards can be merged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ..._display import Shown
from ..data_frames.columns import SCHEMAS, Columns
from ..data_frames.tables import EventTables, ReportTables
from ..distribution import Distribution
from ..recorded.exchange import ReadingNotes

__all__ = ["ReplayReport"]


class ReplayReport(ReportTables, Shown):
    """Results of a replay.

    Parameters
    ----------
    name
        Name of the filter.
    traffic
        Name of the recording.

    Attributes
    ----------
    read
        Number of exchanges that were read from the recording. It is the sum of `replayed`, `skipped` and `failed`.
    replayed
        Number of exchanges that were sent through the filter and ended with a response.
    skipped
        Number of exchanges that were not sent (CONNECT, an interrupt), or that the proxy rejected before the first filter.
    failed
        Number of exchanges in which a filter failed, that had no response, or whose process died.
    unreadable
        Number of records in the recording that can't be read. They are not counted in `read`.
    same_status
        Number of replayed exchanges whose status equals the recorded status.
    statuses
        Number of responses by status. 0 means that the connection was closed.
    masked
        Number of masked secrets, by the place where they occurred.
    callbacks
        Times in the filter by callback, without hostcalls, in nanoseconds.
    rows
        Table with a row for each exchange that was sent (see `wasmnb.traffic.data_frames.columns.SCHEMAS`).
    events
        Tables of callbacks, hostcalls and log lines, or None if they were not collected (`replay(..., events=False)`).
    metrics
        Table of the filters' metrics.
    shards
        Number of shards that were replayed.
    interrupted
        Whether the replay was interrupted.
    real_seconds
        Duration of the replay in real seconds.
    """

    function = "replay"

    def __init__(self, name: str, traffic: str = "") -> None:
        self.name = name
        self.traffic = traffic
        self.read = self.replayed = self.skipped = self.failed = 0
        self.unreadable = self.same_status = self.shards = 0
        self.statuses: Counter[int] = Counter()
        self.masked: Counter[str] = Counter()
        self.callbacks: dict[str, Distribution] = {}
        self.rows = Columns()
        self.events: EventTables | None = None
        self.metrics = Columns(SCHEMAS["metrics"])
        self.notes = ReadingNotes(traffic or name)
        self.reading: list[str] = []
        self.interrupted = False
        self.real_seconds = 0.0

    @property
    def messages(self) -> list[str]:
        """Sentences about exchanges that failed, or weren't read or sent. Each contains the position of the first exchange."""
        return [*self.reading, *self.notes.messages]

    @property
    def requests(self) -> Distribution:
        """Times from the arrival to the end of a request, in virtual nanoseconds."""
        return Distribution("request", (round(seconds * 1e9) for seconds in self.rows.columns["duration"]))

    @property
    def filter(self) -> Distribution:
        """Times that requests spent in filters, in nanoseconds."""
        return Distribution("filter", (round(seconds * 1e9) for seconds in self.rows.columns["filter_seconds"]))

    @property
    def distributions(self) -> list[Distribution]:
        """All distributions: `requests`, `filter`, and one for each callback."""
        return [self.requests, self.filter, *self.callbacks.values()]

    def add(self, other: ReplayReport) -> None:
        """Add the report `other`, that of the next shard, to this one."""
        for name in ("read", "replayed", "skipped", "failed", "unreadable", "same_status", "shards"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.statuses.update(other.statuses)
        self.masked.update(other.masked)
        self.rows.extend(other.rows)
        self.metrics.extend(other.metrics)
        if other.events is not None:
            self.events = self.events or EventTables()
            self.events.extend(other.events)
        self.notes.extend(other.notes)
        self.reading += [message for message in other.reading if message not in self.reading]
        self.interrupted |= other.interrupted
        self.real_seconds += other.real_seconds
        for name, values in other.callbacks.items():
            mine = self.callbacks.setdefault(name, Distribution(name))
            mine.values.extend(values.values)

    def merge(self, other: ReplayReport) -> ReplayReport:
        """Return a new report with the results of this report and of `other`. The exchanges of this report come first."""
        return self.merged((self, other), self.name, self.traffic)

    @classmethod
    def merged(cls, reports: Iterable[ReplayReport], name: str, traffic: str = "") -> ReplayReport:
        """Return a new report with the results of several shards.

        Parameters
        ----------
        reports
            The reports of the shards, in order.
        name, traffic
            Names of the filter and of the recording (default "").
        """
        whole = cls(name, traffic)
        for report in reports:
            whole.add(report)
        return whole

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a dictionary for JSON: counts, statuses, masked secrets and messages."""
        names = ("read", "replayed", "skipped", "failed", "unreadable", "same_status", "interrupted", "real_seconds")
        return {
            "name": self.name, "traffic": self.traffic, **{name: getattr(self, name) for name in names},
            "statuses": {str(status): number for status, number in sorted(self.statuses.items())},
            "masked": dict(self.masked), "messages": self.messages,
        }  # fmt: skip

    def __repr__(self) -> str:
        return (
            f"<ReplayReport of {self.name}: {self.read:,} read, {self.replayed:,} replayed, {self.skipped:,} skipped, "
            f"{self.failed:,} failed>"
        )
