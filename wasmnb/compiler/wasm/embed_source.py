"""Embedding of a source: a filter's module is the runtime's module with fewer exports and the source in its memory.

Facts: a missing export costs Envoy nothing, and an existing one costs a call into CPython. The source has its own pages
behind the runtime's memory, and a slot in the glue's memory holds its address. A filter that runs from the cached runtime
gets the same bytes at the same addresses, so both behave alike.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from ...engine import Instance
from ...formats import leb128 as leb
from ...formats.leb128 import CORE_MAGIC, Reader
from ..glue import GLUE_PAGES
from .memory_image import PAGE, active_segment

__all__ = ["Placement", "embed_source"]

_MEMORY, _EXPORT, _DATA = 5, 7, 11
_FUNCTION = 0


class Placement:
    """Position of a source behind a runtime's memory.

    Parameters
    ----------
    runtime_pages
        Initial pages of the runtime's memory.
    payload
        Source in the format of `wasmnb.sdk.loading.parts.pack`.
    flags
        Flags in the glue's memory, such as `glue.ON_DELETE_IN_PYTHON`. Default: 0.

    Attributes
    ----------
    total, pages
        Pages of the filter's memory, and those added to the runtime's.
    writes
        (address, bytes) to write after adding the pages.
    """

    def __init__(self, runtime_pages: int, payload: bytes, flags: int = 0) -> None:
        start = runtime_pages * PAGE
        slot = start - GLUE_PAGES * PAGE
        self.total = runtime_pages + -(-len(payload) // PAGE)
        self.pages = self.total - runtime_pages
        self.writes = [(slot, struct.pack("<III", start, len(payload), flags)), (start, payload)]

    def write(self, instance: Instance) -> None:
        """Write the source into the memory of a runtime before its start, at the addresses of the saved file."""
        instance.memory.grow(self.pages)
        for address, data in self.writes:
            instance.memory.write(address, data)


def embed_source(runtime: bytes, placement: Placement, exports: Collection[str]) -> bytes:
    """Make the module of a filter.

    Parameters
    ----------
    runtime
        Module of the runtime.
    placement
        Position of the source.
    exports
        Names of the function exports to keep.
    """
    out = [CORE_MAGIC]
    for number, start, end in Reader(runtime, len(CORE_MAGIC)).sections():
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


def _exports(r: Reader, kept: Collection[str]) -> bytes:
    """Return the export section with the functions in `kept` only."""
    exports = r.vector(lambda: (r.name(), r.byte(), r.u32()))
    return leb.vector(
        leb.name(name) + bytes((kind,)) + leb.unsigned(index)
        for name, kind, index in exports
        if kind != _FUNCTION or name in kept
    )
