"""Clears what the memory image holds but the program has given back: free heap blocks and the unused stack.

Facts: while Python is imported into the image, a fifth of the heap is allocated and freed again. What stands there is
noise that makes the file larger. The allocator is wasi-libc's dlmalloc, which keeps its state in the blocks themselves:

    +0  size of the block before, if that one is free       +4  size of this one; bit 0: the one before is in use,
    +8  content; of a free block links, at most 24 bytes         bit 1: this one is in use

Blocks start at multiples of 16 plus 8, and follow each other without gaps from `__heap_base` to the end of memory. The
walk believes nothing: at the first block that contradicts its neighbour it stops, and what follows stays as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..wasm.component_graph import Graph

__all__ = ["Regions", "clear_unused"]

_HEAD = struct.Struct("<II")
_IN_USE_BEFORE, _IN_USE, _FLAGS = 1, 2, 7

#: Bytes at the start of a free block that the allocator uses.
_LINKS = 32


@dataclass(frozen=True)
class Regions:
    """Where the program keeps its stack and its heap; None for what is not known.

    Attributes
    ----------
    heap_base
        Address at which the heap begins.
    stack_low, stack_pointer
        Address at which the stack ends, and where it stands when nothing runs: it grows downwards.
    """

    heap_base: int | None = None
    stack_low: int | None = None
    stack_pointer: int | None = None

    @classmethod
    def of(cls, graph: Graph) -> Regions:
        """Those of a component."""
        return cls(*(_global(graph, name) for name in ("__heap_base", "__stack_low", "__stack_pointer")))


def clear_unused(memory: bytearray, regions: Regions) -> int:
    """Set unused memory to zero; gives how many bytes that are."""
    cleared = 0
    for start, end in (*_unused_stack(regions), *_free_blocks(bytes(memory), regions.heap_base)):
        memory[start:end] = bytes(end - start)
        cleared += end - start
    return cleared


def _global(graph: Graph, name: str) -> int | None:
    """First value of a global that the component's main module exports."""
    for node in graph.all_nodes():
        kind, index = node.module.exports.get(name, ("", 0))
        if kind == "global":
            return graph.global_value(graph.definition(node, "global", index))
    return None


def _unused_stack(regions: Regions) -> Iterator[tuple[int, int]]:
    """What lies below the stack pointer."""
    low, pointer = regions.stack_low, regions.stack_pointer
    if low is not None and pointer is not None and low < pointer:
        yield low, pointer


def _free_blocks(memory: bytes, base: int | None) -> Iterator[tuple[int, int]]:
    if base is None:
        return
    at = base + -(base + 8) % 16
    while at + _HEAD.size <= len(memory):
        _, head = _HEAD.unpack_from(memory, at)
        size, after = head & ~_FLAGS, at + (head & ~_FLAGS)
        if size < 16 or size % 16 or after + _HEAD.size > len(memory):
            return
        before, next_head = _HEAD.unpack_from(memory, after)
        if bool(next_head & _IN_USE_BEFORE) != bool(head & _IN_USE) or not (head & _IN_USE or before == size):
            return
        if not head & _IN_USE and size > _LINKS:
            yield at + _LINKS, after
        at = after
