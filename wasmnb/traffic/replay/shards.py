"""Divide a recording into shards, which are blocks of exchanges that run as separate tasks of an executor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Generic, Protocol, TypeVar

from ..recorded.exchange import ReadingNotes, RecordedExchange, Unreadable
from ..recorded.masking import mask
from ..recorded.readers.own_format import decode_line, encode_line
from ..recorded.traffic import RecordedTraffic
from .assignment import ROUND_ROBIN, Assign
from .runner import BatchItem

__all__ = ["ExchangeJob", "Shard", "items_of", "shards_of"]


@dataclass(frozen=True)
class Shard:
    """A block of exchanges for one worker.

    Attributes
    ----------
    number
        Number of the shard, counted from 0.
    worker
        Number of the worker, counted from 1.
    positions
        Position of each exchange in the recording, counted from 0.
    lines
        The exchanges as lines in wasmnb's format.
    places
        Position of each exchange in its file, for messages. Empty if the lines were copied from the file.
    masking
        Whether secrets in the lines must be masked.
    """

    number: int
    worker: int
    positions: tuple[int, ...] | range
    lines: bytes
    places: tuple[str, ...] = ()
    masking: bool = False

    @property
    def title(self) -> str:
        """Description of the shard in messages."""
        return f"Shard {self.number} (worker {self.worker}, exchanges {self.positions[0] + 1:,} to {self.positions[-1] + 1:,})"


class _ExchangeReport(Protocol):
    """The attributes of a report that `ExchangeJob` sets."""

    read: int
    skipped: int
    failed: int
    shards: int
    interrupted: bool
    notes: ReadingNotes


R = TypeVar("R", bound=_ExchangeReport)


class ExchangeJob(Generic[R]):
    """Base class of jobs that run shards. It reports the exchanges of shards that didn't run as failed or skipped."""

    def empty(self) -> R:
        """Return an empty report, to which the reports of shards are added."""
        raise NotImplementedError

    def lost(self, shard: Shard, reason: str) -> R:
        """Return the report of a shard that didn't run, in which all exchanges count as failed."""
        report = self._unrun(shard)
        report.failed = report.read
        report.notes.add("pool", f"{shard.title} was not run: {reason}.", record=False)
        return report

    def interrupted(self, shard: Shard) -> R:
        """Return the report of a shard that was interrupted, in which all exchanges count as skipped."""
        report = self._unrun(shard)
        report.skipped, report.interrupted = report.read, True
        return report

    @staticmethod
    def repeated(shard: Shard, result: R) -> None:
        """Add a message to the report of a shard that ran twice."""
        result.notes.add("pool", f"{shard.title} was run again, because a process of the pool died.", record=False)

    def _unrun(self, shard: Shard) -> R:
        report = self.empty()
        report.read, report.shards = len(shard.positions), 1
        return report


def shards_of(
    traffic: Iterable[RecordedExchange], name: str, assign: Assign, workers: int, size: int
) -> Iterator[Shard]:
    """Yield the shards of a recording.

    Parameters
    ----------
    traffic
        The recording. Lines in wasmnb's own format are copied without decoding them if `name` is `round robin`.
    name
        Name of the assignment to workers.
    assign
        Function that assigns an exchange to a worker.
    workers
        Number of workers.
    size
        Number of exchanges per shard.
    """
    lines = traffic.lines() if isinstance(traffic, RecordedTraffic) and name == ROUND_ROBIN else None
    if lines is not None:
        yield from _raw_shards(lines, workers, size, masking=traffic.mask)  # type: ignore[attr-defined]
        return
    blocks: dict[int, list[tuple[int, RecordedExchange]]] = {}
    number = 0
    for index, recorded in enumerate(traffic):
        worker = assign(index, recorded)
        block = blocks.setdefault(worker, [])
        block.append((index, recorded))
        if len(block) >= size:
            yield _shard(number, worker, blocks.pop(worker))
            number += 1
    for worker, block in sorted(blocks.items()):
        yield _shard(number, worker, block)
        number += 1


def _raw_shards(lines: Iterator[bytes], workers: int, size: int, *, masking: bool) -> Iterator[Shard]:
    """Yield blocks of lines as shards, which are assigned to the workers in turn."""
    first, number = 0, 0
    content = (line for line in lines if not line.isspace())
    while block := list(islice(content, size)):
        yield Shard(number, number % workers + 1, range(first, first + len(block)), b"".join(block), (), masking)
        first += len(block)
        number += 1


def _shard(number: int, worker: int, block: list[tuple[int, RecordedExchange]]) -> Shard:
    places = tuple(recorded.position for _, recorded in block)
    return Shard(
        number,
        worker,
        tuple(index for index, _ in block),
        b"".join(encode_line(recorded) for _, recorded in block),
        places,
    )


def items_of(shard: Shard, notes: ReadingNotes, masked: Counter[str]) -> Iterator[BatchItem]:
    """Yield the exchanges of a shard, for a proxy with one worker.

    Parameters
    ----------
    shard
        The shard.
    notes
        Object to which messages about unreadable lines are added.
    masked
        Counter of masked secrets.
    """
    for offset, line in enumerate(shard.lines.splitlines(keepends=True)):
        index = shard.positions[offset]
        place = shard.places[offset] if shard.places else f"record {index + 1:,}"
        try:
            recorded = decode_line(line, place, notes)
        except Unreadable as error:
            notes.add(place, f"{error}" + ("" if line.endswith(b"\n") else " The file ends inside this line."))
            continue
        yield index, 1, mask(recorded, masked) if shard.masking else recorded
