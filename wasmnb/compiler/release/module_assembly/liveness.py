"""Live locals, whose values can still be read by later code. Exits pass only live locals to the interpreter.

The live locals are found by the usual backward analysis. WebAssembly code is structured, so one pass is enough if there are no
loops. A loop's body branches back to the beginning of the loop. The locals that are live there are known only in the next pass.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from ....parsing.leb128 import Reader

__all__ = ["live_locals"]

_BLOCK, _LOOP, _IF, _ELSE, _END = 0x02, 0x03, 0x04, 0x05, 0x0B
_BLOCKS = frozenset({_BLOCK, _LOOP, _IF})

#: Instructions that change which locals are live: control, and `local.get`, `local.set` and `local.tee`.
_RELEVANT = _BLOCKS | {_ELSE, _END, 0x00, 0x0C, 0x0D, 0x0E, 0x0F, 0x20, 0x21, 0x22}


@dataclass(slots=True)
class _Step:
    """An instruction that changes which locals are live: offset, opcode and operands. Operands of `end` describe its block."""

    place: int
    opcode: int
    operands: tuple[int, ...]


def live_locals(code: Sequence[bytes], offset: int, places: Container[int]) -> dict[int, int]:
    """Return which locals are live at certain places in a function.

    Parameters
    ----------
    code
        Instructions of the function.
    offset
        Offset of the first instruction in the body.
    places
        Offsets of instructions in the body.

    Returns
    -------
    dict
        Offset of an instruction -> live locals before it, as a bit set: bit `n` is set if local `n` is live.
    """
    steps: list[_Step] = []
    known: dict[bytes, tuple[int, ...]] = {}
    for instruction in code:
        if instruction[0] in _RELEVANT or offset in places:
            if instruction not in known:
                known[instruction] = _operands(instruction)
            steps.append(_Step(offset, instruction[0], known[instruction]))
        offset += len(instruction)
    _match_ends(steps)
    steps.reverse()
    live: dict[int, int] = {}
    while _run(steps, live):
        pass
    return {place: value for place, value in live.items() if place in places}


def _operands(instruction: bytes) -> tuple[int, ...]:
    """Return the bit of the local in an instruction, or the depths of a branch. Other instructions have no operands."""
    r = Reader(instruction, 1)
    match instruction[0]:
        case 0x20 | 0x21 | 0x22:
            return (1 << r.u32(),)
        case 0x0C | 0x0D:
            return (r.u32(),)
        case 0x0E:
            return tuple({r.u32() for _ in range(r.u32() + 1)})
    return ()


def _match_ends(steps: Sequence[_Step]) -> None:
    blocks: list[tuple[int, int]] = [(0, -1)]  # the function
    for step in steps:
        if step.opcode in _BLOCKS:
            blocks.append((step.opcode, step.place))
        elif step.opcode == _END:
            step.operands = blocks.pop()


def _run(steps: Sequence[_Step], live_at: dict[int, int]) -> bool:
    """Do one pass over the steps of a function. Return whether another pass is needed.

    Parameters
    ----------
    steps
        Steps from the last to the first.
    live_at
        Offset of each step -> live locals before the step, which is updated.
    """
    live = 0
    labels: list[int] = []  # for each open block, the locals that are live at the target of a branch to it
    skipped: list[int] = []  # for each open block, the locals that are live if it is an `if` with a false condition
    changed = False
    for step in steps:
        operands = step.operands
        match step.opcode:
            case 0x20:
                live |= operands[0]
            case 0x21 | 0x22:
                live &= ~operands[0]
            case 0x0D:
                live |= labels[-1 - operands[0]]
            case 0x0C | 0x0E:
                live = 0
                for depth in operands:
                    live |= labels[-1 - depth]
            case 0x00 | 0x0F:
                live = 0
            case 0x0B:
                skipped.append(live)
                labels.append(live_at.get(operands[1], 0) if operands[0] == _LOOP else live)
            case 0x05:
                skipped[-1], live = live, labels[-1]
            case 0x02 | 0x03 | 0x04:
                labels.pop()
                behind = skipped.pop()
                if step.opcode == _IF:
                    live |= behind
                elif step.opcode == _LOOP:
                    changed = changed or live != live_at.get(step.place, 0)
        live_at[step.place] = live
    return changed
