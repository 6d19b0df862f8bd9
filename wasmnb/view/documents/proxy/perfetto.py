"""Convert a trace to the Chrome trace event format for Perfetto (https://ui.perfetto.dev) and chrome://tracing.

Times are in microseconds. Metadata events contain the names of the process and its threads. Callbacks and hostcalls are
complete events (`ph` X) with a start and a duration. The start times of hostcalls aren't recorded, so hostcalls are distributed
evenly over their callback, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...render.escape import visible
from ...render.values import arguments, value_text
from .trace import by_callback, result_of

if TYPE_CHECKING:
    from wasmnb.host import Event

__all__ = ["chrome_trace"]


def _threads(events: Iterable[Event]) -> dict[str, int]:
    """Return the position of each thread by name: 0 for `main`, then the workers in order."""
    workers = {event.thread for event in events} - {"main"}
    return {"main": 0} | {name: n for n, name in enumerate(sorted(workers, key=lambda name: (len(name), name)), 1)}


def _complete(event: Event, start_us: float, duration_ns: int, thread: int) -> dict[str, Any]:
    record: dict[str, Any] = {"name": visible(event.name), "cat": event.kind, "ph": "X", "pid": 1, "tid": thread, "ts": start_us,
            "dur": duration_ns / 1e3, "args": {"arguments": visible(arguments(event.args)), "vm": event.vm,
                                               "context": event.context, "exchange": event.exchange}}  # fmt: skip
    if event.result is not None:
        record["args"]["result"] = visible(value_text(result_of(event)))
    return record


def _callback(top: Event, inner: list[Event], thread: int) -> Iterator[dict[str, Any]]:
    total = top.guest_ns + top.host_ns
    start = top.time * 1e6
    yield _complete(top, start, total, thread)
    calls = [e for e in inner if e.kind == "hostcall"]
    gap = max(0, total - sum(e.host_ns for e in calls)) / (len(calls) + 1)
    offset = gap
    for event in calls:
        yield _complete(event, start + offset / 1e3, event.host_ns, thread)
        offset += event.host_ns + gap


def chrome_trace(events: list[Event], name: str = "wasmnb") -> dict[str, Any]:
    """Return a trace as an object that can be written with `json.dump`.

    Parameters
    ----------
    events
        Events of a trace.
    name
        Name of the process in Perfetto (default `wasmnb`).
    """
    threads = _threads(events)
    records: list[dict[str, Any]] = [{"name": "process_name", "ph": "M", "pid": 1, "args": {"name": visible(name)}}]
    records += [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": number, "args": {"name": visible(thread)}}
        for thread, number in threads.items()
    ]
    for top, inner in by_callback(events):
        if top.kind == "callback":
            records += _callback(top, inner, threads[top.thread])
        elif top.kind == "stream":
            records.append({"name": visible(top.name), "cat": "stream", "ph": "i", "s": "t", "pid": 1,
                         "tid": threads[top.thread], "ts": top.time * 1e6})  # fmt: skip
    return {"traceEvents": records, "displayTimeUnit": "ns"}
