"""Splitting of function bodies at the indexes that linking changes, which is fast enough for six megabytes of code.

Only a few instructions contain an index that changes when modules are merged: calls, function references, access to globals and
tables, and block types that refer to a type. Each run of other instructions is matched by a regular expression, and therefore
in C. Instructions with an index are looked up in a dictionary from old to new bytes, so Python code runs only once for each
distinct instruction of a module.

The grammar follows https://webassembly.github.io/spec/core/binary/instructions.html without exceptions, threads and garbage
collection.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain

from ...parsing.leb128 import Malformed, Reader

__all__ = ["Parts", "body_parts", "end_of_locals", "instructions"]

_LEB = rb"[\x80-\xff]*+[\x00-\x7f]"
_MEMARG = _LEB + _LEB

#: Maximum count of a br_table that the regular expression matches. The instruction has a count, then count + 1 labels. Regular
#: expressions can't count, so each count has its own alternative. The few larger tables are parsed separately.
_LARGEST_TABLE = 0x7F


def _br_table() -> bytes:
    cases = (re.escape(bytes((n,))) + rb"(?:%s){%d}" % (_LEB, n + 1) for n in range(_LARGEST_TABLE + 1))
    return rb"\x0e(?:" + rb"|".join(cases) + rb")"


_NO_INDEX = (
    rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\x45-\xc4\xd1]",  # no operand: control, drop, select, arithmetic
    rb"[\x0c\x0d\x20-\x22\x41\x42]" + _LEB,  # branches, locals, integer constants
    rb"[\x28-\x3e]" + _MEMARG,  # loads and stores
    rb"[\x02-\x04][\x40-\x7f]",  # blocks whose type is a value type or empty
    rb"\x43.{4}|\x44.{8}|[\x3f\x40]\x00|\x1c\x01.|\xd0.",  # floats, memory size and growth, typed select, null
    rb"\xfc(?:[\x00-\x07]|\x0a\x00\x00|\x0b\x00)",  # saturating truncation, memory.copy, memory.fill
    rb"\xfd(?:(?:[\x00-\x0b]|\x5c|\x5d)" + _MEMARG + rb"|[\x0c\x0d].{16}|[\x15-\x22].|[\x54-\x5b]" + _MEMARG + rb"."
    rb"|(?:[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff][\x01-\x02]))",  # vectors
    _br_table(),
)

_INDEX = (
    rb"[\x10\x12\x23-\x26\xd2]" + _LEB,  # call, return_call, globals, tables, ref.func
    rb"[\x11\x13]" + _LEB + _LEB,  # indirect calls: type, table
    rb"[\x02-\x04][\x80-\xff]*+[\x00-\x3f]",  # blocks whose type is a number
    rb"\xfc[\x0f-\x11]" + _LEB + rb"|\xfc\x0e" + _LEB + _LEB,  # table.grow, size, fill, copy
)

_STEP = re.compile(rb"((?:" + rb"|".join(_NO_INDEX) + rb")*+)(" + rb"|".join(_INDEX) + rb")?+", re.DOTALL)


_ONE = re.compile(b"|".join((*_NO_INDEX, *_INDEX)), re.DOTALL)

#: Pairs of a run of instructions without an index, and the instruction with an index that follows it (empty at the body's end).
Parts = list[tuple[bytes, bytes]]


def body_parts(data: bytes, start: int, end: int) -> tuple[bytes, Parts]:
    """Split the function body `data[start:end]` into its local declarations and its `Parts`, which are runs of instructions,
    each followed by an instruction with an index.

    Raises
    ------
    Malformed
        The body contains an unknown instruction.
    """
    at = end_of_locals(data, start, end)
    parts = _STEP.findall(data, at, end)
    if sum(map(len, chain.from_iterable(parts))) != end - at:
        parts = _stepwise(data, at, end)
    return data[start:at], parts


def instructions(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Yield the instructions of the function body `data[start:end]`. Raises `Malformed` if an instruction is unknown."""
    for run, last in body_parts(data, start, end)[1]:
        # A br_table that is too large for the regular expression is a run by itself; its count has more than one byte.
        yield from ([run] if run[:1] == b"\x0e" and run[1] > _LARGEST_TABLE else _ONE.findall(run))
        if last:
            yield last


def end_of_locals(data: bytes, start: int, end: int) -> int:
    """Return the offset of the first instruction of the function body `data[start:end]`."""
    if data[start] == 0:
        return start + 1
    r = Reader(data, start, end)
    for _ in range(r.u32()):
        r.u32(), r.byte()
    return r.at


def _stepwise(data: bytes, at: int, end: int) -> Parts:
    """Split a function body like `_STEP.findall`, which doesn't support large branch tables."""
    parts: Parts = []
    while at < end:
        match = _STEP.match(data, at, end)
        if match is not None and match.end() > at:
            parts.append((match[1], match[2] or b""))
            at = match.end()
            continue
        if data[at] != 0x0E:
            raise Malformed(f"unknown instruction {data[at]:#04x} at offset {at:#x}")
        r = Reader(data, at + 1, end)
        for _ in range(r.u32() + 1):
            r.u32()
        parts.append((data[at : r.at], b""))
        at = r.at
    return parts
