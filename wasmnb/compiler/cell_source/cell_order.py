"""The order of statements from several cells in the compiled source.

Statements are in the order in which they ran, corrected for cells that were run again. A definition uses some names while it
runs (bases, decorators, defaults, assigned values) and others when it's called. If a cell with imports or helpers is run again,
its number is higher than those of the cells that use it, so its statements are moved to the front.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..dependencies.filter_source import Part

__all__ = ["OrderedPart", "in_order"]


@dataclass(frozen=True, eq=False)
class OrderedPart:
    """A part of the compiled source, and the names that it binds and uses.

    Attributes
    ----------
    place
        Sort key that orders parts as they ran.
    part
        Text of the part, with its file name and first line.
    binds
        Names that the part binds.
    now
        Names that are used while the part runs.
    later
        Names that are used when functions of the part are called.
    """

    place: tuple[int, int, int]
    part: Part
    binds: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()


def in_order(parts: Sequence[OrderedPart]) -> list[Part]:
    """Return the parts in the order in which they ran, except that every part follows the parts that it uses while it runs."""
    as_run = sorted(parts, key=lambda p: (p.place, p.part.text))
    makers: dict[str, list[OrderedPart]] = {}
    for part in as_run:
        for name in part.binds:
            makers.setdefault(name, []).append(part)
    begun: dict[OrderedPart, None] = {}
    return [part.part for first in as_run for part in _dependencies_first(first, makers, begun)]


def _dependencies_first(
    part: OrderedPart, makers: dict[str, list[OrderedPart]], begun: dict[OrderedPart, None]
) -> Iterator[OrderedPart]:
    """Yield a part after all parts that must run before it."""
    if part in begun:
        return
    begun[part] = None
    for dependency in _dependencies(part, makers):
        yield from _dependencies_first(dependency, makers, begun)
    yield part


def _dependencies(part: OrderedPart, makers: dict[str, list[OrderedPart]]) -> list[OrderedPart]:
    """Return the parts that `part` uses while it runs, including those used by functions that it can call."""
    dependencies: dict[OrderedPart, None] = {}
    names = set(part.now)
    seen: set[str] = set()
    while names:
        name = names.pop()
        seen.add(name)
        for maker in makers.get(name, ()):
            dependencies[maker] = None
            names |= maker.later - seen
    return sorted((d for d in dependencies if d is not part), key=lambda p: p.place)
