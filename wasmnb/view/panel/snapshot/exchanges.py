"""An exchange: as a row of the list, and in detail at its four stations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from wasmnb.host.trace.trace import END_CALLBACKS
from wasmnb.view.documents.proxy.trace import nested
from wasmnb.view.documents.traffic.body import body_kind
from wasmnb.view.documents.traffic.exchange import Direction, directions_of, worker_name
from wasmnb.view.documents.traffic.header_diff import SIGNS, HeaderChange
from wasmnb.view.errors.error_lines import traceback_lines
from wasmnb.view.render.units import size

from .bodies import bodies, body
from .lines import line
from .texts import Room, shown
from .timeline import call

__all__ = ["detail", "row", "row_text"]

CALLS = 300  # callbacks
CALLOUTS = 50
HEADERS = 500  # of one direction
LINES = 50
EVENTS = 4_000
_ROOM = 300_000


def row(x: Any, filter_ns: int, row_id: int) -> list[Any]:
    """An exchange as a row of the list, an array to keep ten thousand of them small.

    Id, method, path, status, worker, microseconds in all and in the filter, state, start in virtual seconds.
    """
    if hasattr(x, "request"):
        what, path = shown(x.request.method, 20), shown(x.request.path, 300)
        status = x.response.status if x.response is not None else 0
    else:
        what, path, status = "TCP", f"{size(len(x.sent))} sent, {size(len(x.received))} received", 0
    state = shown(x.paused or x.state, 60)
    times = round(x.duration * 1e6, 1), round(filter_ns / 1e3, 1)
    return [row_id, what, path, status, shown(worker_name(x)), *times, state, round(x.started, 6)]


def row_text(x: Any, filter_ns: int, row_id: int) -> str:
    """The row as JSON. Ten thousand are made while traffic runs, which the general encoder would take thrice as long for."""
    _, method, path, status, worker, whole, inside, state, started = row(x, filter_ns, row_id)
    return f"[{row_id},{_quoted(method)},{_quoted(path)},{status},{_quoted(worker)},{whole},{inside},{_quoted(state)},{started}]"


def detail(x: Any, row_id: int, explained: Sequence[str] = ()) -> Any:
    """An exchange at its four stations, with bodies, callouts, log and calls.

    Parameters
    ----------
    explained
        Sentences on what it waits for or why it failed.
    """
    events = x.first_events(EVENTS)
    room, http = Room(_ROOM), hasattr(x, "request")
    calls, more = room.take(nested(events), lambda group: call(*group), CALLS)
    return {
        "id": row_id,
        "final": x.done,
        "row": row(x, _inside(events), row_id),
        "local": http and x.upstream_request is None and x.response is not None,
        "details": shown(getattr(x, "details", "")),
        "directions": _directions(x, events) if http else list(_flows(x)),
        "failure": shown("\n".join(traceback_lines(x.traceback)) or (x.failure.message if x.failure else ""), 20_000),
        "explanations": [shown(text) for text in explained],
        "notes": [shown(note) for note in getattr(x, "notes", ())],
        "log": [line(entry) for entry in x.log[-LINES:]],
        "callouts": [_callout(c) for c in x.callouts[:CALLOUTS]],
        "calls": calls,
        "more": more,
        "cut": len(events) == EVENTS,
    }


def _inside(events: Sequence[Any]) -> int:
    """Nanoseconds in the filter while the exchange lasted."""
    return sum(e.guest_ns for e in events if e.kind == "callback" and e.name not in END_CALLBACKS)


def _directions(x: Any, events: Sequence[Any]) -> Any:
    found = [d for d in directions_of(x, events) if d.before is not None or d.after is not None]
    return [_direction(d) for d in found]


def _direction(direction: Direction) -> Any:
    room = Room(_ROOM)
    rows, more = room.take(direction.headers, lambda e: _entry(direction, e), HEADERS)
    trailers, more_trailers = room.take(direction.trailers, lambda e: _entry(direction, e, "trailer "), HEADERS)
    return {
        "noun": direction.noun,
        "heads": direction.heads,
        "rows": rows + trailers,
        "more": more + more_trailers,
        "bodies": bodies(list(_bodies(direction))),
    }


def _entry(direction: Direction, entry: HeaderChange, label: str = "") -> Any:
    sides = [None if side is None else shown(side) for side in (entry.before, entry.after)]
    sign = "Envoy" if direction.envoys(entry) else SIGNS[direction.sign(entry)]
    return [sign, label + shown(entry.name, 200), *sides]


def _bodies(direction: Direction) -> Iterable[Any]:
    entry = direction.body
    stations = zip(direction.heads, (direction.before, direction.after), (entry.before, entry.after), strict=True)
    for head, message, data in stations:
        if data is not None:
            kind = (message.headers.get("content-type") or "") if message is not None else ""
            changed = direction.crossed and entry.change != "same"
            yield body(head, data, kind, changed=changed, chunks=getattr(message, "chunks", None))


def _flows(x: Any) -> Iterable[Any]:
    """Both directions of a TCP connection."""
    for noun, heads, before, after in (
        ("downstream", ("client sent", "upstream got"), x.sent, x.upstream_received),
        ("upstream", ("upstream sent", "client got"), x.upstream_sent, x.received),
    ):
        made = [
            body(who, data, changed=before != after) for who, data in zip(heads, (before, after), strict=True) if data
        ]
        yield {"noun": noun, "heads": heads, "rows": [], "more": 0, "bodies": bodies(made)}


def _callout(callout: Any) -> Any:
    """A callout: what was sent where, how it ended, and when."""
    answer = callout.response
    said = body_kind(answer.body) if answer is not None else ""
    return {
        "target": shown(f"{callout.kind} to {callout.cluster}{callout.request.path}"),
        "state": shown(callout.state),
        "status": answer.status if answer is not None else None,
        "response": f"{size(len(answer.body))}, {said}" if answer is not None and answer.body else "",
        "started": callout.started,
        "finished": callout.finished,
    }
