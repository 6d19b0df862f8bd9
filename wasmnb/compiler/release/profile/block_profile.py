"""A profile: the basic blocks of functions that were executed, by function name.

When a runtime is linked again, names stay the same, but indexes of functions and offsets change. So a block is identified by
its position among the blocks of its function. If the number of blocks of a function has changed, the whole function counts as
executed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["BlockProfile"]

_HEAD = "wasmnb block profile 1"


@dataclass
class BlockProfile:
    """The executed blocks of functions, by function name.

    Attributes
    ----------
    functions
        Name of a function -> (number of its blocks, positions of its executed blocks).
    work
        Name of a function -> block -> number of instructions executed in the block. Empty for a profile without counts.
    """

    functions: dict[str, tuple[int, frozenset[int]]] = field(default_factory=dict)
    work: dict[str, dict[int, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        executed: Mapping[tuple[int, int], int],
        points: Mapping[int, Mapping[int, int]],
        symbols: Sequence[str],
        rare: Container[tuple[int, int]] = (),
    ) -> BlockProfile:
        """Create the profile of a run.

        Parameters
        ----------
        executed
            (function, offset in its body) -> number of instructions executed in the block that starts at the offset.
        points
            Function -> offsets of its blocks.
        symbols
            Names of the functions, by function index.
        rare
            Executed blocks to omit. Their functions stay in the profile (default none).
        """
        by_function: dict[int, dict[int, int]] = {}
        for (function, offset), instructions in executed.items():
            by_function.setdefault(function, {})[offset] = instructions
        profile = cls()
        for function, offsets in by_function.items():
            starts = sorted(points[function])
            work = {
                i: offsets[start]
                for i, start in enumerate(starts)
                if start in offsets and (function, start) not in rare
            }
            profile.functions[symbols[function]] = len(starts), frozenset(work)
            profile.work[symbols[function]] = work
        return profile

    def add(self, other: BlockProfile) -> None:
        """Add another profile. Functions for which the other profile has a different number of blocks are ignored."""
        for name, (count, executed) in other.functions.items():
            own = self.functions.get(name)
            if own is not None and own[0] != count:
                continue
            self.functions[name] = count, executed if own is None else own[1] | executed
            if name in other.work:
                work = self.work.setdefault(name, {})
                for block, instructions in other.work[name].items():
                    work[block] = work.get(block, 0) + instructions

    def hot(self, points: Mapping[int, Mapping[int, int]], symbols: Sequence[str]) -> dict[int, frozenset[int] | None]:
        """Return the functions of a module that the profile contains, with the offsets of their executed blocks.

        Parameters
        ----------
        points, symbols
            As for `of`.

        Returns
        -------
        dict
            Function -> offsets of its executed blocks, or None for all blocks.
        """
        hot: dict[int, frozenset[int] | None] = {}
        for function, name in enumerate(symbols):
            if name not in self.functions or function not in points:
                continue
            count, executed = self.functions[name]
            starts = sorted(points[function])
            if not executed and len(starts) == count:
                continue
            hot[function] = frozenset(starts[i] for i in executed) if len(starts) == count else None
        return hot

    def functions_in(self, symbols: Sequence[str]) -> frozenset[int]:
        """Return the indexes of the functions in the profile. `symbols` contains the names of all functions,
        by function index.
        """
        return frozenset(number for number, name in enumerate(symbols) if name in self.functions)

    def interpreted(
        self, hot: Mapping[int, frozenset[int] | None], points: Mapping[int, Mapping[int, int]], symbols: Sequence[str]
    ) -> float:
        """Return the fraction of executed instructions that a release module interprets, from 0 to 1.

        For a profile without counts, this is the fraction of executed blocks. Functions that the module doesn't contain count
        as interpreted.

        Parameters
        ----------
        hot
            Compiled function of the module -> offsets of its compiled blocks, or None for all blocks.
        points, symbols
            As for `of`.
        """
        compiled = {
            symbols[function]: _numbers_of(blocks, points.get(function, {})) for function, blocks in hot.items()
        }
        total = cold = 0
        for name, (_, executed) in self.functions.items():
            weights = self.work.get(name) or dict.fromkeys(executed, 1)
            total += sum(weights.values())
            kept = compiled.get(name, frozenset())
            if kept is not None:
                cold += sum(weight for block, weight in weights.items() if block not in kept)
        return cold / total if total else 0.0

    def text(self) -> str:
        """Return the profile in the text format of profile files.

        Each line contains the name of a function, its number of blocks, and the ranges of the executed blocks. If instructions
        were counted, the count of each executed block follows.
        """
        lines = [_HEAD]
        for name in sorted(self.functions):
            count, executed = self.functions[name]
            line = f"{name}\t{count}\t{_ranges(sorted(executed))}"
            if self.work.get(name):
                line += "\t" + ",".join(str(self.work[name].get(block, 0)) for block in sorted(executed))
            lines.append(line)
        return "\n".join(lines) + "\n"

    def without_work(self) -> BlockProfile:
        """Return a copy of the profile without counts of instructions, which release modules don't need. Its
        file is smaller.
        """
        return BlockProfile(dict(self.functions))

    @classmethod
    def parse(cls, text: str) -> BlockProfile:
        """Read a profile in the text format of profile files.

        Raises
        ------
        ValueError
            The text isn't a profile of this version.
        """
        head, *lines = text.splitlines() or [""]
        if head != _HEAD:
            raise ValueError(f"the text isn't a block profile of this version, because it doesn't begin with {_HEAD!r}")
        profile = cls()
        for line in lines:
            name, count, ranges, *work = line.split("\t")
            blocks = list(_numbers(ranges, int(count)))
            profile.functions[name] = int(count), frozenset(blocks)
            if work:
                profile.work[name] = dict(zip(blocks, map(int, work[0].split(",")), strict=True))
        return profile


def _numbers_of(offsets: frozenset[int] | None, points: Mapping[int, int]) -> frozenset[int] | None:
    """Return the positions of the blocks at some offsets of a function. None stands for all blocks."""
    if offsets is None:
        return None
    return frozenset(number for number, offset in enumerate(sorted(points)) if offset in offsets)


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
