"""Compare a header map before and after the filter.

Entries with the same name are paired in order. A pair with different values was changed, and entries without a partner were
added or removed. They are marked by the signs `~`, `+` and `-`, so that colours aren't needed to recognise them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ....abi import Pair

__all__ = ["SIGNS", "Change", "HeaderChange", "diff_pairs", "entry_change"]

Change = Literal["same", "added", "removed", "changed"]

#: Kind of a change -> the sign that marks it.
SIGNS: dict[Change, str] = {"same": " ", "added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True, slots=True)
class HeaderChange:
    """The value of a header before and after the filter. A value is None if the header didn't exist at that point."""

    name: bytes
    before: bytes | None
    after: bytes | None
    change: Change


def entry_change(name: bytes, before: bytes | None, after: bytes | None) -> HeaderChange:
    """Return the change of a header from its values before and after the filter."""
    if before == after:
        return HeaderChange(name, before, after, "same")
    change: Change = "added" if before is None else "removed" if after is None else "changed"
    return HeaderChange(name, before, after, change)


def _pair_up(before: list[bytes], after: list[bytes]) -> list[tuple[bytes | None, bytes | None]]:
    """Pair the values of one name. Equal values are paired first, so that a removed duplicate counts as one change."""
    left, right = list(before), list(after)
    pairs: list[tuple[bytes | None, bytes | None]] = []
    for value in before:
        if value in right:
            right.remove(value)
            left.remove(value)
            pairs.append((value, value))
    rest = max(len(left), len(right))
    left_or, right_or = [*left, *[None] * (rest - len(left))], [*right, *[None] * (rest - len(right))]
    return pairs + list(zip(left_or, right_or, strict=True))


def diff_pairs(before: Sequence[Pair], after: Sequence[Pair]) -> list[HeaderChange]:
    """Return the changes of all headers: those in `before`, in order, followed by those that exist only in `after`."""
    values: dict[bytes, tuple[list[bytes], list[bytes]]] = defaultdict(lambda: ([], []))
    for side, pairs in enumerate((before, after)):
        for name, value in pairs:
            values[name][side].append(value)
    return [entry_change(name, b, a) for name, (old, new) in values.items() for b, a in _pair_up(old, new)]
