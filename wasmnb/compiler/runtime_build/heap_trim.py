"""Heap trimming, which replaces unused parts of the memory image by zeros: free heap blocks and the unused stack.

While Python's modules are imported into the image, a fifth of the heap is allocated and freed again. Its old content only makes
the file larger. The allocator is wasi-libc's dlmalloc, which keeps its state in the blocks:

    +0  size of the previous block, if it's free            +4  size of this block; bit 0: previous block is in use,
    +8  contents; in a free block links of up to 24 bytes        bit 1: this block is in use

Blocks start at multiples of 16 plus 8, and follow each other without gaps from `__heap_base` to the end of memory. The search
checks each block against the next one, and stops at the first contradiction.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..wasm_binary.component_graph import Graph

__all__ = ["MemoryRegions", "clear_unused"]

_HEAD = struct.Struct("<II")
_IN_USE_BEFORE, _IN_USE, _FLAGS = 1, 2, 7

#: Number of bytes at the start of a free block that the allocator uses.
_LINKS = 32


@dataclass(frozen=True)
class MemoryRegions:
    """Addresses of a program's stack and heap. An address is None if it is unknown.

    Attributes
    ----------
    heap_base
        First address of the heap.
    stack_low, stack_pointer
        Lowest address of the stack, and value of the stack pointer while no function runs. The stack grows downwards.
    """

    heap_base: int | None = None
    stack_low: int | None = None
    stack_pointer: int | None = None

    @classmethod
    def of(cls, graph: Graph) -> MemoryRegions:
        """Read the addresses from the modules of a component."""
        return cls(*(_global(graph, name) for name in ("__heap_base", "__stack_low", "__stack_pointer")))


def clear_unused(memory: bytearray, regions: MemoryRegions) -> int:
    """Replace unused memory by zeros, and return the number of bytes."""
    cleared = 0
    for start, end in (*_unused_stack(regions), *_free_blocks(bytes(memory), regions.heap_base)):
        memory[start:end] = bytes(end - start)
        cleared += end - start
    return cleared


def _global(graph: Graph, name: str) -> int | None:
    """Return the initial value of a global that a module of the component exports, or None if no module exports it."""
    for node in graph.all_nodes():
        kind, index = node.module.exports.get(name, ("", 0))
        if kind == "global":
            return graph.global_value(graph.definition(node, "global", index))
    return None


def _unused_stack(regions: MemoryRegions) -> Iterator[tuple[int, int]]:
    """Yield the unused part of the stack, which is below the stack pointer."""
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
