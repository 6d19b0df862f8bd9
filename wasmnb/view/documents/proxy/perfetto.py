"""A trace in the Chrome trace event format, which Perfetto (https://ui.perfetto.dev) and chrome://tracing open.

Facts: times are microseconds; a process and its threads are named by metadata events; a complete event (`ph` X) has a
start and a duration. Hostcalls have no start of their own in the trace: they are laid into their callback in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ...render.escape import visible
from ...render.values import arguments, value_text
from .trace import nested, result_of

if TYPE_CHECKING:
    from wasmnb.host import Event

__all__ = ["chrome_trace"]


def _threads(events: Iterable[Event]) -> dict[str, int]:
    """Thread name -> number; `main` is 0, `worker-N` is N."""
    return {n: int(n.rpartition("-")[2]) if n.rpartition("-")[2].isdigit() else 0 for n in {e.thread for e in events}}


def _complete(event: Event, start_us: float, duration_ns: int, thread: int) -> dict[str, Any]:
    made: dict[str, Any] = {"name": visible(event.name), "cat": event.kind, "ph": "X", "pid": 1, "tid": thread, "ts": start_us,
            "dur": duration_ns / 1e3, "args": {"arguments": visible(arguments(event.args)), "vm": event.vm,
                                               "context": event.context, "exchange": event.exchange}}  # fmt: skip
    if event.result is not None:
        made["args"]["result"] = visible(value_text(result_of(event)))
    return made


def _callback(top: Event, inner: list[Event], thread: int) -> Iterator[dict[str, Any]]:
    whole = top.guest_ns + top.host_ns
    start = top.time * 1e6
    yield _complete(top, start, whole, thread)
    calls = [e for e in inner if e.kind == "hostcall"]
    gap = max(0, whole - sum(e.host_ns for e in calls)) / (len(calls) + 1)
    at = gap
    for event in calls:
        yield _complete(event, start + at / 1e3, event.host_ns, thread)
        at += event.host_ns + gap


def chrome_trace(events: list[Event], name: str = "wasmnb") -> dict[str, Any]:
    """The events as a document for `json.dump`."""
    threads = _threads(events)
    made: list[dict[str, Any]] = [{"name": "process_name", "ph": "M", "pid": 1, "args": {"name": visible(name)}}]
    made += [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": number, "args": {"name": visible(thread)}}
        for thread, number in threads.items()
    ]
    for top, inner in nested(events):
        if top.kind == "callback":
            made += _callback(top, inner, threads[top.thread])
        elif top.kind == "stream":
            made.append({"name": visible(top.name), "cat": "stream", "ph": "i", "s": "t", "pid": 1,
                         "tid": threads[top.thread], "ts": top.time * 1e6})  # fmt: skip
    return {"traceEvents": made, "displayTimeUnit": "ns"}
