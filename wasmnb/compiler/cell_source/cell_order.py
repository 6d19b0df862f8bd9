"""The order of statements from several cells in the compiled source: the order in which they ran, corrected for re-run cells.

A definition uses some names while it runs (bases, decorators, defaults, assigned values) and others when it's called. If a cell with
imports or helpers is run again, its number is higher than those of the cells that use it, so its statements are moved to the front.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..dependencies.filter_source import Part

__all__ = ["OrderedPart", "in_order"]


@dataclass(frozen=True, eq=False)
class OrderedPart:
    """A part of the source, with the names that it binds and uses.

    Attributes
    ----------
    place
        Sort key that puts parts into the order in which they ran.
    part
        The part itself.
    binds
        Names that it assigns.
    now
        Names that it uses while it runs.
    later
        Names that its functions use when they're called.
    """

    place: tuple[int, int, int]
    part: Part
    binds: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()


def in_order(parts: Sequence[OrderedPart]) -> list[Part]:
    """Return the parts, sorted so that each comes after the parts that it uses while it runs."""
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
    """Yield the parts that must run before a part, then the part itself."""
    if part in begun:
        return
    begun[part] = None
    for dependency in _dependencies(part, makers):
        yield from _dependencies_first(dependency, makers, begun)
    yield part


def _dependencies(part: OrderedPart, makers: dict[str, list[OrderedPart]]) -> list[OrderedPart]:
    """Return the parts that a part uses while it runs, including those used by functions that it can call."""
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
