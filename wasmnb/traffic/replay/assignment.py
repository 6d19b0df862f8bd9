"""Assign recorded exchanges to workers: round robin, by connection, or by the value of a header."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from ...abi.text import encode_text
from ...errors import UsageError
from ..recorded.exchange import RecordedExchange

__all__ = ["ROUND_ROBIN", "Assign", "assignment_of"]

ROUND_ROBIN = "round robin"

#: Function that is called with the position in the recording and the exchange, and returns a worker's number, from 1.
Assign = Callable[[int, RecordedExchange], int]


def assignment_of(name: str, workers: int) -> Assign:
    """Return the function that assigns exchanges to workers.

    Parameters
    ----------
    name
        `round robin`, `connection` (all exchanges of a connection on the same worker) or `header:NAME` (all exchanges with the
        same value of the header on the same worker). Exchanges without a connection or header are assigned in turn.
    workers
        Number of workers.

    Raises
    ------
    UsageError
        `name` is unknown, or `workers` is less than 1.
    """
    if workers < 1:
        raise UsageError(f"workers= must be at least 1, not {workers}.")
    if name == ROUND_ROBIN:
        return lambda index, _recorded: index % workers + 1
    if name == "connection":
        return lambda index, recorded: _worker(encode_text(recorded.connection), index, workers)
    kind, _, header = name.partition(":")
    if kind == "header" and header:
        key = encode_text(header.strip().lower())
        return lambda index, recorded: _worker(_header(recorded, key), index, workers)
    raise UsageError(f"assign={name!r} is unknown. Use 'round robin', 'connection' or 'header:NAME'.")


def _worker(value: bytes, index: int, workers: int) -> int:
    return (crc32(value) if value else index) % workers + 1


def _header(recorded: RecordedExchange, name: bytes) -> bytes:
    return next((value for key, value in recorded.request.headers.raw if key == name), b"")
