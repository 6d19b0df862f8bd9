"""A compiled function without the blocks that are never executed: at each of those it hands over to the interpreter.

Facts: V8, as Envoy has it, compiles every function with its optimising compiler when the module is loaded, at 2 CPU-seconds
a megabyte. Of the functions that a filter enters, most code deals with errors and with types that it does not have.

A cold block becomes an exit if the operand stack is empty where it starts. All exits of a function meet at its end, where the
locals are put into a frame of the interpreter's; the interpreter goes on from there, and its result is the function's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....formats import leb128 as leb
from ....formats.leb128 import Reader
from ...wasm.relocations import instructions
from ..interpreter.opcodes import VALUE_TYPES

__all__ = ["LOAD", "STORE", "CarvedFunction", "carve", "local_types"]

#: Opcode and alignment of the instruction that stores or loads a value, by its type.
STORE = {0x7F: b"\x36\x02", 0x7E: b"\x37\x03", 0x7D: b"\x38\x02", 0x7C: b"\x39\x03"}
LOAD = {0x7F: b"\x28\x02", 0x7E: b"\x29\x03", 0x7D: b"\x2a\x02", 0x7C: b"\x2b\x03"}

_BLOCKS = frozenset({0x02, 0x03, 0x04})
_LEAVES = frozenset({0x00, 0x0C, 0x0E, 0x0F})
_STARTS_BLOCK = frozenset({0x03, 0x04, 0x0D})


@dataclass(frozen=True)
class CarvedFunction:
    """A function with exits.

    Attributes
    ----------
    head
        Its local declarations.
    body
        Its instructions; calls are as they were.
    locals
        Types of all its locals, parameters first.
    exit
        Number of the local that says where the interpreter goes on; the one after it is for the frame.
    """

    head: bytes
    body: tuple[bytes, ...]
    locals: bytes
    exit: int


def local_types(data: bytes, start: int, parameters: bytes) -> bytes:
    """Types of the locals of the function body at `start`, parameters first."""
    r = Reader(data, start)
    kinds = bytearray(parameters)
    for _ in range(r.u32()):
        count = r.u32()
        kinds += bytes((r.byte(),)) * count
    return bytes(kinds)


def carve(
    data: bytes, span: tuple[int, int], parameters: bytes, executed: frozenset[int], points: Mapping[int, int]
) -> CarvedFunction | None:
    """Cut cold blocks out of a function.

    Parameters
    ----------
    data, span
        Its body is `data[start:end]`.
    parameters
        Types of its parameters.
    executed
        Offsets in the body at which blocks start that were executed.
    points
        Offset in the body -> where the interpreter goes on there.

    Returns
    -------
    CarvedFunction or None
        None if there is nothing to cut out.
    """
    start, end = span
    kinds = local_types(data, start, parameters)
    cutter = _Cutter(executed, points, len(kinds))
    code = list(instructions(data, start, end))
    cutter.cut(code, end - start - sum(map(len, code)))
    if not cutter.exits:
        return None
    head = _declarations(kinds[len(parameters) :] + b"\x7f\x7f")
    return CarvedFunction(head, (b"\x02\x40", *cutter.out), kinds, len(kinds))


def _declarations(kinds: bytes) -> bytes:
    runs: list[list[int]] = []
    for kind in kinds:
        if runs and runs[-1][1] == kind:
            runs[-1][0] += 1
        else:
            runs.append([1, kind])
    return leb.vector(leb.unsigned(count) + bytes((kind,)) for count, kind in runs)


class _Cutter:
    """Goes through a function once. All of its body is inside a block, behind which the exits meet."""

    def __init__(self, executed: frozenset[int], points: Mapping[int, int], exit_local: int) -> None:
        self.executed = executed
        self.points = points
        self.exit_local = leb.unsigned(exit_local)
        self.out: list[bytes] = []
        self.exits = 0
        self.reachable = [True]  # for every block that is open, whether what follows it can be; the function first
        self.alive = True

    def cut(self, code: Sequence[bytes], offset: int) -> None:
        """Cut; `offset` is where the first instruction stands in the body."""
        fresh = True  # a block starts here
        skipped = -1  # blocks that are open inside what is left out
        for number, instruction in enumerate(code):
            opcode = instruction[0]
            if skipped >= 0:
                skipped += (opcode in _BLOCKS) - (opcode == 0x0B)
                if skipped >= 0 and not (skipped == 0 and opcode == 0x05):
                    offset += len(instruction)
                    continue
                skipped = -1
            if fresh and self.alive and self._is_cold(offset) and opcode not in {0x05, 0x0B}:
                self._exit(self.points[offset])
                skipped = int(opcode in _BLOCKS)
                fresh = False
            elif number < len(code) - 1:
                fresh = self._keep(instruction)
            offset += len(instruction)

    def _is_cold(self, offset: int) -> bool:
        return offset not in self.executed and offset in self.points

    def _exit(self, point: int) -> None:
        depth = leb.unsigned(len(self.reachable) - 1)
        self.out.append(b"\x41" + leb.signed(point) + b"\x21" + self.exit_local + b"\x0c" + depth)
        self.exits += 1
        self.alive = False

    def _keep(self, instruction: bytes) -> bool:
        """Take an instruction over; True if a basic block starts behind it."""
        opcode = instruction[0]
        if opcode in _BLOCKS:
            self.reachable.append(self.alive)
        elif opcode == 0x05:
            self.alive = self.reachable[-1]
        elif opcode == 0x0B:
            self.alive = self.reachable.pop()
        elif opcode in {0x0C, 0x0D, 0x0E}:
            instruction = self._branch(instruction)
        self.out.append(instruction)
        if opcode in _LEAVES:
            self.alive = False
        return opcode in _STARTS_BLOCK or opcode in {0x05, 0x0B}

    def _branch(self, instruction: bytes) -> bytes:
        """The same branch where there is one more block around the body: what left the function leaves two."""
        depth = len(self.reachable) - 1
        r = Reader(instruction, 1)
        count = r.u32() + 1 if instruction[0] == 0x0E else 1
        labels = [r.u32() for _ in range(count)]
        if instruction[0] == 0x0C and labels == [depth]:
            return b"\x0f"
        encoded = [leb.unsigned(label + (label == depth)) for label in labels]
        return instruction[:1] + (leb.unsigned(count - 1) if instruction[0] == 0x0E else b"") + b"".join(encoded)


assert set(STORE) == set(LOAD) == set(VALUE_TYPES)
