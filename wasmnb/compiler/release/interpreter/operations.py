"""The interpreter's operations: names, numbers, and encoding.

An operation has eight bytes: four 16-bit numbers, little-endian.

    number      number of the operation: the slot of its handler in the interpreter's table
    d, a, b     operands: offsets in the frame in bytes; or a and b together are a 32-bit constant

A frame is an array of values of eight bytes each: parameters, locals, the link (address at which the caller continues, and the
caller's frame), then the operand stack.
"""

from __future__ import annotations

from collections.abc import Iterable

from .opcodes import COMPARISONS, IMMEDIATE, LOADS, NUMERIC, SATURATING, STORES

__all__ = ["MOST_BYTES", "SIZE", "VALUE", "Operations", "constant_word", "word"]

#: Bytes of an operation and of a value in a frame.
SIZE = VALUE = 8

#: Largest offset in a frame.
MOST_BYTES = 0xFFF8

#: Operations for control flow and memory.
_FIXED = (
    "halt", "unreachable", "br", "br_if", "br_unless", "br_table", "return", "return_void", "move", "const32", "const64s",
    "const64", "select", "address", "memory.size", "memory.grow", "memory.copy", "memory.fill",
)  # fmt: skip


class Operations:
    """The operations for one module, with their numbers.

    Parameters
    ----------
    types
        Indices of the module's function types. There are operations for calls of each type.
    globals_
        Indices of the module's globals.
    """

    def __init__(self, types: Iterable[int], globals_: Iterable[int]) -> None:
        names = [*_FIXED]
        names += [n.name for n in NUMERIC.values()]
        names += [f"{name}#" for name in sorted(IMMEDIATE)]
        names += [f"br.{name}{suffix}" for name in sorted(COMPARISONS) for suffix in ("", "#")]
        names += [name for name, _ in (*LOADS.values(), *STORES.values())]
        names += [n.name for n in SATURATING.values()]
        names += [f"{kind} {g}" for g in globals_ for kind in ("global.get", "global.set")]
        names += [f"{kind} {t}" for t in types for kind in ("call", "call_indirect")]
        self.names = tuple(names)
        self.numbers = {name: number for number, name in enumerate(names)}


def word(number: int, d: int = 0, a: int = 0, b: int = 0) -> int:
    """Return an operation as a 64-bit number."""
    return number | d << 16 | a << 32 | b << 48


def constant_word(number: int, d: int, constant: int) -> int:
    """Return an operation with a 32-bit constant, which can be signed or unsigned."""
    return number | d << 16 | (constant & 0xFFFFFFFF) << 32
