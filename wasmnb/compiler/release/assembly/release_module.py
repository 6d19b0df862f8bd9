"""The finished module: a split one with its first memory, either put in place by the engine or packed and unpacked at the start.

Facts: Envoy makes one VM that never runs a callback (from which it clones the others), one that tries the configuration, and
one for each worker. Memory that is only unpacked when the first context is made costs the first of them nothing, and the file
is a third of the size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from ....formats import leb128 as leb
from ...wasm.memory_image import active_segment
from ..interpreter.cold_code import deflate
from .split_module import SplitModule

__all__ = ["Write", "eager_module", "lazy_module", "merged"]

#: Bytes that stand at an address.
Write = tuple[int, bytes]

#: Bytes of a piece that is packed by itself, and zeros that end one.
_PIECE, _GAP = 1 << 18, 4096

#: Exports through which the proxy can enter a VM first.
_FIRST = ("proxy_on_context_create", "proxy_on_memory_allocate", "wasmnb_control")

_INITIALIZE = "_initialize"


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
    return split.writer.module(pages + split.layout.pages, split.table_size, segments)


def lazy_module(
    split: SplitModule, image: Iterable[Write], pages: int, exports: Iterable[str], start: Sequence[bytes]
) -> bytes:
    """The module with its memory packed; it is unpacked, and the program started, when the first context is made.

    Parameters
    ----------
    split, image, pages
        As for `eager_module`.
    exports
        Names of the exported functions that are kept.
    start
        Instructions that start the program once the memory is there.
    """
    split.place(pages)
    writer = split.writer
    kept = set(exports)
    chosen = {n: (k, i) for n, (k, i) in split.exports.items() if k != "func" or n in kept}
    before = len(writer.functions), len(writer.globals), list(writer.types)
    started = writer.add_global(0x7F, 0)
    nothing = writer.type_number(b"\x60\0\0")
    unpack = b"\x10" + leb.unsigned(split.added["unpack-image"])
    starting = b"\x23%b\x45\x04\x40\x41\x01\x24%b%b%b\x0b" % (
        leb.unsigned(started), leb.unsigned(started), unpack, b"".join(start)
    )  # fmt: skip
    for name in _FIRST:
        if name in chosen:
            chosen[name] = "func", _behind(split, name, starting)
    chosen[_INITIALIZE] = "func", writer.add_function(nothing, b"\0\x0b")
    writer.exports = chosen
    segments = [_passive(split.cold.data), _passive(packed([*image, (pages << 16, split.tables)]))]
    module = writer.module(pages + split.layout.pages, split.table_size, segments)
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


def packed(image: Iterable[Write]) -> bytes:
    """The segment that `unpack-image` reads."""
    pieces = [
        (address + at, data[at : at + _PIECE]) for address, data in merged(image) for at in range(0, len(data), _PIECE)
    ]
    streams = [deflate(data) for _, data in pieces]
    at = 4 + 12 * len(pieces)
    head = bytearray(struct.pack("<I", len(pieces)))
    for (address, _), stream in zip(pieces, streams, strict=True):
        head += struct.pack("<III", address, at, len(stream))
        at += len(stream)
    return bytes(head) + b"".join(streams)


def merged(image: Iterable[Write]) -> list[Write]:
    """The same content in fewer writes: later ones win, short gaps are zeros."""
    found: list[tuple[int, bytearray]] = []
    for address, data in sorted(image, key=lambda w: w[0]):
        if not data:
            continue
        end = found[-1][0] + len(found[-1][1]) if found else -1
        if found and address - end < _GAP:
            start, content = found[-1]
            content += bytes(max(address - end, 0))
            content[address - start : address - start + len(data)] = data
        else:
            found.append((address, bytearray(data)))
    return [(address, bytes(content)) for address, content in found]


def _passive(data: bytes) -> bytes:
    return b"\x01" + leb.unsigned(len(data)) + data
