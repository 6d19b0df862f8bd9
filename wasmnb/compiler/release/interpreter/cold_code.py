"""The translated code of a module, in compressed chunks. The interpreter unpacks a chunk when it needs code from it.

The address space of the code is divided into windows of fixed size. A chunk starts at the beginning of a window, contains
adjacent functions of the module, and can extend over several windows. Functions in the profile are in small chunks, which are
unpacked fast. All others are in large chunks, which need a third less space. Some functions are rarely needed, but then all at
once, for example to write a traceback. They are in separate large chunks. Each function starts with a word that `calls.wat`
reads: index of its type, offset of the end of its parameters, and offset of its link.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from .layout import WINDOW_SHIFT
from .operations import SIZE
from .translator import Translation

__all__ = ["IS_LZMA", "LEVEL", "ColdCode", "compress", "deflate", "pack"]

_WINDOW = 1 << WINDOW_SHIFT

#: Maximum bytes of a chunk, by how its functions are needed: often, rarely but all together, or rarely.
_CHUNKS = {"warm": _WINDOW, "seldom": 1 << 18, "cold": 3 << 15}

#: Flag in the size of a chunk that is compressed with LZMA. Chunks without it are compressed with DEFLATE.
IS_LZMA = 1 << 31

#: Parameters of LZMA. `lzma.wat` supports only these values of `lc`, `lp` and `pb`.
_LZMA = {"preset": 6, "lc": 0, "lp": 1, "pb": 3, "dict_size": 1 << 20}

#: Compression level of DEFLATE. Level 9 saves a third of a percent, but takes twice as long.
LEVEL = 8


@dataclass(frozen=True)
class ColdCode:
    """The translated code of a module in compressed chunks.

    Attributes
    ----------
    starts
        Function -> offset of its code. Functions that can't be interpreted are omitted.
    links
        Function -> offset of the link in the function's frame.
    points
        Function -> offset of a point in its body -> offset of the translated code at this point.
    callees
        Functions that other functions call directly.
    chunks
        A pair for each window. If a chunk starts in the window, the pair contains the chunk's offset in `data` and its
        compressed size, with the flag `IS_LZMA` if it applies. Otherwise, it contains the chunk's first window and 0.
    data
        Bytes of the compressed chunks.
    """

    starts: Mapping[int, int]
    links: Mapping[int, int]
    points: Mapping[int, Mapping[int, int]]
    callees: frozenset[int]
    chunks: tuple[tuple[int, int], ...]
    data: bytes

    @property
    def largest_chunk(self) -> int:
        """Size of the largest compressed chunk in bytes."""
        return max((size & ~IS_LZMA for _, size in self.chunks), default=0)


def deflate(data: bytes, level: int = LEVEL, before: bytes = b"") -> bytes:
    """Compress data to raw DEFLATE, which `inflate.wat` unpacks.

    Parameters
    ----------
    data
        Data to compress.
    level
        Compression level from 1 to 9 (default 8).
    before
        Content that precedes the output in memory when the data is unpacked (default empty). The compressed data can refer to
        the last 32 KiB of this content.
    """
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, zdict=before)
    return packer.compress(data) + packer.flush()


def compress(data: bytes) -> bytes:
    """Compress data to raw LZMA with an end marker, which `lzma.wat` unpacks."""
    import lzma  # some builds of Python lack it, and notebooks don't need it

    return lzma.compress(data, format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, **_LZMA}])


def pack(
    functions: Iterable[tuple[int, int, Translation]], warm: Container[int] = (), seldom: Container[int] = ()
) -> ColdCode:
    """Arrange translated functions in chunks, and compress the chunks.

    Parameters
    ----------
    functions
        Index, index of the type, and translation of each function, in ascending order of the indexes.
    warm
        Functions that the interpreter often executes, which are put into small chunks (default none).
    seldom
        Functions that are rarely needed, but all together, which share chunks (default none).
    """
    starts: dict[int, int] = {}
    links: dict[int, int] = {}
    points: dict[int, dict[int, int]] = {}
    callees: set[int] = set()
    groups: dict[str, list[tuple[int, int, Translation]]] = {name: [] for name in _CHUNKS}
    for function in functions:
        groups["warm" if function[0] in warm else "seldom" if function[0] in seldom else "cold"].append(function)
    records: list[tuple[int, int]] = []
    data = bytearray()
    for name, group in groups.items():
        is_warm = name == "warm"
        for chunk in _chunks(group, _CHUNKS[name]):
            content = bytearray()
            for number, code, translation in chunk:
                start = len(records) * _WINDOW + len(content)
                content += code
                starts[number], links[number] = start, translation.link
                points[number] = {body: start + SIZE * (1 + at) for body, at in translation.points.items()}
                callees |= translation.callees
            compressed = deflate(bytes(content)) if is_warm else compress(bytes(content))
            first = len(records)
            records.append((len(data), len(compressed) | (0 if is_warm else IS_LZMA)))
            records += [(first, 0)] * (-(-len(content) // _WINDOW) - 1)
            data += compressed
    return ColdCode(starts, links, points, frozenset(callees), tuple(records), bytes(data))


def _chunks(
    functions: Iterable[tuple[int, int, Translation]], limit: int
) -> Iterator[list[tuple[int, bytes, Translation]]]:
    """Yield the functions of each chunk with their code. A function that is larger than the limit is a chunk of its own."""
    chunk: list[tuple[int, bytes, Translation]] = []
    size = 0
    for number, kind, translation in functions:
        code = _encoded(kind, translation)
        if chunk and size + len(code) > limit:
            yield chunk
            chunk, size = [], 0
        chunk.append((number, code, translation))
        size += len(code)
    if chunk:
        yield chunk


def _encoded(kind: int, translation: Translation) -> bytes:
    head = struct.pack("<HHHH", kind, translation.parameters, translation.link, 0)
    code = translation.code
    if sys.byteorder == "big":
        code = array("Q", code)
        code.byteswap()
    return head + code.tobytes()
