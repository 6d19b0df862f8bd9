"""The ABI's table of phases in the form in which contexts and hostcalls look it up: plain numbers, computed once.

The table says which maps and buffers a callback makes available, and what the others return. The contexts add the state of the
stream: whether a map exists (a response may have no trailers), and how long it stays (a stop keeps it). A context stores a map or
buffer in the slot of its type when the callback begins, so hostcalls only look into the slot.
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
    """Return the type of the only header map that a callback can read, besides those of `on_log`."""
    (kind,) = PHASES[callback].reads
    return int(kind)


def buffer_of(callback: str) -> int:
    """Return the type of the only buffer that a callback has besides the VM configuration."""
    (kind,) = PHASES[callback].buffers - {BufferType.VM_CONFIGURATION}
    return int(kind)


def last_result(callback: str) -> int:
    """Return the largest number that a callback with named results can return."""
    returns = PHASES[callback].returns
    assert returns is not None
    return int(max(returns))


def _phases(*contexts: str) -> list[Phase]:
    """Return the phases of callbacks that only these kinds of contexts have."""
    return [
        p for name, p in PHASES.items() if name in CALLBACKS_BY_NAME and CALLBACKS_BY_NAME[name].contexts == contexts
    ]


_ALL = list(PHASES.values())

#: Types of maps that some callback can write, and of those that belong to root contexts.
WRITABLE_MAPS = frozenset(int(kind) for phase in _ALL for kind in phase.writes | phase.creates)
ROOT_MAPS = frozenset(int(kind) for phase in _phases("root") for kind in phase.reads)

#: Maps that `on_log` of an HTTP stream can read: whether it can, by type.
LOG_MAPS = tuple(kind in PHASES["on_log"].reads for kind in HeaderMapType)

#: Type of trailers -> type of the body in whose last callback a write creates them.
CREATED_BY = {int(kind): buffer_of(phase.callback) for phase in _ALL for kind in phase.creates}

#: Status of reading from a map that isn't available, and of the same while `on_log` reads the maps of a stream that has ended.
MISSING_MAP = int(PHASES["on_request_headers"].missing_map)
MISSING_IN_LOG = int(PHASES["on_log"].missing_map)

#: Types of buffers that some callback can write, and of those that belong to streams.
WRITABLE_BUFFERS = frozenset(int(kind) for phase in _ALL for kind in phase.writable_buffers)
STREAM_BUFFERS = frozenset(buffer_of(p.callback) for p in [*_phases("http"), *_phases("tcp")] if p.writable_buffers)

#: What a buffer that isn't available reads as, by type: None for the status NotFound.
UNAVAILABLE = tuple(None if kind in NOT_FOUND_BUFFERS else b"" for kind in BufferType)

#: Types of the maps and of the bodies that are gone after a stream has been continued.
CONTINUED_MAPS = tuple(int(kind) for name in DROPPED_BY_CONTINUE for kind in PHASES[name].writes)
CONTINUED_BODIES = tuple(int(kind) for name in DROPPED_BY_CONTINUE for kind in PHASES[name].writable_buffers)
