"""Shards: blocks of a recording that go to the processes of an executor, and the function that runs one there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ...host import Plugin
from ..recorded.exchange import ReadingNotes, RecordedExchange, Unreadable
from ..recorded.masking import mask
from ..recorded.readers.own_format import decode_line, encode_line
from ..recorded.traffic import RecordedTraffic
from .assignment import ROUND_ROBIN, Assign
from .report import ReplayReport
from .runner import Item, run_items
from .session import ReplaySession

__all__ = ["Shard", "ShardJob", "run_shard", "shards_of"]


@dataclass(frozen=True)
class Shard:
    """A block of exchanges for one worker.

    Attributes
    ----------
    number
        Counts from 0.
    worker
        The worker that it is assigned to, from 1.
    positions
        Position of each exchange in the recording.
    lines
        The exchanges in wasmnb's format.
    places
        Place of each exchange in its file.
    masking
        Secrets in the lines have to be masked.
    """

    number: int
    worker: int
    positions: tuple[int, ...] | range
    lines: bytes
    places: tuple[str, ...] = ()
    masking: bool = False

    @property
    def title(self) -> str:
        """The shard in messages."""
        return f"Shard {self.number} (worker {self.worker}, exchanges {self.positions[0] + 1:,} to {self.positions[-1] + 1:,})"


@dataclass(frozen=True)
class ShardJob:
    """What a process needs besides the shard.

    Attributes
    ----------
    plugins, settings
        The filters in portable form, and parameters of `Proxy`.
    name, traffic
        Names for the report.
    speed
        As for `replay`.
    """

    plugins: tuple[Plugin, ...]
    settings: Mapping[str, Any]
    name: str
    traffic: str
    speed: float | None


def shards_of(
    traffic: Iterable[RecordedExchange], name: str, assign: Assign, workers: int, size: int
) -> Iterator[Shard]:
    """Iterate over the shards of a recording.

    Parameters
    ----------
    traffic
        The recording. Lines of wasmnb's own format aren't decoded here if the workers take turns.
    name
        Name of the assignment.
    assign
        Its function.
    workers
        Number of workers.
    size
        Exchanges of a shard.
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
    """Deal blocks of lines to the workers, in turn."""
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


def run_shard(job: ShardJob, shard: Shard) -> ReplayReport:
    """Run a shard in a proxy of its own, and return its report. This function runs in the executor's processes."""
    report = ReplayReport(job.name, job.traffic)
    notes = ReadingNotes(job.traffic)
    session = ReplaySession(job.plugins, {**job.settings, "workers": 1})
    try:
        run_items(session, _items(shard, notes, report.masked), report, speed=job.speed)
    finally:
        session.close()
    _set_worker(report, shard.worker)
    report.reading, report.unreadable, report.shards = notes.messages, notes.unreadable, 1
    return report


def _set_worker(report: ReplayReport, worker: int) -> None:
    """Set the worker in all rows: the shard's own proxy has only one."""
    column = report.rows.columns["worker"]
    for index in range(len(column)):
        column[index] = worker


def _items(shard: Shard, notes: ReadingNotes, masked: Counter[str]) -> Iterator[Item]:
    for offset, line in enumerate(shard.lines.splitlines(keepends=True)):
        index = shard.positions[offset]
        place = shard.places[offset] if shard.places else f"record {index + 1:,}"
        try:
            recorded = decode_line(line, place)
        except Unreadable as error:
            notes.add(place, f"{error}" + ("" if line.endswith(b"\n") else " The file ends inside of this line."))
            continue
        yield index, 1, mask(recorded, masked) if shard.masking else recorded
