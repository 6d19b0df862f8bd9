"""Decoding of WebAssembly instructions into their kinds and operands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ....parsing.leb128 import Reader
from .opcodes import LOADS, NUMERIC, SATURATING, STORES
from .operations import MOST_BYTES, VALUE

__all__ = ["Unsupported", "decode"]

#: Type of a block without results.
_EMPTY = 0x40


class Unsupported(ValueError):
    """Raised for a function that the interpreter can't run. The function stays compiled."""


def decode(instruction: bytes) -> tuple[str, tuple[Any, ...]]:
    """Return the kind of an instruction, and its operands.

    Instructions of the same kind differ only in their operands: `binary` stands for all operations with two numbers, and `load`
    for all loads. The operand for a local is its offset in the frame.

    Parameters
    ----------
    instruction
        Bytes of the instruction.

    Raises
    ------
    Unsupported
        The interpreter doesn't support the instruction.
    """
    opcode = instruction[0]
    r = Reader(instruction, 1)
    if opcode in NUMERIC:
        numeric = NUMERIC[opcode]
        if "reinterpret" in numeric.name:
            return "nop", ()
        return ("unary" if len(numeric.params) == 1 else "binary"), (numeric.name,)
    if opcode in LOADS or opcode in STORES:
        r.u32()
        return ("load", (LOADS[opcode][0], r.u32())) if opcode in LOADS else ("store", (STORES[opcode][0], r.u32()))
    if opcode in _BLOCKS:
        return "block", (_BLOCKS[opcode], _arity(instruction))
    if opcode in _OPERANDS:
        kind, read = _OPERANDS[opcode]
        return kind, tuple(read(r))
    if opcode == 0xFC:
        return _prefixed(r.u32())
    raise Unsupported(f"instruction {opcode:#04x}")


def _prefixed(number: int) -> tuple[str, tuple[Any, ...]]:
    if number in SATURATING:
        return "unary", (SATURATING[number].name,)
    if number in _BULK:
        return "memory_bulk", (_BULK[number],)
    raise Unsupported(f"instruction 0xfc {number}")


def _arity(instruction: bytes) -> int:
    """Return the number of results of a block. Raises `Unsupported` if the block has parameters."""
    kind = instruction[1]
    if len(instruction) != 2 or kind < _EMPTY:
        raise Unsupported("a block with parameters")
    return int(kind != _EMPTY)


def _none(_r: Reader) -> tuple[()]:
    return ()


def _index(r: Reader) -> tuple[int]:
    return (r.u32(),)


def _place(r: Reader) -> tuple[int]:
    place = r.u32() * VALUE
    if place > MOST_BYTES:
        raise Unsupported("too many locals")
    return (place,)


def _depths(r: Reader) -> list[int]:
    return [r.u32() for _ in range(r.u32() + 1)]


#: Opcode -> kind of block.
_BLOCKS: Mapping[int, str] = {0x02: "block", 0x03: "loop", 0x04: "if"}

#: Number of an instruction after the prefix 0xFC -> operation.
_BULK = {10: "memory.copy", 11: "memory.fill"}

#: Opcode -> (kind of instruction, function that reads its operands).
_OPERANDS: Mapping[int, tuple[str, Callable[[Reader], Sequence[Any]]]] = {
    0x00: ("unreachable", _none),
    0x01: ("nop", _none),
    0x05: ("else", _none),
    0x0B: ("end", _none),
    0x0C: ("br", _index),
    0x0D: ("br_if", _index),
    0x0E: ("br_table", _depths),
    0x0F: ("return_here", _none),
    0x10: ("call", _index),
    0x11: ("call_indirect", lambda r: (r.u32(), r.u32())),
    0x1A: ("drop", _none),
    0x1B: ("select", _none),
    0x1C: ("select", _none),
    0x20: ("local_get", _place),
    0x21: ("local_set", _place),
    0x22: ("local_tee", _place),
    0x23: ("global_get", _index),
    0x24: ("global_set", _index),
    0x3F: ("memory_size", _none),
    0x40: ("memory_grow", _none),
    0x41: ("literal", lambda r: ((False, r.signed() & 0xFFFFFFFF),)),
    0x42: ("literal", lambda r: ((True, r.signed()),)),
    0x43: ("literal", lambda r: ((False, int.from_bytes(r.bytes(4), "little")),)),
    0x44: ("literal", lambda r: ((True, int.from_bytes(r.bytes(8), "little", signed=True)),)),
}
