"""Replay a shard of a recording in a process of an executor."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...host import Plugin
from ..data_frames.columns import Columns
from ..recorded.exchange import ReadingNotes
from .report import ReplayReport
from .runner import run_items
from .session import ReplaySession
from .shards import ExchangeJob, Shard, items_of

__all__ = ["ShardJob"]


@dataclass(frozen=True)
class ShardJob(ExchangeJob[ReplayReport]):
    """A replay that an executor can run shard by shard in other processes.

    Attributes
    ----------
    plugins
        Plugins with portable filters.
    settings
        Parameters of `Proxy`.
    name, traffic
        Names of the filter and of the recording, for the report.
    speed, events
        As for `replay`.
    """

    plugins: tuple[Plugin, ...]
    settings: Mapping[str, Any]
    name: str
    traffic: str
    speed: float | None
    events: bool = False

    def empty(self) -> ReplayReport:
        """Return an empty report of the replay."""
        return ReplayReport(self.name, self.traffic)

    def run(self, shard: Shard) -> ReplayReport:
        """Replay a shard in a new proxy, and return its report."""
        report, notes = self.empty(), ReadingNotes(self.traffic)
        session = ReplaySession(self.plugins, {**self.settings, "workers": 1})
        try:
            items = items_of(shard, notes, report.masked)
            run_items(session, items, report, speed=self.speed, events=self.events)
        finally:
            session.close()
        _set(report.rows, "worker", shard.worker)
        _set(report.metrics, "shard", shard.number)
        report.reading, report.unreadable, report.shards = notes.messages, notes.unreadable, 1
        return report


def _set(rows: Columns, name: str, value: int) -> None:
    """Set a column to the same value in all rows. Used for columns that the shard's own proxy can't fill."""
    column = rows.columns[name]
    column[:] = array("q", [value]) * len(column)
