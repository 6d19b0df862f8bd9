"""The snapshot of statistics that a stats sink gets: counters with their growth since the last snapshot, and gauges.

Facts (Envoy 1.40, `Context::onStatsUpdate`): a block of counters, then one of gauges. A block is its size in bytes, its type (1 or 2)
and a count, u32 each; an entry is the length of the name (u32), the name, zero bytes up to a multiple of 8, the value and for counters
the growth (u64). All numbers are little endian. Only statistics that have ever changed have an entry, but the count includes all. The
size of the second block doubles with every gauge until it overflows: it and the size of the whole buffer are meaningless. The buffer is
mostly zero behind the last entry.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .text import encode_text

__all__ = ["CounterUpdate", "Stats", "read_stats", "write_stats"]

_COUNTERS, _GAUGES = 1, 2
_HEAD, _SIZE, _VALUE, _PAIR = struct.Struct("<III"), struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<QQ")

#: Bytes to read at once, and the longest name; a larger length shows that the entries have ended.
_WINDOW, _LONGEST = 1 << 16, 1 << 12

#: Number of Envoy's own gauges that a simulated snapshot leaves out, and the length of their names: they make the size overflow.
_OTHERS, _OTHER_NAME = 64, 30


@dataclass(frozen=True)
class CounterUpdate:
    """A counter in a snapshot.

    Attributes
    ----------
    value
        The count.
    delta
        Its growth since the last snapshot.
    """

    value: int
    delta: int


@dataclass(frozen=True)
class Stats:
    """A snapshot of Envoy's statistics.

    Attributes
    ----------
    counters
        Counters by name. Those of filters have the prefix `wasmcustom.`.
    gauges
        Values of gauges by name.
    """

    counters: Mapping[str, CounterUpdate] = field(default_factory=dict)
    gauges: Mapping[str, int] = field(default_factory=dict)


def read_stats(read: Callable[[int, int], bytes]) -> Stats:
    """Read a snapshot.

    Parameters
    ----------
    read
        Function that returns bytes of the buffer; its arguments are the offset and the most bytes to return. (The whole
        buffer can be too large to read at once.)
    """
    head = read(0, _HEAD.size)
    if len(head) < _HEAD.size:
        return Stats()
    size, _, count = _HEAD.unpack(head)
    counters = {
        name: CounterUpdate(*_PAIR.unpack(values))
        for name, values in _entries(read, _HEAD.size, size, count, _PAIR.size)
    }
    head = read(size, _HEAD.size)
    if len(head) < _HEAD.size:
        return Stats(counters)
    _, _, count = _HEAD.unpack(head)
    entries = _entries(read, size + _HEAD.size, 1 << 32, count, _VALUE.size)
    return Stats(counters, {name: _VALUE.unpack(values)[0] for name, values in entries})


def _entries(
    read: Callable[[int, int], bytes], start: int, end: int, count: int, width: int
) -> Iterator[tuple[str, bytes]]:
    """Yield name and values of the entries from `start` to `end`, at most `count`, until something is not an entry."""
    window, base = b"", start
    for _ in range(count):
        if start >= end:
            return
        if start - base + _SIZE.size + _LONGEST + 8 + width > len(window):
            window, base = read(start, _WINDOW), start
        if len(window) < start - base + _SIZE.size:
            return
        (length,) = _SIZE.unpack_from(window, start - base)
        values = _aligned(start + _SIZE.size + length)
        if not 0 < length <= _LONGEST or len(window) < values - base + width:
            return
        name = window[start - base + _SIZE.size : start - base + _SIZE.size + length]
        yield name.decode("utf-8", "surrogateescape"), window[values - base : values - base + width]
        start = values + width


def write_stats(stats: Stats, counters: int, gauges: int) -> tuple[bytes, int]:
    """Return the bytes of a snapshot, and the size that Envoy says it has.

    Parameters
    ----------
    stats
        The snapshot.
    counters, gauges
        Number of all counters and number of all gauges, including those that have never changed.
    """
    data = bytearray(_HEAD.size)
    for name, update in stats.counters.items():
        _append(data, name, _PAIR.pack(update.value, update.delta))
    first = len(data)
    _HEAD.pack_into(data, 0, first, _COUNTERS, counters)
    data += bytes(_HEAD.size)
    for name, value in stats.gauges.items():
        _append(data, name, _VALUE.pack(value))
    size = _HEAD.size
    for length in [*map(len, map(encode_text, stats.gauges)), *[_OTHER_NAME] * _OTHERS]:
        size += _SIZE.size + length
        size = size + _aligned(size + _VALUE.size) & 0xFFFFFFFF
    _HEAD.pack_into(data, first, size, _GAUGES, gauges)
    return bytes(data), first + size & 0xFFFFFFFF


def _append(data: bytearray, name: str, values: bytes) -> None:
    encoded = encode_text(name)
    data += _SIZE.pack(len(encoded)) + encoded
    data += bytes(_aligned(len(data)) - len(data)) + values


def _aligned(position: int) -> int:
    return (position + 7) & ~7
