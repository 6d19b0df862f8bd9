"""A module that notes which of its basic blocks are executed: one byte for each, in a second memory.

The blocks are the translator's points, those at which the operand stack is empty: only they can become exits. The module's own
memory stays as it is, so that addresses are the same as in the module that is not instrumented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ....formats import leb128 as leb
from ....formats.leb128 import CORE_MAGIC, Reader
from ...wasm.core_module import SECTIONS, CoreModule
from ...wasm.memory_image import PAGE
from ...wasm.relocations import end_of_locals, instructions

__all__ = ["COVERAGE", "Block", "instrument"]

#: Export under which the second memory can be read.
COVERAGE = "wasmnb_coverage"

#: A function, and the offset in its body.
Block = tuple[int, int]

_MEMORY, _EXPORT, _CODE = (SECTIONS.index(name) for name in ("memory", "export", "code"))

#: Store one byte at the address below it, in memory 1, with offset 0.
_STORE = b"\x41\x01\x3a\x40\x01\x00"


def instrument(module: CoreModule, points: Mapping[int, Mapping[int, int]]) -> tuple[bytes, list[Block]]:
    """Instrument a module with one memory.

    Parameters
    ----------
    module
        The module.
    points
        Function -> the offsets in its body that are noted (the values do not matter).

    Returns
    -------
    module, blocks
        The instrumented module; the block that each byte of the second memory stands for.
    """
    blocks: list[Block] = []
    imported = len(module.imported("func"))
    bodies = [_body(module.data, span, imported + i, points, blocks) for i, span in enumerate(module.code)]
    pages = -(-len(blocks) // PAGE)
    out = [CORE_MAGIC]
    for title, start, end in module.sections:
        number = SECTIONS.index(title.split()[0]) if title.startswith("custom") else SECTIONS.index(title)
        body = module.data[start:end]
        if number == _MEMORY:
            body = b"\x02" + body[1:] + b"\0" + leb.unsigned(pages)
        elif number == _EXPORT:
            r = Reader(body)
            body = leb.unsigned(r.u32() + 1) + body[r.at :] + leb.name(COVERAGE) + b"\x02\x01"
        elif number == _CODE:
            body = leb.vector(leb.unsigned(len(b)) + b for b in bodies)
        out.append(leb.section(number, body))
    return b"".join(out), blocks


def _body(
    data: bytes, span: tuple[int, int], function: int, points: Mapping[int, Mapping[int, int]], blocks: list[Block]
) -> bytes:
    start, end = span
    wanted = points.get(function)
    if not wanted:
        return data[start:end]
    at = end_of_locals(data, start, end)
    out = [data[start:at]]
    offset = at - start
    code: Sequence[bytes] = list(instructions(data, start, end))
    for instruction in code:
        if offset in wanted:
            out.append(b"\x41" + leb.signed(len(blocks)) + _STORE)
            blocks.append((function, offset))
        out.append(instruction)
        offset += len(instruction)
    return b"".join(out)
