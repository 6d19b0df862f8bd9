"""The order in which statements of several cells run: as they ran, but for what a cell that was run again has moved.

A definition needs some names as it runs (bases, decorators, defaults, what is assigned), others only when it is called.
A cell of imports or helpers that was run once more stands behind its users by number; its statements are brought forward.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..source.filter_source import Part

__all__ = ["Piece", "ordered"]


@dataclass(frozen=True, eq=False)
class Piece:
    """A part with what it binds and needs.

    Attributes
    ----------
    place
        What orders pieces as they ran.
    now
        Names that it needs as it runs.
    later
        Names that it needs when it is called.
    """

    place: tuple[int, int, int]
    part: Part
    binds: frozenset[str] = frozenset()
    now: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()


def ordered(pieces: Sequence[Piece]) -> list[Part]:
    """The parts of all pieces, each after what it needs as it runs."""
    in_place = sorted(pieces, key=lambda p: (p.place, p.part.text))
    makers: dict[str, list[Piece]] = {}
    for piece in in_place:
        for name in piece.binds:
            makers.setdefault(name, []).append(piece)
    begun: dict[Piece, None] = {}
    return [piece.part for first in in_place for piece in _with_needs(first, makers, begun)]


def _with_needs(piece: Piece, makers: dict[str, list[Piece]], begun: dict[Piece, None]) -> Iterator[Piece]:
    """What has to run before a piece and has not, and then the piece."""
    if piece in begun:
        return
    begun[piece] = None
    for needed in _needs(piece, makers):
        yield from _with_needs(needed, makers, begun)
    yield piece


def _needs(piece: Piece, makers: dict[str, list[Piece]]) -> list[Piece]:
    """What a piece needs as it runs; of functions, also what they need, since it may call them."""
    found: dict[Piece, None] = {}
    names = set(piece.now)
    seen: set[str] = set()
    while names:
        name = names.pop()
        seen.add(name)
        for maker in makers.get(name, ()):
            found[maker] = None
            names |= maker.later - seen
    return sorted((f for f in found if f is not piece), key=lambda p: p.place)
