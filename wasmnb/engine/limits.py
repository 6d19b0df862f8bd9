"""Size limits for the memories and tables of one instance, so that their total size is within a budget.

wasmtime 50 limits each memory and each table separately, with one number for all memories and one for all tables of a store. In
wasmtime, an element of a table takes 8 bytes. Objects of the garbage collector are stored in a separate memory, which
counts as another memory. In V8, which Envoy 1.40 uses, a table has at most ten million elements.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ModuleError
from ..parsing.wasm_types import PAGE
from .declarations import ELEMENT, Declarations, SizeLimits
from .traps import NOT_INSTANTIATED

__all__ = ["TABLE_ELEMENTS", "size_limits"]

#: Maximum number of elements of a table in Envoy.
TABLE_ELEMENTS = 10_000_000

#: Bytes of tables that aren't counted, and the fraction of the budget for tables (one eighth).
_FREE, _SHARE = 1 << 20, 8


def size_limits(declared: Declarations, budget: int) -> tuple[int, int]:
    """Return the maximum size of each memory in bytes, and the maximum number of elements of each table.

    Parameters
    ----------
    declared
        Declarations of the module's memories and tables.
    budget
        Maximum size in bytes of all memories and tables together.

    Raises
    ------
    ModuleError
        The module's initial size exceeds the budget, or its memories could grow beyond the budget.
    """
    largest = max((t.minimum // ELEMENT for t in declared.tables), default=0)
    if largest > TABLE_ELEMENTS:
        raise ModuleError(
            f"{NOT_INSTANTIATED}: a table starts with {largest:,} elements, but Envoy allows at most "
            f"{TABLE_ELEMENTS:,}."
        )
    needed = sum(t.minimum for t in declared.tables)
    most = _level(declared.tables, max(_FREE, budget // _SHARE, needed), TABLE_ELEMENTS * ELEMENT)
    tables = sum(_grown(t, most) for t in declared.tables)
    memories = declared.memories
    if declared.has_objects:
        memories = [*memories, SizeLimits(0, None)]
    available = budget - max(0, tables - _FREE)
    if sum(m.minimum for m in memories) > available:
        total = sum(m.minimum for m in memories) + needed
        raise ModuleError(
            f"{NOT_INSTANTIATED}: its initial memory of {_text(total)} exceeds the limit of {_text(budget)}. "
            "Link the module with less memory, or increase memory_limit=."
        )
    level = _level(memories, available, budget)
    if sum(_grown(m, level) for m in memories) > available:
        raise ModuleError(
            f"{NOT_INSTANTIATED}: its {len(memories)} memories could grow beyond the limit of {_text(budget)}. "
            "Declare a maximum for each memory, or increase memory_limit=."
        )
    return level // PAGE * PAGE if level > PAGE else level, most // ELEMENT


def _text(size: int) -> str:
    """Format a size in MiB, or in bytes if it is less than 1 MiB."""
    return f"{size / 2**20:,.1f} MiB".replace(".0 ", " ") if size >= 1 << 20 else f"{size:,} bytes"


def _level(sizes: Sequence[SizeLimits], available: int, highest: int) -> int:
    """Return the maximum size of each memory or table so that all of them together use at most `available` bytes.

    The result is never less than the largest minimum.
    """
    low, high = max((s.minimum for s in sizes), default=0), highest
    if low >= high or sum(_grown(s, high) for s in sizes) <= available:
        return max(low, high)
    while high - low > 1:
        middle = (low + high) // 2
        if sum(_grown(s, middle) for s in sizes) <= available:
            low = middle
        else:
            high = middle
    return low


def _grown(size: SizeLimits, level: int) -> int:
    """Return the size of a memory or table that has grown to `level` within its own limits."""
    return max(size.minimum, level if size.maximum is None else min(level, size.maximum))
