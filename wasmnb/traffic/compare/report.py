"""The result of a comparison of two builds."""

from __future__ import annotations

import math
from typing import Any

from ..._display import Shown
from ..distribution import Distribution
from ..recorded.exchange import ReadingNotes
from .groups import DifferenceGroup

__all__ = ["DiffReport"]

#: Probability below which a difference of latencies is called significant.
_LEVEL = 0.01


class DiffReport(Shown):
    """Differences between two filters on the same traffic. `read` is the sum of `replayed`, `skipped` and `failed`.

    Attributes
    ----------
    old, new
        Names of the filters.
    traffic
        Name of the recording.
    groups
        One `DifferenceGroup` for each thing that differs, the largest first.
    read, replayed, skipped, failed
        Exchanges of the recording; those that both filters got, those that can't be sent, and those that couldn't be
        compared.
    differing
        Exchanges with at least one difference.
    messages
        Sentences about what was not read or not sent.
    old_filter, new_filter
        Time inside each filter for a request, in nanoseconds.
    masked
        Number of masked secrets by place.
    interrupted
        Whether the comparison was interrupted.
    """

    def __init__(self, old: str, new: str, traffic: str) -> None:
        self.old, self.new, self.traffic = old, new, traffic
        self.groups: list[DifferenceGroup] = []
        self.read = self.replayed = self.skipped = self.failed = self.differing = 0
        self.notes = ReadingNotes(traffic)
        self.reading: list[str] = []
        self.masked: dict[str, int] = {}
        self.interrupted = False
        self.old_filter, self.new_filter = Distribution(f"{old} (old)"), Distribution(f"{new} (new)")

    @property
    def same(self) -> bool:
        """Whether both filters did the same with every exchange."""
        return not self.groups

    @property
    def messages(self) -> list[str]:
        """Sentences about what was not read or not sent, each with the first position."""
        return [*self.reading, *self.notes.messages]

    @property
    def latency(self) -> str:
        """A sentence that compares the times inside both filters."""
        old, new = self.old_filter, self.new_filter
        if not (old.count and new.count and old.median):
            return "There are no latencies to compare."
        change = new.median / old.median - 1
        probability = _mann_whitney(old, new)
        verdict = "significant" if probability < _LEVEL else "not significant"
        return (
            f"Median time in the filter: {old.median / 1000:.1f} us -> {new.median / 1000:.1f} us ({change:+.1%}); "
            f"the difference is {verdict} (Mann-Whitney, p = {probability:.2g})."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return counts, groups with their examples, and messages, for JSON."""
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
    """Return a value that JSON can hold."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def _mann_whitney(old: Distribution, new: Distribution) -> float:
    """Return the two-sided probability of the rank sum under the hypothesis that both are alike, by normal approximation."""
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
