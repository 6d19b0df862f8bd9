"""A filter's module: the runtime's with fewer exports and with the filter's source in its memory.

Facts: an export that a module lacks costs Envoy nothing, one that it has costs a trip into CPython. The source lies in
pages of its own behind the runtime's memory; a slot in the glue's memory says where. A filter that runs from the cached
runtime gets the same bytes at the same addresses (`place`), so that both behave alike.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from . import leb
from .core import CoreModule
from .glue import GLUE_PAGES
from .leb import CORE_MAGIC, Reader
from .memory_image import PAGE, active_segment

__all__ = ["Placement", "place", "with_source"]

_MEMORY, _EXPORT, _DATA = 5, 7, 11


class Placement:
    """Where a source goes: `writes` are (address, bytes), after `pages` more pages of memory."""

    def __init__(self, runtime_pages: int, payload: bytes, flags: int) -> None:
        start = runtime_pages * PAGE
        slot = start - GLUE_PAGES * PAGE
        self.pages = -(-len(payload) // PAGE)
        self.writes = [(slot, struct.pack("<III", start, len(payload), flags)), (start, payload)]


def place(runtime_pages: int, source: str, filename: str, first_line: int, flags: int = 0) -> Placement:
    """Lay out a source behind a runtime's memory.

    Parameters
    ----------
    runtime_pages
        Pages of memory that the runtime starts with.
    filename, first_line
        What tracebacks call the source, and the number of its first line there.
    flags
        As in the glue's memory: `glue.ON_DELETE_IN_PYTHON`.
    """
    head = f"{filename}\0{first_line}\0".encode("utf-8", "surrogateescape")
    return Placement(runtime_pages, head + source.encode("utf-8", "surrogatepass"), flags)


def with_source(runtime: bytes, module: CoreModule, placement: Placement, exports: Collection[str]) -> bytes:
    """The module of a filter.

    Parameters
    ----------
    runtime, module
        The runtime's module, and the same read.
    exports
        Function exports to keep; its memory is exported anyway.
    """
    pages = module.memories[0].minimum + placement.pages
    out = [CORE_MAGIC]
    for number, start, end in _sections(runtime):
        if number == _MEMORY:
            out.append(leb.section(number, leb.vector([b"\0" + leb.unsigned(pages)])))
        elif number == _EXPORT:
            out.append(leb.section(number, _exports(module, exports)))
        elif number == _DATA:
            extra = [active_segment(address, data) for address, data in placement.writes]
            r = Reader(runtime, start, end)
            count = leb.unsigned(r.u32() + len(extra))
            out.append(leb.section(number, b"".join((count, runtime[r.at : end], *extra))))
        else:
            out.append(leb.section(number, runtime[start:end]))
    return b"".join(out)


def _sections(data: bytes) -> list[tuple[int, int, int]]:
    """(number, start, end) of every section."""
    r = Reader(data, len(CORE_MAGIC))
    found = []
    while r.more:
        number, size = r.byte(), r.u32()
        start = r.skip(size)
        found.append((number, start, r.at))
    return found


def _exports(module: CoreModule, kept: Collection[str]) -> bytes:
    kinds = {"func": 0, "memory": 2}
    return leb.vector(
        leb.name(name) + bytes((kinds[kind],)) + leb.unsigned(index)
        for name, (kind, index) in module.exports.items()
        if kind == "memory" or name in kept
    )
