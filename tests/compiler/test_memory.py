"""The memory image: segments restore it, and only freed memory is cleared."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmnb.compiler.runtime_build.heap_trim import MemoryRegions, clear_unused
from wasmnb.compiler.wasm_binary.memory_image import PAGE, MemoryImage

RUNS = st.lists(st.tuples(st.integers(0, PAGE - 300), st.binary(min_size=1, max_size=300)), max_size=12)


@given(RUNS)
def test_segments_reproduce_the_image(runs):
    image, copy = MemoryImage(1), MemoryImage(1)
    for address, data in runs:
        image.put(address, data)
    for address, data in image.segments():
        copy.put(address, data)
    assert copy.bytes == image.bytes


def test_long_zero_runs_are_left_out():
    image = MemoryImage(2)
    image.put(10, b"a" + bytes(20) + b"b")
    image.put(PAGE + 5, b"c")
    assert [(a, len(d)) for a, d in image.segments()] == [(0, 32), (PAGE + 5, 1)]


def test_write_outside_the_memory_raises():
    image = MemoryImage(1)
    with pytest.raises(IndexError):
        image.put(PAGE - 1, b"ab")
    with pytest.raises(IndexError):
        image.put(-1, b"a")


# -- the heap: blocks of (size, in use), as dlmalloc lays them out from address 8 on ----------------------------------

BASE = 0


def heap(blocks):
    image = MemoryImage(1)
    at, before_in_use, before_size = 8, True, 0
    for size, in_use in blocks:
        image.bytes[at : at + size] = b"\xaa" * size
        struct.pack_into("<II", image.bytes, at, 0 if before_in_use else before_size, size | before_in_use | 2 * in_use)
        at, before_in_use, before_size = at + size, in_use, size
    # the top block: memory that has never been allocated
    struct.pack_into("<II", image.bytes, at, 0 if before_in_use else before_size, (PAGE - at) | before_in_use)
    return image


REGIONS = MemoryRegions(BASE, PAGE - 512, PAGE - 256)


block = st.tuples(st.integers(2, 12).map(lambda n: 16 * n), st.booleans())


@given(st.lists(block, max_size=20))
def test_only_contents_of_free_blocks_are_cleared(blocks):
    # free blocks are never adjacent, because the allocator merges them
    blocks = [b for i, b in enumerate(blocks) if b[1] or i == 0 or blocks[i - 1][1]]
    image = heap(blocks)
    before = bytes(image.bytes)
    clear_unused(image.bytes, MemoryRegions(heap_base=BASE))
    at = 8
    for size, in_use in blocks:
        content, was = image.bytes[at : at + size], before[at : at + size]
        assert content == (was if in_use else was[:32] + bytes(max(0, size - 32)))
        at += size


def test_blocks_after_a_contradiction_stay_unchanged():
    image = heap([(64, True), (64, False), (64, True), (64, False), (64, True)])
    struct.pack_into("<I", image.bytes, 8 + 128, 48)  # the third block's header contains another size of the second block
    before = bytes(image.bytes)
    clear_unused(image.bytes, REGIONS)
    assert image.bytes[: PAGE - 512] == before[: PAGE - 512]


def test_unused_stack_is_cleared():
    image = heap([(64, True)])
    image.bytes[PAGE - 512 :] = b"\x55" * 512
    clear_unused(image.bytes, REGIONS)
    assert image.bytes[PAGE - 512 :] == bytes(256) + b"\x55" * 256
