"""The replay of one shard, which runs in the processes of an executor."""

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
    """Everything that a process of an executor needs, except the shard, to replay it.

    Attributes
    ----------
    plugins, settings
        Plugins with their filters in portable form, and parameters of `Proxy`.
    name, traffic
        Names for the report.
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
        """Return an empty report."""
        return ReplayReport(self.name, self.traffic)

    def run(self, shard: Shard) -> ReplayReport:
        """Run a shard in a proxy of its own, and return its report."""
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
    """Set a column in all rows: the shard's own proxy has only one worker, and doesn't know its shard."""
    column = rows.columns[name]
    column[:] = array("q", [value]) * len(column)
