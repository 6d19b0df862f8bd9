"""A profile: which basic blocks of which functions were executed, by the functions' names.

Names survive a new linking, function numbers and offsets do not: a block is counted among the function's blocks. A function
that has another number of blocks than when it was profiled has changed: all of it counts as executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["BlockProfile"]

_HEAD = "wasmnb block profile 1"


@dataclass
class BlockProfile:
    """Executed blocks.

    Attributes
    ----------
    functions
        Name -> (number of blocks that the function has, those that were executed).
    """

    functions: dict[str, tuple[int, frozenset[int]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, executed: Iterable[tuple[int, int]], points: Mapping[int, Mapping[int, int]], symbols: Sequence[str]
    ) -> BlockProfile:
        """A profile of what a module executed.

        Parameters
        ----------
        executed
            Functions and offsets in their bodies.
        points
            The offsets at which each function's blocks start.
        symbols
            Names of the functions.
        """
        found: dict[int, set[int]] = {}
        for function, offset in executed:
            found.setdefault(function, set()).add(offset)
        profile = cls()
        for function, offsets in found.items():
            starts = sorted(points[function])
            numbers = frozenset(i for i, start in enumerate(starts) if start in offsets)
            profile.functions[symbols[function]] = len(starts), numbers
        return profile

    def add(self, other: BlockProfile) -> None:
        """Take in another profile. A function that differs between the two is kept as this profile has it."""
        for name, (count, executed) in other.functions.items():
            own = self.functions.get(name)
            if own is None:
                self.functions[name] = count, executed
            elif own[0] == count:
                self.functions[name] = count, own[1] | executed

    def hot(self, points: Mapping[int, Mapping[int, int]], symbols: Sequence[str]) -> dict[int, frozenset[int] | None]:
        """The functions of a module that were executed -> the offsets of their executed blocks; None: all of them."""
        found: dict[int, frozenset[int] | None] = {}
        for function, name in enumerate(symbols):
            if name not in self.functions or function not in points:
                continue
            count, executed = self.functions[name]
            starts = sorted(points[function])
            found[function] = frozenset(starts[i] for i in executed) if len(starts) == count else None
        return found

    def missing(self, points: Mapping[int, Mapping[int, int]], symbols: Sequence[str]) -> float:
        """Part of the executed blocks, from 0 to 1, whose functions a module does not have."""
        present = {name for function, name in enumerate(symbols) if function in points}
        total = sum(len(executed) for _, executed in self.functions.values())
        absent = sum(len(executed) for name, (_, executed) in self.functions.items() if name not in present)
        return absent / total if total else 0.0

    def text(self) -> str:
        """As it is kept in a file: a line for each function, with name, number of blocks, and ranges of executed ones."""
        lines = [_HEAD]
        for name in sorted(self.functions):
            count, executed = self.functions[name]
            lines.append(f"{name}\t{count}\t{_ranges(sorted(executed))}")
        return "\n".join(lines) + "\n"

    @classmethod
    def parse(cls, text: str) -> BlockProfile:
        """Read what `text` gave; raises ValueError for anything else."""
        head, *lines = text.splitlines() or [""]
        if head != _HEAD:
            raise ValueError("not a block profile of this version")
        profile = cls()
        for line in lines:
            name, count, ranges = line.split("\t")
            profile.functions[name] = int(count), frozenset(_numbers(ranges, int(count)))
        return profile


def _ranges(numbers: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _numbers(text: str, count: int) -> Iterable[int]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers = range(int(first), int(last or first) + 1)
        if numbers and numbers[-1] >= count:
            raise ValueError(f"block {numbers[-1]} of {count}")
        yield from numbers
