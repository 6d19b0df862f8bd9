"""The translated code of a whole module, packed: what is interpreted is unpacked a chunk at a time.

Code is laid out in windows of fixed size. A chunk starts at a window's beginning and holds functions that stand next to each
other in the module; one that is larger than a window has a chunk of its own, which takes as many windows as it needs.
Each function starts with a word that `calls.wat` reads: number of its type, offset behind its parameters, of its link.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .layout import WINDOW_SHIFT
from .operations import SIZE
from .translator import Translation

__all__ = ["LEVEL", "ColdCode", "deflate", "pack"]

_WINDOW = 1 << WINDOW_SHIFT

#: Level of packing: 9 saves one percent and takes three times as long.
LEVEL = 6


@dataclass(frozen=True)
class ColdCode:
    """Packed code.

    Attributes
    ----------
    starts
        Function -> offset of its code; functions that cannot be interpreted are not there.
    links
        Function -> offset of the link in its frame.
    points
        Function -> offset in its body -> offset of the code where it can be entered there.
    callees
        Functions that are called directly.
    chunks
        For every window (offset of the packed chunk, its size), or (first window of the chunk, 0).
    data
        The packed chunks.
    """

    starts: Mapping[int, int]
    links: Mapping[int, int]
    points: Mapping[int, Mapping[int, int]]
    callees: frozenset[int]
    chunks: tuple[tuple[int, int], ...]
    data: bytes

    @property
    def largest_chunk(self) -> int:
        """Bytes of the largest packed chunk."""
        return max((size for _, size in self.chunks), default=0)


def deflate(data: bytes, level: int = LEVEL) -> bytes:
    """Raw DEFLATE, as `inflate.wat` reads it."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9)
    return packer.compress(data) + packer.flush()


def pack(functions: Iterable[tuple[int, int, Translation]]) -> ColdCode:
    """Lay out and pack functions: (number, number of the type, translation)."""
    starts: dict[int, int] = {}
    links: dict[int, int] = {}
    points: dict[int, dict[int, int]] = {}
    callees: set[int] = set()
    chunks: list[bytearray] = []
    windows = 0
    for number, kind, translation in functions:
        code = _encoded(kind, translation)
        if not chunks or len(chunks[-1]) + len(code) > _WINDOW:
            windows += _windows(chunks[-1]) if chunks else 0
            chunks.append(bytearray())
        start = windows * _WINDOW + len(chunks[-1])
        chunks[-1] += code
        starts[number], links[number] = start, translation.link
        points[number] = {body: start + SIZE * (1 + at) for body, at in translation.points.items()}
        callees |= translation.callees
    records, data = _records(chunks)
    return ColdCode(starts, links, points, frozenset(callees), records, data)


def _encoded(kind: int, translation: Translation) -> bytes:
    head = struct.pack("<HHHH", kind, translation.parameters, translation.link, 0)
    code = translation.code
    if sys.byteorder == "big":
        code = array("Q", code)
        code.byteswap()
    return head + code.tobytes()


def _windows(chunk: bytes | bytearray) -> int:
    return -(-len(chunk) // _WINDOW)


def _records(chunks: Iterable[bytearray]) -> tuple[tuple[tuple[int, int], ...], bytes]:
    records: list[tuple[int, int]] = []
    data = bytearray()
    for chunk in chunks:
        packed = deflate(bytes(chunk))
        first = len(records)
        records.append((len(data), len(packed)))
        records += [(first, 0)] * (_windows(chunk) - 1)
        data += packed
    return tuple(records), bytes(data)
