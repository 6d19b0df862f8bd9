"""A filter's module: the runtime's with fewer exports and with the filter's source in its memory.

Facts: an export that a module lacks costs Envoy nothing, one that it has costs a trip into CPython. The source lies in
pages of its own behind the runtime's memory; a slot in the glue's memory says where. A filter that runs from the cached
runtime gets the same bytes at the same addresses, so that both behave alike.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from ...engine import Instance
from ...formats import leb128 as leb
from ...formats.leb128 import CORE_MAGIC, Reader
from ..glue import GLUE_PAGES
from .memory_image import PAGE, active_segment

__all__ = ["Placement", "with_source"]

_MEMORY, _EXPORT, _DATA = 5, 7, 11
_FUNCTION = 0


class Placement:
    """Where a source goes behind a runtime's memory: `writes` are (address, bytes), after `pages` more pages of memory.

    Parameters
    ----------
    runtime_pages
        Pages of memory that the runtime starts with.
    payload
        The source, as `wasmnb.sdk.loading.parts.pack` has it.
    flags
        As in the glue's memory: `glue.ON_DELETE_IN_PYTHON`.
    """

    def __init__(self, runtime_pages: int, payload: bytes, flags: int = 0) -> None:
        start = runtime_pages * PAGE
        slot = start - GLUE_PAGES * PAGE
        self.total = runtime_pages + -(-len(payload) // PAGE)
        self.pages = self.total - runtime_pages
        self.writes = [(slot, struct.pack("<III", start, len(payload), flags)), (start, payload)]

    def write(self, instance: Instance) -> None:
        """Put the source into the memory of a runtime that has not started yet, where the saved file has it."""
        instance.memory.grow(self.pages)
        for address, data in self.writes:
            instance.memory.write(address, data)


def with_source(runtime: bytes, placement: Placement, exports: Collection[str]) -> bytes:
    """The module of a filter: a runtime's module with a source in it, and of its function exports these."""
    out = [CORE_MAGIC]
    for number, start, end in _sections(runtime):
        if number == _MEMORY:
            out.append(leb.section(number, leb.vector([b"\0" + leb.unsigned(placement.total)])))
        elif number == _EXPORT:
            out.append(leb.section(number, _exports(Reader(runtime, start, end), exports)))
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


def _exports(r: Reader, kept: Collection[str]) -> bytes:
    """The export section without the functions that are not kept."""
    found = r.vector(lambda: (r.name(), r.byte(), r.u32()))
    return leb.vector(
        leb.name(name) + bytes((kind,)) + leb.unsigned(index)
        for name, kind, index in found
        if kind != _FUNCTION or name in kept
    )
