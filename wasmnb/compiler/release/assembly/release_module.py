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
from .split_module import SplitModule

__all__ = ["Write", "eager_module", "lazy_module", "merged"]

#: Bytes that stand at an address.
Write = tuple[int, bytes]

#: Bytes of a piece that is packed by itself, and zeros that end one.
_PIECE, _GAP = 1 << 18, 4096

_ZEROS = re.compile(rb"\0{%d,}" % _GAP)

#: Exports through which the proxy can enter a VM first.
_FIRST = ("proxy_on_context_create", "proxy_on_memory_allocate", "wasmnb_control")

_INITIALIZE = "_initialize"

_REQUEST = b'{"do": "resume"}'


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
    kept = set(exports)
    chosen = {n: (k, i) for n, (k, i) in split.exports.items() if k != "func" or n in kept}
    before = len(writer.functions), len(writer.globals), list(writer.types)
    started = leb.unsigned(writer.add_global(0x7F, 0))
    nothing = writer.type_number(b"\x60\0\0")
    start = writer.add_function(nothing, _resume(split, pages) if loaded else _call(split.exports[_INITIALIZE][1]))
    unpack = b"\x10" + leb.unsigned(split.added["unpack-image"]) + b"\x10" + leb.unsigned(start)
    starting = b"\x23%b\x45\x04\x40\x41\x01\x24%b%b\x0b" % (started, started, unpack)
    for name in _FIRST:
        if name in chosen:
            chosen[name] = "func", _behind(split, name, starting)
    chosen[_INITIALIZE] = "func", writer.add_function(nothing, b"\0\x0b")
    writer.exports = chosen
    tables = [(pages << 16, split.tables), ((pages << 16) + split.layout.request, _REQUEST)]
    segments = [_passive(split.cold.data), _passive(packed([*image, *tables], level))]
    module = writer.module(pages + split.layout.pages, split.slot_count, segments)
    del writer.functions[before[0] :], writer.globals[before[1] :]
    writer.types = before[2]
    return module


def _behind(split: SplitModule, name: str, first: bytes) -> int:
    """A function that does something first, then what an export did."""
    number = split.exports[name][1]
    kind = split.writer.functions[number - split.writer.imported][0]
    params = leb.Reader(split.writer.types[kind], 1).u32()
    arguments = b"".join(b"\x20" + leb.unsigned(i) for i in range(params))
    return split.writer.add_function(kind, b"\0" + first + arguments + b"\x10" + leb.unsigned(number) + b"\x0b")


def _call(function: int) -> bytes:
    """A function that calls another and nothing else."""
    return b"\0\x10" + leb.unsigned(function) + b"\x0b"


def _resume(split: SplitModule, pages: int) -> bytes:
    """A function that asks the program to go on in this VM. It traps if nobody answers."""
    allocate, control = (leb.unsigned(split.exports[name][1]) for name in _FIRST[1:])
    size, at = leb.signed(len(_REQUEST)), leb.signed((pages << 16) + split.layout.request)
    return b"".join(
        (
            b"\x01\x01\x7f",  # one local: where the request is
            b"\x41" + size + b"\x10" + allocate + b"\x22\0",
            b"\x41" + at + b"\x41" + size + b"\xfc\x0a\0\0",  # memory.copy
            b"\x20\0\x41" + size + b"\x10" + control,
            b"\x45\x04\x40\0\x0b\x0b",  # if it is zero, unreachable
        )
    )


def packed(image: Iterable[Write], level: int = LEVEL) -> bytes:
    """The segment that `unpack-image` reads."""
    pieces = [
        (address + at, data[at : at + _PIECE]) for address, data in merged(image) for at in range(0, len(data), _PIECE)
    ]
    streams = [deflate(data, level) for _, data in pieces]
    at = 4 + 12 * len(pieces)
    head = bytearray(struct.pack("<I", len(pieces)))
    for (address, _), stream in zip(pieces, streams, strict=True):
        head += struct.pack("<III", address, at, len(stream))
        at += len(stream)
    return bytes(head) + b"".join(streams)


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
