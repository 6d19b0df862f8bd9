"""Convert callbacks to JSON, as bars of the timeline or with decoded arguments and hostcalls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.view.documents.proxy.trace import by_callback, result_of
from wasmnb.view.render.values import arguments, value_text

from .texts import Budget, printable

if TYPE_CHECKING:
    from wasmnb.view.panel.spans import TimelineSpan

__all__ = ["BARS", "call", "lanes"]

BARS = 4_000  # maximum number of events in the timeline
HOSTCALLS = 200  # maximum number of hostcalls of one callback
INSIDE = 40  # maximum number of hostcalls in one bar
_BUDGET = 200_000


def call(top: Any, inner: Sequence[Any]) -> Any:
    """Return a callback and its hostcalls as JSON, with decoded arguments.

    Parameters
    ----------
    top
        The event of the callback.
    inner
        The events of its hostcalls.
    """
    event = _event(top)
    event["inner"], event["more"] = Budget(_BUDGET).take(inner, _event, HOSTCALLS)
    return event


def _event(event: Any) -> Any:
    status = getattr(event.status, "name", None if event.status is None else str(event.status))
    return {
        "seq": event.seq,
        "kind": event.kind,
        "name": printable(event.name),
        "args": printable(arguments(event.args)),
        "result": "" if event.result is None else printable(value_text(result_of(event), 400)),
        "status": status,
        "ns": event.guest_ns if event.kind == "callback" else event.host_ns,
        "host": event.host_ns if event.kind == "callback" else 0,
        "time": event.time,
        "thread": printable(event.thread),
        "vm": event.vm,
        "context": event.context,
        "root": event.root,
        "exchange": event.exchange,
    }


def lanes(events: Sequence[Any], total: int, spans: Iterable[TimelineSpan] = ()) -> Any:
    """Return the timeline as JSON: a bar for each callback with its hostcalls, and spans for pauses and callouts.

    Parameters
    ----------
    events
        The most recent events, or those around an exchange. Their arguments aren't used.
    total
        Number of all events of the trace.
    spans
        Pauses and callouts (default none).
    """
    bars = [_bar(top, inner) for top, inner in by_callback(events) if top.kind == "callback"]
    rows = [[printable(part, 200) if isinstance(part, str) else part for part in span] for span in spans]
    return {"bars": bars, "spans": rows[-BARS:], "events": len(events), "total": total}


def _bar(top: Any, inner: Sequence[Any]) -> Any:
    """Return the bar of a callback as a list.

    It contains thread, start, nanoseconds, number, name, exchange, context, VM, hostcalls (name, nanoseconds) and root context.
    """
    calls = [[printable(e.name), e.host_ns] for e in inner[:INSIDE] if e.kind == "hostcall"]
    duration = top.guest_ns + top.host_ns
    start = round(top.time, 9)
    return [
        top.thread,
        start,
        duration,
        top.seq,
        printable(top.name),
        top.exchange,
        top.context,
        top.vm,
        calls,
        top.root,
    ]
