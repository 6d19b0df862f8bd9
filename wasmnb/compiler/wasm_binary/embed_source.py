"""Embedding of a source. A filter's module is the runtime's module with fewer exports, and with the source in its memory.

Envoy doesn't call a callback that isn't exported. Every call of an exported callback is a call into CPython. The source has its
own pages after the runtime's memory, and a slot in the glue's memory contains its address. A filter that runs on the cached
runtime has the same bytes at the same addresses, so it behaves like the saved module.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

from ...engine import Instance
from ...parsing import leb128 as leb
from ...parsing.leb128 import CORE_MAGIC, Reader
from ..glue import GLUE_PAGES
from .memory_image import PAGE, active_segment

__all__ = ["Placement", "embed_source"]

_MEMORY, _EXPORT, _DATA = 5, 7, 11
_FUNCTION = 0


class Placement:
    """Position and content of a source in memory. The source follows the memory of its runtime.

    Parameters
    ----------
    runtime_pages
        Initial size of the runtime's memory in pages.
    payload
        Source in the format of `wasmnb.sdk.loading.parts.pack`.
    flags
        Flags in the glue's memory, such as `glue.ON_DELETE_IN_PYTHON` (default 0).

    Attributes
    ----------
    total, pages
        Initial size of the filter's memory in pages, and number of pages that are added to the runtime's memory.
    writes
        Pairs of address and bytes to write after the pages have been added.
    """

    def __init__(self, runtime_pages: int, payload: bytes, flags: int = 0) -> None:
        start = runtime_pages * PAGE
        slot = start - GLUE_PAGES * PAGE
        self.total = runtime_pages + -(-len(payload) // PAGE)
        self.pages = self.total - runtime_pages
        self.writes = [(slot, struct.pack("<III", start, len(payload), flags)), (start, payload)]

    def write(self, instance: Instance) -> None:
        """Write the source into the memory of a runtime that hasn't been started. The addresses are the same as in a saved
        file.
        """
        instance.memory.grow(self.pages)
        for address, data in self.writes:
            instance.memory.write(address, data)


def embed_source(runtime: bytes, placement: Placement, exports: Collection[str]) -> bytes:
    """Return the bytes of a filter's module, which consists of a runtime and the filter's source.

    Parameters
    ----------
    runtime
        Bytes of the runtime's module.
    placement
        The source and its position in memory.
    exports
        Names of the exported functions to keep. Exports of other kinds are always kept.
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
    """Return the export section without functions that aren't in `kept`."""
    exports = r.vector(lambda: (r.name(), r.byte(), r.u32()))
    return leb.vector(
        leb.name(name) + bytes((kind,)) + leb.unsigned(index)
        for name, kind, index in exports
        if kind != _FUNCTION or name in kept
    )
