"""Group differences between two filters. A group contains all requests that differ in the same way.

Differences that occur in the same subset of the requests form one group. For example, a changed branch of the filter can
affect a header and a log line. Each difference that occurs in all requests forms its own group, because such differences may
have different causes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..._display import visible
from ..recorded.exchange import RecordedExchange
from .differences import BuildDifference, DifferenceKey
from .observation import Observation

__all__ = ["DifferenceGroup", "Example", "Grouping"]

_MASK64 = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Example:
    """An exchange that is shown as the example of a difference.

    Attributes
    ----------
    index
        Position in the recording, counted from 0.
    recorded
        The recorded exchange.
    old, new
        Effects of the old filter and of the new filter on the exchange.
    """

    index: int
    recorded: RecordedExchange
    old: Observation
    new: Observation

    @property
    def size(self) -> int:
        """Size of the request in bytes. The smallest example of a group is shown."""
        request = self.recorded.request
        return len(request.path) + len(request.body) + sum(len(n) + len(v) for n, v in request.headers.raw)


@dataclass
class DifferenceGroup:
    """Exchanges that differ in the same way.

    Attributes
    ----------
    count
        Number of exchanges in the group.
    differences
        The differences, with their values in the example.
    example
        The smallest exchange that shows the differences.
    """

    count: int
    differences: list[BuildDifference]
    example: Example

    @property
    def title(self) -> str:
        """The differences as text, separated by semicolons."""
        return "; ".join(difference.title for difference in self.differences)

    def __repr__(self) -> str:
        return f"<DifferenceGroup {visible(self.title)}: {self.count:,} exchanges>"


@dataclass
class _Kind:
    """All exchanges with the same difference: their number, a checksum of their positions, and the smallest example."""

    count: int = 0
    members: int = 0
    difference: BuildDifference | None = None
    example: Example | None = None

    def add(self, difference: BuildDifference, example: Example) -> None:
        self.count += 1
        self.members ^= _mixed(example.index)
        self._show(difference, example)

    def merge(self, other: _Kind) -> None:
        """Add the exchanges that another shard found for the same difference."""
        self.count += other.count
        self.members ^= other.members
        if other.difference is not None and other.example is not None:
            self._show(other.difference, other.example)

    def _show(self, difference: BuildDifference, example: Example) -> None:
        """Replace the example if another one is smaller, or has the same size and is earlier in the recording."""
        if self.example is None or (example.size, example.index) < (self.example.size, self.example.index):
            self.difference, self.example = difference, example


def _mixed(number: int) -> int:
    """Hash a number to 64 bits (splitmix64), so that the XOR of a set of numbers is a checksum of the set."""
    number = (number + 0x9E3779B97F4A7C15) & _MASK64
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK64
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK64
    return number ^ (number >> 31)


@dataclass
class Grouping:
    """A collection of the differences of all exchanges, from which groups are created at the end."""

    compared: int = 0
    _kinds: dict[DifferenceKey, _Kind] = field(default_factory=dict)

    def add(self, differences: Iterable[BuildDifference], example: Example) -> None:
        """Add the differences of one exchange, which `example` describes."""
        for difference in differences:
            self._kinds.setdefault(difference.key, _Kind()).add(difference, example)

    def merge(self, other: Grouping) -> None:
        """Add the differences that another shard has collected."""
        self.compared += other.compared
        for key, kind in other._kinds.items():
            self._kinds.setdefault(key, _Kind()).merge(kind)

    def groups(self) -> list[DifferenceGroup]:
        """Return the groups of differences. The group with the most exchanges is first."""
        together: dict[object, list[_Kind]] = {}
        for key, kind in self._kinds.items():
            everywhere = kind.count == self.compared
            together.setdefault(key if everywhere else (kind.count, kind.members), []).append(kind)
        groups = [_group(kinds) for kinds in together.values()]
        return sorted(groups, key=lambda group: (-group.count, group.title))


def _group(kinds: list[_Kind]) -> DifferenceGroup:
    smallest = min(
        (kind.example for kind in kinds if kind.example is not None), key=lambda example: (example.size, example.index)
    )
    return DifferenceGroup(kinds[0].count, [kind.difference for kind in kinds if kind.difference is not None], smallest)
