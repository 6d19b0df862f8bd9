"""`diff`: the same traffic through two filters, and the differences in groups."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from ..recorded.traffic import RecordedTraffic
from ..replay.assignment import ROUND_ROBIN, assignment_of
from ..replay.pool import run_shards, workers_of
from ..replay.replay import Traffic, recorded_traffic, shard_size
from ..replay.runner import numbered
from ..replay.shards import shards_of
from .job import DiffJob, Side, compare
from .report import DiffReport

__all__ = ["diff"]


def diff(
    old: Any,
    new: Any,
    traffic: Traffic,
    *,
    workers: int | None = None,
    assign: str = ROUND_ROBIN,
    executor: Executor | None = None,
    shard: int | None = None,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> DiffReport:
    """Send the same recorded requests through two filters and group what differs.

    The comparison covers the status, headers, body and trailers of the response, requests at the upstream, log lines of the
    filter, changes of metrics, and callouts. Both filters run with the same seed, and their callbacks take the same virtual
    time.

    Parameters
    ----------
    old, new
        Filters, plugins, lists of them, proxies, paths of `.py` or `.wasm` files, or None for no filter.
    traffic
        As for `replay`.
    workers, assign, executor, shard
        As for `replay`, but `workers` is 1 by default, or with an executor the number of its workers.
    progress
        Called with the number of exchanges so far.
    options
        Parameters of `Proxy` for both: `seed`, `clusters`, ...

    Returns
    -------
    DiffReport
        After an interrupt, the report of the exchanges so far.

    Raises
    ------
    UsageError
        A parameter isn't valid, or the recording can't be opened.
    """
    recording = recorded_traffic(traffic)
    number = workers if workers is not None else 1 if executor is None else workers_of(executor, 4)
    assignment = assignment_of(assign, number)
    title = getattr(recording, "name", "traffic")
    sides = (Side.of(old, number, options), Side.of(new, number, options))
    if executor is None:
        report = DiffReport(sides[0].name, sides[1].name, title)
        compare(sides, numbered(recording, assignment), report, progress)
        report.shards = 1
    else:
        job = DiffJob(sides[0].portable(), sides[1].portable(), title)
        size = shard or shard_size(recording, number)
        report = run_shards(executor, job, shards_of(recording, assign, assignment, number, size), number, progress)
    if isinstance(recording, RecordedTraffic):
        report.reading = [*recording.messages, *report.reading]
        report.masked.update(recording.masked)
    return report
