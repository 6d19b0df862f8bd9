"""Instrumentation of modules, so that they count how often each of their basic blocks is executed.

Counters have four bytes each. They are in a second memory, so that addresses in the first memory don't change. Only the
translator's points are counted, because only these can become exits: the operand stack is empty there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ....parsing import leb128 as leb
from ....parsing.leb128 import CORE_MAGIC, Reader
from ...wasm_binary.core_module import SECTIONS, CoreModule
from ...wasm_binary.memory_image import PAGE
from ...wasm_binary.relocations import end_of_locals, instructions

__all__ = ["COUNTER", "COVERAGE", "BasicBlock", "instrument"]

#: Name under which the second memory is exported.
COVERAGE = "wasmnb_coverage"


class BasicBlock(NamedTuple):
    """A basic block: index of its function, offset in the function's body, and number of instructions."""

    function: int
    offset: int
    size: int


_MEMORY, _EXPORT, _CODE = (SECTIONS.index(name) for name in ("memory", "export", "code"))

#: Size of a counter in bytes.
COUNTER = 4


class InstrumentedModule(NamedTuple):
    """A module that counts the executions of its blocks, and the block of each counter."""

    wasm: bytes
    blocks: list[BasicBlock]


def instrument(module: CoreModule, points: Mapping[int, Mapping[int, int]]) -> InstrumentedModule:
    """Return a copy of a module that counts the executions of its blocks.

    Parameters
    ----------
    module
        Module to instrument, which must have one memory.
    points
        Function -> offsets of its blocks. The values of the inner mapping are ignored.

    Returns
    -------
    InstrumentedModule
    """
    blocks: list[BasicBlock] = []
    imported = len(module.imported("func"))
    bodies = [_body(module.data, span, imported + i, points, blocks) for i, span in enumerate(module.code)]
    pages = -(-len(blocks) * COUNTER // PAGE)
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
    return InstrumentedModule(b"".join(out), blocks)


def _body(
    data: bytes, span: tuple[int, int], function: int, points: Mapping[int, Mapping[int, int]], blocks: list[BasicBlock]
) -> bytes:
    start, end = span
    counted = points.get(function)
    if not counted:
        return data[start:end]
    at = end_of_locals(data, start, end)
    out = [data[start:at]]
    offset = at - start
    starts: list[tuple[int, int]] = []  # offset in the body, number of the instruction
    code: Sequence[bytes] = list(instructions(data, start, end))
    for number, instruction in enumerate(code):
        if offset in counted:
            out.append(_increment((len(blocks) + len(starts)) * COUNTER))
            starts.append((offset, number))
        out.append(instruction)
        offset += len(instruction)
    ends = [*(number for _, number in starts), len(code)][1:]
    blocks += [BasicBlock(function, place, last - first) for (place, first), last in zip(starts, ends, strict=False)]
    return b"".join(out)


def _increment(address: int) -> bytes:
    """Return instructions that increment the counter at an address in the second memory."""
    place = b"\x42\x01" + leb.unsigned(address)  # aligned to 4 bytes, memory 1, offset
    return b"\x41\0\x41\0\x28" + place + b"\x41\x01\x6a\x36" + place
