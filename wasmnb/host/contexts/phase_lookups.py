"""Lookups in the ABI's table of phases for contexts and hostcalls, as numbers that are computed once.

The table contains the maps and buffers that are available in each callback, and the results of reading other maps and buffers.
It doesn't contain the state of a stream, such as whether a response has trailers, or whether a map stays available after a
stop. Contexts therefore store the available maps and buffers by type when a callback begins, and hostcalls only look them up
there.
"""

from __future__ import annotations

from ...abi import CALLBACKS_BY_NAME, DROPPED_BY_CONTINUE, NOT_FOUND_BUFFERS, PHASES, BufferType, HeaderMapType, Phase

__all__ = [
    "CONTINUED_BODIES",
    "CONTINUED_MAPS",
    "CREATED_BY",
    "LOG_MAPS",
    "MISSING_IN_LOG",
    "MISSING_MAP",
    "ROOT_MAPS",
    "STREAM_BUFFERS",
    "UNAVAILABLE",
    "WRITABLE_BUFFERS",
    "WRITABLE_MAPS",
    "buffer_of",
    "last_result",
    "map_of",
]


def map_of(callback: str) -> int:
    """Return the type of the header map that a callback can read. The callback must have exactly one."""
    (kind,) = PHASES[callback].reads
    return int(kind)


def buffer_of(callback: str) -> int:
    """Return the type of the buffer that a callback can read in addition to the VM configuration. It must have exactly one."""
    (kind,) = PHASES[callback].buffers - {BufferType.VM_CONFIGURATION}
    return int(kind)


def last_result(callback: str) -> int:
    """Return the largest number that a callback with named results can return."""
    returns = PHASES[callback].returns
    assert returns is not None
    return int(max(returns))


def _phases(*contexts: str) -> list[Phase]:
    """Return the phases of the callbacks that exist in exactly these kinds of contexts."""
    return [
        p for name, p in PHASES.items() if name in CALLBACKS_BY_NAME and CALLBACKS_BY_NAME[name].contexts == contexts
    ]


_ALL = list(PHASES.values())

#: Types of the maps that at least one callback can write, and types of the maps of root contexts.
WRITABLE_MAPS = frozenset(int(kind) for phase in _ALL for kind in phase.writes | phase.creates)
ROOT_MAPS = frozenset(int(kind) for phase in _phases("root") for kind in phase.reads)

#: Whether `on_log` of an HTTP stream can read a map, by the map's type.
LOG_MAPS = tuple(kind in PHASES["on_log"].reads for kind in HeaderMapType)

#: Type of trailers -> type of the body in whose last callback a write creates them.
CREATED_BY = {int(kind): buffer_of(phase.callback) for phase in _ALL for kind in phase.creates}

#: Status of reading from a map that isn't available, in other callbacks and in `on_log`.
MISSING_MAP = int(PHASES["on_request_headers"].missing_map)
MISSING_IN_LOG = int(PHASES["on_log"].missing_map)

#: Types of the buffers that at least one callback can write, and types of the buffers of streams.
WRITABLE_BUFFERS = frozenset(int(kind) for phase in _ALL for kind in phase.writable_buffers)
STREAM_BUFFERS = frozenset(buffer_of(p.callback) for p in [*_phases("http"), *_phases("tcp")] if p.writable_buffers)

#: Result of reading a buffer that isn't available, by type. None means the status NotFound.
UNAVAILABLE = tuple(None if kind in NOT_FOUND_BUFFERS else b"" for kind in BufferType)

#: Types of the maps and of the bodies that are no longer available after a stream has been continued.
CONTINUED_MAPS = tuple(int(kind) for name in DROPPED_BY_CONTINUE for kind in PHASES[name].writes)
CONTINUED_BODIES = tuple(int(kind) for name in DROPPED_BY_CONTINUE for kind in PHASES[name].writable_buffers)
