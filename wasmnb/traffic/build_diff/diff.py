"""`diff`: send the same traffic through two filters, and group the differences."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from ..recorded.traffic import RecordedTraffic
from ..replay.assignment import ROUND_ROBIN, assignment_of
from ..replay.pool import run_shards, workers_of
from ..replay.replay import TrafficSource, recorded_traffic, shard_size
from ..replay.runner import numbered
from ..replay.shards import shards_of
from .job import DiffJob, Side, compare
from .report import DiffReport

__all__ = ["diff"]


def diff(
    old: Any,
    new: Any,
    traffic: TrafficSource,
    *,
    workers: int | None = None,
    assign: str = ROUND_ROBIN,
    executor: Executor | None = None,
    shard: int | None = None,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> DiffReport:
    """Send the same recorded requests through two filters and group the differences.

    The comparison covers the status, headers, body and trailers of responses, the requests that reach the upstream, the
    filter's log lines, changes of metrics, and callouts. Both filters run with the same seed, and each of their callbacks takes
    the same virtual time.

    Parameters
    ----------
    old, new
        The two builds. Each is a filter, a plugin, a list of these, a proxy, the path of a `.py` or `.wasm` file, or None for
        no filter.
    traffic
        As for `replay`.
    workers, assign, executor, shard
        As for `replay`. `workers` defaults to the number of the executor's workers, or to 1 without an executor.
    progress
        Function that is called with the number of exchanges so far (default None).
    options
        Parameters of `Proxy` for both filters, such as `seed` and `clusters`.

    Returns
    -------
    DiffReport
        The differences. After an interrupt, the report covers the exchanges so far.

    Raises
    ------
    UsageError
        A parameter is invalid, or the recording can't be opened.
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
