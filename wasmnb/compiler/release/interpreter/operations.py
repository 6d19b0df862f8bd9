"""Names, numbers and encoding of the interpreter's operations.

An operation has eight bytes, which are four 16-bit numbers in little-endian order:

    number      number of the operation: the slot of its handler in the interpreter's table
    d, a, b     operands: offsets in the frame in bytes; or a and b together are a 32-bit constant

A frame is an array of values of eight bytes each: parameters, locals, the link (address at which the caller continues, and the
caller's frame), and the operand stack.
"""

from __future__ import annotations

from collections.abc import Iterable

from .opcodes import COMPARISONS, IMMEDIATE, LOADS, NUMERIC, SATURATING, STORES

__all__ = ["MOST_BYTES", "SIZE", "VALUE", "Operations", "constant_word", "word"]

#: Size in bytes of an operation, and of a value in a frame.
SIZE = VALUE = 8

#: Maximum offset in a frame.
MOST_BYTES = 0xFFF8

#: Operations for control flow and memory.
_FIXED = (
    "halt", "unreachable", "br", "br_if", "br_unless", "br_table", "return", "return_void", "move", "const32", "const64s",
    "const64", "select", "address", "memory.size", "memory.grow", "memory.copy", "memory.fill",
)  # fmt: skip


class Operations:
    """The interpreter's operations for one module, and their numbers.

    Parameters
    ----------
    types
        Indexes of the module's function types. For each type, there are operations that call functions.
    globals_
        Indexes of the module's globals.
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
    """Encode an operation as a 64-bit number."""
    return number | d << 16 | a << 32 | b << 48


def constant_word(number: int, d: int, constant: int) -> int:
    """Encode an operation with a signed or unsigned 32-bit constant as a 64-bit number."""
    return number | d << 16 | (constant & 0xFFFFFFFF) << 32
