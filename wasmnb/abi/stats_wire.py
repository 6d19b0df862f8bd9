"""Wire format of the snapshot of statistics that Envoy passes to a stats sink: counters with their growth, and gauges.

The format is that of `Context::onStatsUpdate` in Envoy 1.40. The buffer contains a block of counters and a block of gauges. A
block begins with its size in bytes, its type (1 or 2) and the number of statistics, each as u32. Its entries consist of the
length of the name (u32), the name, zero bytes up to a multiple of 8, the value, and for counters the growth since the last
snapshot (u64). All numbers are little endian. Statistics that never changed have no entry, but are included in the number. The
size of the second block doubles with every gauge until it overflows, so this size and the size of the whole buffer are
meaningless. After the last entry, the buffer contains mostly zeros.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from .text import encode_text

__all__ = ["CounterUpdate", "SerializedStats", "Stats", "read_stats", "write_stats"]

_COUNTERS, _GAUGES = 1, 2
_HEAD, _SIZE, _VALUE, _PAIR = struct.Struct("<III"), struct.Struct("<I"), struct.Struct("<Q"), struct.Struct("<QQ")

#: Number of bytes to read at once, and maximum length of a name. A larger length means that there are no more entries.
_WINDOW, _LONGEST = 1 << 16, 1 << 12

#: Number of Envoy's gauges that a simulated snapshot omits, and the length of their names. They make the block's size overflow.
_OTHERS, _OTHER_NAME = 64, 30


@dataclass(frozen=True)
class CounterUpdate:
    """A counter in a snapshot of statistics.

    Attributes
    ----------
    value
        Value of the counter.
    delta
        Growth of the counter since the last snapshot.
    """

    value: int
    delta: int


@dataclass(frozen=True)
class Stats:
    """A snapshot of Envoy's statistics.

    Attributes
    ----------
    counters
        Counters by name. Names of counters defined by filters have the prefix `wasmcustom.`.
    gauges
        Values of gauges by name.
    """

    counters: Mapping[str, CounterUpdate] = field(default_factory=dict)
    gauges: Mapping[str, int] = field(default_factory=dict)


def read_stats(read: Callable[[int, int], bytes]) -> Stats:
    """Read a snapshot of statistics from a buffer.

    Parameters
    ----------
    read
        Function that returns bytes of the buffer. Its arguments are the offset and the maximum number of bytes to return. (The
        whole buffer can be too large to read at once.)
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
    """Yield name and values of at most `count` entries between the offsets `start` and `end`. Stops at invalid data."""
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


class SerializedStats(NamedTuple):
    """A serialised snapshot, and the size that Envoy reports for it."""

    data: bytes
    size: int


def write_stats(stats: Stats, counters: int, gauges: int) -> SerializedStats:
    """Serialise a snapshot. Returns the bytes, and the size that Envoy reports for them.

    Parameters
    ----------
    stats
        The snapshot.
    counters, gauges
        Total number of counters and total number of gauges, including those that have never changed.
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
    return SerializedStats(bytes(data), first + size & 0xFFFFFFFF)


def _append(data: bytearray, name: str, values: bytes) -> None:
    encoded = encode_text(name)
    data += _SIZE.pack(len(encoded)) + encoded
    data += bytes(_aligned(len(data)) - len(data)) + values


def _aligned(position: int) -> int:
    return (position + 7) & ~7
