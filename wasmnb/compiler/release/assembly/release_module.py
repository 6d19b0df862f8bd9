"""The finished module: a split one with its first memory, either put in place by the engine or packed and unpacked at the start.

Facts: Envoy makes one VM that never runs a callback (from which it clones the others), one that tries the configuration, and
one for each worker. Memory that is only unpacked when the first context is made costs the first of them nothing, and the file
is a third of the size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from ....formats import leb128 as leb
from ...wasm.memory_image import active_segment
from ..interpreter.cold_code import LEVEL, deflate
from .late_start import late_exports
from .split_module import SplitModule

__all__ = ["RESUME", "Write", "eager_module", "lazy_module", "merged"]

#: Bytes that stand at an address.
Write = tuple[int, bytes]

#: Bytes of a piece that is packed by itself, and zeros that end one.
_PIECE, _GAP = 1 << 18, 4096

_ZEROS = re.compile(rb"\0{%d,}" % _GAP)

#: Layout of the head of the packed memory: records, bytes of cold code and of what follows the head, sums of both.
_HEAD = struct.Struct("<IIIIQQ")

#: What a program that is loaded already is asked at its start.
RESUME = b'{"do": "resume"}'


def eager_module(split: SplitModule, image: Iterable[Write], pages: int) -> bytes:
    """The module with its memory put in place by the engine.

    Parameters
    ----------
    split
        The split module.
    image
        The memory's first content.
    pages
        Pages of memory that the module had before it was split.
    """
    split.place(pages)
    split.writer.exports = dict(split.exports)
    segments = [_passive(split.cold.data), _passive(b"")]
    segments += [active_segment(address, data) for address, data in (*image, (pages << 16, split.tables))]
    return split.writer.module(pages + split.layout.pages, split.slot_count, segments)


def lazy_module(
    split: SplitModule, image: Iterable[Write], pages: int, exports: Iterable[str], *, loaded: bool, level: int = LEVEL
) -> bytes:
    """The module with its memory packed; it is unpacked, and the program started, when the first context is made.

    Parameters
    ----------
    split, image, pages
        As for `eager_module`.
    exports
        Names of the exported functions that are kept.
    loaded
        Whether the image is that of a program that has loaded the filter: then the start only renews what differs from VM to
        VM.
    level
        How hard to pack the memory, from 1 to 9.
    """
    split.place(pages)
    writer = split.writer
    before = len(writer.functions), len(writer.globals), list(writer.types)
    writer.exports = late_exports(split, pages, exports, _resume(split, pages) if loaded else None)
    tables = [(pages << 16, split.tables), ((pages << 16) + split.layout.request, RESUME)]
    cold = _padded(split.cold.data)
    segments = [_passive(cold), _passive(packed([*image, *tables], cold, level))]
    module = writer.module(pages + split.layout.pages, split.slot_count, segments)
    del writer.functions[before[0] :], writer.globals[before[1] :]
    writer.types = before[2]
    return module


def _resume(split: SplitModule, pages: int) -> tuple[int, int]:
    """Address and size of the request that makes a loaded program go on."""
    return (pages << 16) + split.layout.request, len(RESUME)


def packed(image: Iterable[Write], cold: bytes, level: int = LEVEL) -> bytes:
    """The segment that `unpack-image` reads; it also tells whether the cold code is whole."""
    pieces = [
        (address + at, data[at : at + _PIECE]) for address, data in merged(image) for at in range(0, len(data), _PIECE)
    ]
    streams = [deflate(data, level) for _, data in pieces]
    at = _HEAD.size + 12 * len(pieces)
    records = bytearray()
    for (address, _), stream in zip(pieces, streams, strict=True):
        records += struct.pack("<III", address, at, len(stream))
        at += len(stream)
    content = _padded(bytes(records) + b"".join(streams))
    return _HEAD.pack(len(pieces), len(cold), len(content), 0, _sum(cold), _sum(content)) + content


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def _sum(data: bytes) -> int:
    """What the guest adds up before it believes the data: words of 64 bits."""
    words: tuple[int, ...] = struct.unpack(f"<{len(data) // 8}Q", data)
    return sum(words) & 0xFFFFFFFFFFFFFFFF


def merged(image: Iterable[Write]) -> list[Write]:
    """The same content in fewer writes: later ones win, long gaps are left out."""
    image = list(image)
    memory = bytearray(max((address + len(data) for address, data in image), default=0))
    for address, data in image:
        memory[address : address + len(data)] = data
    content = bytes(memory)
    found = []
    at = 0
    for gap in _ZEROS.finditer(content):
        if gap.start() > at:
            found.append((at, content[at : gap.start()]))
        at = gap.end()
    if at < len(content):
        found.append((at, content[at:]))
    return found


def _passive(data: bytes) -> bytes:
    return b"\x01" + leb.unsigned(len(data)) + data
