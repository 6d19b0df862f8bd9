"""The report of a comparison of two builds."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from ..._display import Shown
from ..distribution import Distribution
from ..recorded.exchange import ReadingNotes
from .groups import DifferenceGroup, Grouping

__all__ = ["DiffReport"]

#: p-value below which a difference of latencies is called significant.
_LEVEL = 0.01


class DiffReport(Shown):
    """Differences between two filters that received the same traffic.

    Attributes
    ----------
    old, new
        Names of the filters.
    traffic
        Name of the recording.
    grouping
        The differences, before they are grouped.
    shards
        Number of shards of the recording that were compared.
    read
        Number of exchanges that were read. It is the sum of `replayed`, `skipped` and `failed`.
    replayed
        Number of exchanges that were sent through both filters.
    skipped
        Number of exchanges that can't be sent.
    failed
        Number of exchanges that couldn't be compared.
    differing
        Number of exchanges with at least one difference.
    messages
        Sentences about exchanges that weren't read or weren't sent.
    old_filter, new_filter
        Times that requests spent in each filter, in nanoseconds.
    masked
        Number of masked secrets, by the place where they occurred.
    interrupted
        Whether the comparison was interrupted.
    """

    def __init__(self, old: str, new: str, traffic: str) -> None:
        self.old, self.new, self.traffic = old, new, traffic
        self.grouping = Grouping()
        self.shards = 0
        self.read = self.replayed = self.skipped = self.failed = self.differing = 0
        self.notes = ReadingNotes(traffic)
        self.reading: list[str] = []
        self.masked: Counter[str] = Counter()
        self.interrupted = False
        self.old_filter, self.new_filter = Distribution(f"{old} (old)"), Distribution(f"{new} (new)")

    @property
    def groups(self) -> list[DifferenceGroup]:
        """The differences in groups. The group with the most exchanges is first."""
        return self.grouping.groups()

    @property
    def same(self) -> bool:
        """Whether no exchange differs between the two filters."""
        return not self.differing

    def add(self, other: DiffReport) -> None:
        """Add the report of the next shard. The operation is associative."""
        for name in ("read", "replayed", "skipped", "failed", "differing", "shards"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.grouping.merge(other.grouping)
        self.notes.extend(other.notes)
        self.reading += [message for message in other.reading if message not in self.reading]
        self.masked.update(other.masked)
        self.interrupted |= other.interrupted
        self.old_filter.values.extend(other.old_filter.values)
        self.new_filter.values.extend(other.new_filter.values)

    @property
    def messages(self) -> list[str]:
        """Sentences about exchanges that weren't read or weren't sent. Each contains the position of the first exchange."""
        return [*self.reading, *self.notes.messages]

    @property
    def latency(self) -> str:
        """A sentence that compares the median times in the two filters and states whether the difference is significant."""
        old, new = self.old_filter, self.new_filter
        if not (old.count and new.count and old.median):
            return "There are no latencies to compare, because no request was sent through both filters."
        change = new.median / old.median - 1
        probability = _mann_whitney(old, new)
        verdict = "significant" if probability < _LEVEL else "not significant"
        return (
            f"Median time in the filter: {old.median / 1000:.1f} us -> {new.median / 1000:.1f} us ({change:+.1%}); "
            f"the difference is {verdict} (Mann-Whitney, p = {probability:.2g})."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a dictionary for JSON: counts, groups with their examples, and messages."""
        counts = {
            name: getattr(self, name) for name in ("read", "replayed", "skipped", "failed", "differing", "interrupted")
        }
        groups = [
            {
                "title": group.title,
                "count": group.count,
                "example": {
                    "index": group.example.index,
                    "position": group.example.recorded.position,
                    "method": group.example.recorded.request.method,
                    "path": group.example.recorded.request.path,
                },
                "differences": [
                    {"what": d.title, "old": _plain(d.old), "new": _plain(d.new)} for d in group.differences
                ],
            }
            for group in self.groups
        ]
        names = {"old": self.old, "new": self.new, "traffic": self.traffic, "same": self.same}
        return {**names, **counts, "groups": groups, "latency": self.latency, "messages": self.messages}

    def __repr__(self) -> str:
        verdict = "same" if self.same else f"{self.differing:,} differ in {len(self.groups):,} groups"
        return f"<DiffReport {self.old} -> {self.new}: {self.replayed:,} of {self.read:,} compared, {verdict}>"


def _plain(value: Any) -> Any:
    """Return a value that can be written as JSON. Bytes become text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _mann_whitney(old: Distribution, new: Distribution) -> float:
    """Return the two-sided p-value of the Mann-Whitney test, using the normal approximation."""
    import numpy as np

    a, b = np.frombuffer(old.values, dtype=np.int64), np.frombuffer(new.values, dtype=np.int64)
    joined = np.concatenate([a, b])
    _, inverse, counts = np.unique(joined, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    n, m = len(a), len(b)
    total = n + m
    ties = float(((counts.astype(float) ** 3 - counts).sum()) / (total * (total - 1))) if total > 1 else 0.0
    spread = math.sqrt(max(n * m / 12 * (total + 1 - ties), 1e-12))
    score = (float(ranks[:n].sum()) - n * (n + 1) / 2 - n * m / 2) / spread
    return math.erfc(abs(score) / math.sqrt(2))
