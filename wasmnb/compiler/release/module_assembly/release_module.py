"""Assembly of the finished release module from a split module and its initial memory.

Either the engine initialises the memory, or the module contains it in compressed form and unpacks it at the start.

Envoy creates a VM that never runs a callback (other VMs are cloned from it), a VM that checks the configuration, and one for
each worker. If the memory is unpacked when the first context is created, the VM without callbacks uses no memory, and the file
is a third of the size.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable

from ....parsing import leb128 as leb
from ...wasm_binary.memory_image import active_segment
from ..interpreter.cold_code import LEVEL, deflate
from .late_start import late_exports
from .split_module import SplitModule

__all__ = ["RESUME", "Write", "eager_module", "lazy_module"]

#: An address, and the bytes to write there.
Write = tuple[int, bytes]

#: Maximum bytes of a chunk of memory that is compressed separately, and number of zeros that end a chunk.
_CHUNK, _GAP = 1 << 18, 4096

#: Number of bytes before a chunk to which its compressed data can refer.
_HISTORY = 1 << 15

_ZEROS = re.compile(rb"\0{%d,}" % _GAP)

#: Header of the compressed memory: number of records; bytes of the cold code, of the data after the header, and of the archive;
#: checksums of the three.
_HEAD = struct.Struct("<IIIIQQQ")

#: Request that resumes a program with a loaded filter.
RESUME = b'{"do": "resume"}'


def eager_module(split: SplitModule, image: Iterable[Write], pages: int) -> bytes:
    """Return a release module with uncompressed memory, which the engine initialises.

    Parameters
    ----------
    split
        The split module.
    image
        Initial content of the memory.
    pages
        Number of pages of memory that the module had before it was split.
    """
    split.place(pages)
    split.writer.exports = dict(split.exports)
    segments = [_passive(split.cold.data), _passive(b""), _passive(b"")]
    segments += [active_segment(address, data) for address, data in (*image, (pages << 16, split.tables))]
    return split.writer.module(pages + split.layout.pages, split.slot_count, segments)


def lazy_module(
    split: SplitModule,
    image: Iterable[Write],
    pages: int,
    exports: Iterable[str],
    *,
    loaded: bool,
    archive: tuple[int, int] = (0, 0),
    blocks: bytes = b"",
    level: int = LEVEL,
) -> bytes:
    """Return a release module with compressed memory. Creating the first context unpacks the memory and starts the program.

    Parameters
    ----------
    split, image, pages
        As for `eager_module`.
    exports
        Names of the functions to export.
    loaded
        Whether the image contains the loaded filter. If so, the start only updates state that differs between VMs.
    archive
        Address and size of the archive in the image. The archive is removed from the image (default none).
    blocks
        The archive in compressed blocks, which becomes a passive segment (default none).
    level
        Compression level of the memory, from 1 to 9 (default 8).
    """
    split.place(pages)
    writer = split.writer
    before = len(writer.functions), len(writer.globals), list(writer.types)
    writer.exports = late_exports(split, pages, exports, _resume(split, pages) if loaded else None)
    tables = [(pages << 16, split.tables), ((pages << 16) + split.layout.request, RESUME)]
    cold = _padded(split.cold.data)
    outside = _padded(blocks)
    memory = _memory([*image, *tables])
    memory[archive[0] : sum(archive)] = bytes(archive[1])
    segments = [_passive(cold), _passive(packed(bytes(memory), cold, outside, level)), _passive(outside)]
    module = writer.module(pages + split.layout.pages, split.slot_count, segments)
    del writer.functions[before[0] :], writer.globals[before[1] :]
    writer.types = before[2]
    return module


def _resume(split: SplitModule, pages: int) -> tuple[int, int]:
    """Return the address and size of the request that resumes a loaded program."""
    return (pages << 16) + split.layout.request, len(RESUME)


def packed(memory: bytes, cold: bytes, archive: bytes, level: int = LEVEL) -> bytes:
    """Return the segment that `unpack-image` reads. It contains the compressed memory, and checksums of all three segments.

    Parameters
    ----------
    memory
        Initial content of the memory.
    cold, archive
        The other two segments, which are the compressed cold code and the archive.
    level
        Compression level from 1 to 9 (default 8).
    """
    writes = _chunks(memory)
    chunks = [(address + at, data[at : at + _CHUNK]) for address, data in writes for at in range(0, len(data), _CHUNK)]
    # Pieces are unpacked in ascending order, so that each can refer to the memory before it.
    streams = [deflate(data, level, memory[max(address - _HISTORY, 0) : address]) for address, data in chunks]
    at = _HEAD.size + 12 * len(chunks)
    records = bytearray()
    for (address, _), stream in zip(chunks, streams, strict=True):
        records += struct.pack("<III", address, at, len(stream))
        at += len(stream)
    content = _padded(bytes(records) + b"".join(streams))
    sizes = len(chunks), len(cold), len(content), len(archive)
    return _HEAD.pack(*sizes, _sum(cold), _sum(content), _sum(archive)) + content


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 8)


def _sum(data: bytes) -> int:
    """Return the checksum that the guest verifies, which is the sum of all 64-bit words."""
    words: tuple[int, ...] = struct.unpack(f"<{len(data) // 8}Q", data)
    return sum(words) & 0xFFFFFFFFFFFFFFFF


def _memory(image: Iterable[Write]) -> bytearray:
    image = list(image)
    memory = bytearray(max((address + len(data) for address, data in image), default=0))
    for address, data in image:
        memory[address : address + len(data)] = data
    return memory


def _chunks(content: bytes) -> list[Write]:
    writes = []
    at = 0
    for gap in _ZEROS.finditer(content):
        if gap.start() > at:
            writes.append((at, content[at : gap.start()]))
        at = gap.end()
    if at < len(content):
        writes.append((at, content[at:]))
    return writes


def _passive(data: bytes) -> bytes:
    return b"\x01" + leb.unsigned(len(data)) + data
