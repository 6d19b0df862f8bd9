"""Removal of cold blocks from compiled functions. If a function reaches such a block, it continues in the interpreter.

When Envoy loads a module, V8 compiles every function with the optimising compiler, which takes 2 CPU seconds per megabyte. Most
code of the functions that a filter calls handles errors, or types that the filter doesn't use.

A block is cold if it wasn't executed in the profile. If the operand stack is empty at the start of a cold block, an exit
replaces the block. At an exit, the function passes its live locals to the interpreter, which continues there and returns the
function's result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ....parsing.leb128 import Reader
from ...wasm_binary.relocations import end_of_locals, instructions
from .liveness import live_locals

__all__ = ["CarvedFunction", "Exit", "carve", "local_types"]

_BLOCKS = frozenset({0x02, 0x03, 0x04})
_LEAVES = frozenset({0x00, 0x0C, 0x0E, 0x0F})
_STARTS_BLOCK = frozenset({0x03, 0x04, 0x0D})


class Exit(NamedTuple):
    """A place at which a compiled function continues in the interpreter.

    Attributes
    ----------
    point
        Offset of the interpreter's code for the place.
    live
        Indexes of the locals that the interpreter needs.
    """

    point: int
    live: tuple[int, ...]


@dataclass(frozen=True)
class CarvedFunction:
    """A compiled function in which exits into the interpreter replace cold blocks.

    Attributes
    ----------
    head
        Local declarations of the function.
    body
        Instructions and exits of the function. Calls still use the indexes of the original module.
    locals
        Types of all locals of the function, beginning with its parameters.
    """

    head: bytes
    body: tuple[bytes | Exit, ...]
    locals: bytes


def local_types(data: bytes, start: int, parameters: bytes) -> bytes:
    """Return the types of all locals of the function body at `start`, beginning with its parameters."""
    r = Reader(data, start)
    kinds = bytearray(parameters)
    for _ in range(r.u32()):
        count = r.u32()
        kinds += bytes((r.byte(),)) * count
    return bytes(kinds)


def carve(
    data: bytes, span: tuple[int, int], parameters: bytes, executed: frozenset[int], points: Mapping[int, int]
) -> CarvedFunction | None:
    """Replace the cold blocks of a function by exits into the interpreter.

    Parameters
    ----------
    data, span
        The body of the function is `data[start:end]`, where `span` is `(start, end)`.
    parameters
        Types of the function's parameters.
    executed
        Offsets of the blocks in the body that were executed in the profile. All other blocks are cold.
    points
        Offset of a block in the body -> offset of the interpreter's code for the block.

    Returns
    -------
    CarvedFunction or None
        The function with exits, or None if no block can be replaced.
    """
    start, end = span
    kinds = local_types(data, start, parameters)
    first = end_of_locals(data, start, end)
    cutter = _Cutter(executed, points)
    code = list(instructions(data, start, end))
    cutter.cut(code, first - start)
    if not cutter.exits:
        return None
    live = live_locals(code, first - start, frozenset(cutter.exits.values()))
    body: list[bytes | Exit] = list(cutter.out)
    for number, place in cutter.exits.items():
        body[number] = Exit(points[place], tuple(n for n in range(len(kinds)) if live[place] >> n & 1))
    return CarvedFunction(data[start:first], tuple(body), kinds)


class _Cutter:
    """Removal of cold blocks in one pass. `out` contains an empty item for each removed block, and `exits` maps the index of
    this item to the block's offset.
    """

    def __init__(self, executed: frozenset[int], points: Mapping[int, int]) -> None:
        self.executed = executed
        self.points = points
        self.out: list[bytes] = []
        self.exits: dict[int, int] = {}
        self.reachable = [True]  # whether the code after each open block is reachable, beginning with the function
        self.alive = True

    def cut(self, code: Sequence[bytes], offset: int) -> None:
        """Copy the instructions without cold blocks. `offset` is the offset of the first instruction in the body."""
        fresh = True  # whether a block starts at this instruction
        skipped = -1  # number of open blocks inside the removed code
        for instruction in code:
            opcode = instruction[0]
            if skipped >= 0:
                skipped += (opcode in _BLOCKS) - (opcode == 0x0B)
                if skipped >= 0 and not (skipped == 0 and opcode == 0x05):
                    offset += len(instruction)
                    continue
                skipped = -1
            if fresh and self.alive and self._is_cold(offset) and opcode not in {0x05, 0x0B}:
                self.exits[len(self.out)] = offset
                self.out.append(b"")
                self.alive = False
                skipped = int(opcode in _BLOCKS)
                fresh = False
            else:
                fresh = self._keep(instruction)
            offset += len(instruction)

    def _is_cold(self, offset: int) -> bool:
        return offset not in self.executed and offset in self.points

    def _keep(self, instruction: bytes) -> bool:
        """Copy an instruction. Return whether a basic block starts after it."""
        opcode = instruction[0]
        if opcode in _BLOCKS:
            self.reachable.append(self.alive)
        elif opcode == 0x05:
            self.alive = self.reachable[-1]
        elif opcode == 0x0B:
            self.alive = self.reachable.pop()
        self.out.append(instruction)
        if opcode in _LEAVES:
            self.alive = False
        return opcode in _STARTS_BLOCK or opcode in {0x05, 0x0B}
