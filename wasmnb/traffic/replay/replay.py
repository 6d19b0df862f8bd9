"""`replay`: send recorded requests through a filter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from os import PathLike
from typing import Any

from ...errors import UsageError
from ...host import Proxy
from ..recorded.exchange import RecordedExchange
from ..recorded.traffic import RecordedTraffic, read_traffic
from ..recorded.writers import to_recorded
from .assignment import ROUND_ROBIN, assignment_of
from .jobs import ShardJob
from .pool import run_shards, workers_of
from .portable_filter import plugins_of, portable_plugins
from .report import ReplayReport
from .runner import numbered, run_items
from .session import ReplaySession, settings_of
from .shards import shards_of

__all__ = ["TrafficSource", "recorded_traffic", "replay", "shard_size"]

#: Maximum number of exchanges in a shard.
SHARD = 5000

#: Types that are accepted as traffic: a recording, its path, or an iterable of exchanges or requests.
TrafficSource = RecordedTraffic | str | PathLike[str] | Iterable[Any]


def replay(
    filter: Any,  # noqa: A002 -- the public name
    traffic: TrafficSource,
    *,
    speed: float | None = None,
    workers: int | None = None,
    executor: Executor | None = None,
    assign: str = ROUND_ROBIN,
    shard: int | None = None,
    events: bool = False,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> ReplayReport:
    """Send recorded requests through a filter. The upstream sends the recorded responses.

    The filter runs in a new simulated proxy. If a request has no recorded response, the upstream sends 200.

    Parameters
    ----------
    filter
        A filter, a plugin, a list of these, the path of a `.py` or `.wasm` file, a proxy (whose plugins and settings are used),
        or None for no filter.
    traffic
        A recording (from `read_traffic`), its path, or an iterable of recorded exchanges, exchanges of a proxy, or requests.
    speed
        Multiple of the recorded speed in virtual time. With 1, requests are sent at their recorded times, and upstream
        responses take as long as recorded (default None: each request is sent when the previous one has ended).
    workers
        Number of workers (default: the number of the executor's processes or of the proxy's workers, or else 4).
    executor
        Any `concurrent.futures.Executor`. The recording is divided into shards, `workers` of which run at the same time, each
        in its own proxy with one worker (default None: the replay runs in this process).
    assign
        Assignment of requests to workers: `round robin` (the default), `connection` (all requests of a connection on the same
        worker) or `header:NAME` (all requests with the same value of the header on the same worker). With an executor,
        `round robin` assigns shards.
    shard
        Number of exchanges per shard (default 5000, or fewer for a short recording).
    events
        Whether to collect a row for each callback, hostcall and log line (default False), for tables such as
        `report.to_pandas("callbacks")`. This takes time and memory.
    progress
        Function that is called with the number of exchanges so far (default None).
    options
        Further parameters of `Proxy`, such as `config`, `seed` and `clusters`.

    Returns
    -------
    ReplayReport
        The results. After an interrupt, the report covers the exchanges so far.

    Raises
    ------
    UsageError
        A parameter is invalid, or the recording can't be opened.
    """
    if speed is not None and speed <= 0:
        raise UsageError(f"speed= must be greater than 0, not {speed:g}. Pass a multiple of the recorded speed.")
    recording = recorded_traffic(traffic)
    plugins = plugins_of(filter) if not options.keys() & _SINGLE else [*_configured(filter, options)]
    number = workers if workers is not None else _workers(filter, executor)
    assignment = assignment_of(assign, number)
    settings = settings_of(filter, number, options)
    name = settings.get("name") or (plugins[0].name if plugins else "no filter")
    started = time.perf_counter()
    if executor is None:
        report = ReplayReport(name, _name(recording))
        report.shards = 1
        session = ReplaySession(plugins, settings)
        try:
            run_items(session, numbered(recording, assignment), report, speed=speed, progress=progress, events=events)
        finally:
            session.close()
    else:
        job = ShardJob(portable_plugins(plugins), settings, name, _name(recording), speed, events)
        size = shard or shard_size(recording, number)
        shards = shards_of(recording, assign, assignment, number, size)
        report = run_shards(executor, job, shards, number, progress)
    report.real_seconds = time.perf_counter() - started
    _add_reading(report, recording)
    return report


#: Parameters of `replay` that are set in the plugin instead of in the proxy.
_SINGLE = {"config", "vm_config", "root_id", "vm_id", "failure_policy"}


def _configured(subject: Any, options: dict[str, Any]) -> Iterator[Any]:
    """Yield the plugin of a filter. Its parameters are moved from `options` into the plugin."""
    from dataclasses import replace as changed

    plugins = plugins_of(subject)
    single = {name: options.pop(name) for name in _SINGLE & options.keys()}
    if len(plugins) != 1:
        raise UsageError(
            f"{', '.join(sorted(single))} can't be set for {len(plugins)} plugins together. Set them in each Plugin(...)."
        )
    yield changed(plugins[0], **single)


def _workers(subject: Any, executor: Executor | None) -> int:
    if executor is not None:
        return workers_of(executor, 4)
    return len(subject.workers) if isinstance(subject, Proxy) else 4


def recorded_traffic(traffic: TrafficSource) -> RecordedTraffic | Iterable[RecordedExchange]:
    """Convert any accepted form of traffic to an iterable of recorded exchanges.

    Raises
    ------
    UsageError
        `traffic` has another type, or the recording can't be opened.
    """
    if isinstance(traffic, RecordedTraffic):
        return traffic
    if isinstance(traffic, str | PathLike):
        return read_traffic(traffic)
    try:
        iterator = iter(traffic)
    except TypeError:
        raise UsageError(
            f"The traffic must be a recording, a path or an iterable of exchanges, not {type(traffic).__name__}."
        ) from None
    if isinstance(traffic, list | tuple):
        return [each for each in map(to_recorded, iterator) if each is not None]
    return (each for each in map(to_recorded, iterator) if each is not None)


def shard_size(recording: RecordedTraffic | Iterable[RecordedExchange], workers: int) -> int:
    """Return the number of exchanges per shard. It is smaller for a short recording, so that all workers are used."""
    if isinstance(recording, list):
        return max(1, min(SHARD, -(-len(recording) // workers)))
    if isinstance(recording, RecordedTraffic):
        size = sum(path.stat().st_size for path in recording.paths)
        return max(50, min(SHARD, size // 2000 // workers))
    return SHARD


def _name(recording: Any) -> str:
    return recording.name if isinstance(recording, RecordedTraffic) else "traffic"


def _add_reading(report: ReplayReport, recording: Any) -> None:
    """Add the messages and counts of reading a recording to a report."""
    if isinstance(recording, RecordedTraffic):
        report.masked.update(recording.masked)
        report.unreadable += recording.unreadable
        report.reading = [*recording.messages, *report.reading]
