"""Callbacks with the hostcalls inside them: decoded for one that was chosen, as bars for the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.view.documents.proxy.trace import nested, result_of
from wasmnb.view.render.values import arguments, value_text

from .texts import Room, shown

if TYPE_CHECKING:
    from wasmnb.view.panel.spans import Span

__all__ = ["BARS", "call", "lanes"]

BARS = 4_000  # events of the timeline
HOSTCALLS = 200  # hostcalls of one callback
INSIDE = 40  # hostcalls that are drawn in one bar
_ROOM = 200_000


def call(top: Any, inner: Sequence[Any]) -> Any:
    """A callback with the hostcalls inside it, arguments decoded."""
    made = _event(top)
    made["inner"], made["more"] = Room(_ROOM).take(inner, _event, HOSTCALLS)
    return made


def _event(event: Any) -> Any:
    status = getattr(event.status, "name", None if event.status is None else str(event.status))
    return {
        "seq": event.seq,
        "kind": event.kind,
        "name": shown(event.name),
        "args": shown(arguments(event.args)),
        "result": "" if event.result is None else shown(value_text(result_of(event), 400)),
        "status": status,
        "ns": event.guest_ns if event.kind == "callback" else event.host_ns,
        "host": event.host_ns if event.kind == "callback" else 0,
        "time": event.time,
        "thread": shown(event.thread),
        "vm": event.vm,
        "context": event.context,
        "root": event.root,
        "exchange": event.exchange,
    }


def lanes(events: Sequence[Any], made: int, lasting: Iterable[Span] = ()) -> Any:
    """Bars of events: a callback spans its time in guest and host, hostcalls lie inside it.

    Parameters
    ----------
    events
        The newest, or those around an exchange; their arguments do not matter.
    made
        Events that there have been in all.
    lasting
        Pauses and callouts, which lie under the callbacks.
    """
    bars = [_bar(top, inner) for top, inner in nested(events) if top.kind == "callback"]
    spans = [[shown(part, 200) if isinstance(part, str) else part for part in span] for span in lasting]
    return {"bars": bars, "spans": spans[-BARS:], "events": len(events), "total": made}


def _bar(top: Any, inner: Sequence[Any]) -> Any:
    """Thread, start, nanoseconds, number, name, exchange, context, VM, the hostcalls (name and nanoseconds), root context."""
    calls = [[shown(e.name), e.host_ns] for e in inner[:INSIDE] if e.kind == "hostcall"]
    whole = top.guest_ns + top.host_ns
    start = round(top.time, 9)
    return [top.thread, start, whole, top.seq, shown(top.name), top.exchange, top.context, top.vm, calls, top.root]
