"""An exchange: as a row of the list, and in detail."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from wasmnb.host.trace.trace import END_CALLBACKS
from wasmnb.view.documents.proxy.trace import by_callback
from wasmnb.view.documents.traffic.body import body_kind
from wasmnb.view.documents.traffic.exchange import Direction, directions_of, worker_name
from wasmnb.view.documents.traffic.header_diff import SIGNS, HeaderChange
from wasmnb.view.errors.error_lines import traceback_lines
from wasmnb.view.render.units import size

from .bodies import bodies, body
from .lines import line
from .texts import Budget, printable
from .timeline import call

__all__ = ["detail", "row", "row_text"]

CALLS = 300  # callbacks
CALLOUTS = 50
HEADERS = 500  # of one direction
LINES = 50
EVENTS = 4_000
_BUDGET = 300_000


def row(x: Any, filter_ns: int, row_id: int) -> list[Any]:
    """Return a row of the list: id, method, path, status, worker, microseconds in total and in the filter, state, start.

    Parameters
    ----------
    x
        The exchange.
    filter_ns
        Nanoseconds in the filter.
    row_id
        Id of the row.
    """
    if hasattr(x, "request"):
        method, path = printable(x.request.method, 20), printable(x.request.path, 300)
        status = x.response.status if x.response is not None else 0
    else:
        method, path, status = "TCP", f"{size(len(x.sent))} sent, {size(len(x.received))} received", 0
    state = printable(x.paused or x.state, 60)
    times = round(x.duration * 1e6, 1), round(filter_ns / 1e3, 1)
    return [row_id, method, path, status, printable(worker_name(x)), *times, state, round(x.started, 6)]


def row_text(x: Any, filter_ns: int, row_id: int) -> str:
    """Return a row as JSON; during traffic this is three times as fast as the general encoder."""
    _, method, path, status, worker, total, inside, state, started = row(x, filter_ns, row_id)
    return f"[{row_id},{_quoted(method)},{_quoted(path)},{status},{_quoted(worker)},{total},{inside},{_quoted(state)},{started}]"


def detail(x: Any, row_id: int, explanations: Sequence[str] = ()) -> Any:
    """Return an exchange with headers, bodies, callouts, log and calls.

    Parameters
    ----------
    x
        The exchange.
    row_id
        Id of its row.
    explanations
        Sentences on why it is paused or has failed. Default: none.
    """
    events = x.first_events(EVENTS)
    budget, http = Budget(_BUDGET), hasattr(x, "request")
    calls, more = budget.take(by_callback(events), lambda group: call(*group), CALLS)
    return {
        "id": row_id,
        "final": x.done,
        "row": row(x, _inside(events), row_id),
        "local": http and x.upstream_request is None and x.response is not None,
        "details": printable(getattr(x, "details", "")),
        "directions": _directions(x, events) if http else list(_flows(x)),
        "failure": printable(
            "\n".join(traceback_lines(x.traceback)) or (x.failure.message if x.failure else ""), 20_000
        ),
        "explanations": [printable(text) for text in explanations],
        "notes": [printable(note) for note in getattr(x, "notes", ())],
        "log": [line(entry) for entry in x.log[-LINES:]],
        "callouts": [_callout(c) for c in x.callouts[:CALLOUTS]],
        "calls": calls,
        "more": more,
        "cut": len(events) == EVENTS,
    }


def _inside(events: Sequence[Any]) -> int:
    """Return the nanoseconds in the filter until the exchange was done."""
    return sum(e.guest_ns for e in events if e.kind == "callback" and e.name not in END_CALLBACKS)


def _directions(x: Any, events: Sequence[Any]) -> Any:
    return [_direction(d) for d in directions_of(x, events) if d.before is not None or d.after is not None]


def _direction(direction: Direction) -> Any:
    budget = Budget(_BUDGET)
    rows, more = budget.take(direction.headers, lambda e: _entry(direction, e), HEADERS)
    trailers, more_trailers = budget.take(direction.trailers, lambda e: _entry(direction, e, "trailer "), HEADERS)
    return {
        "noun": direction.noun,
        "heads": direction.heads,
        "rows": rows + trailers,
        "more": more + more_trailers,
        "bodies": bodies(list(_bodies(direction))),
    }


def _entry(direction: Direction, entry: HeaderChange, label: str = "") -> Any:
    sides = [None if side is None else printable(side) for side in (entry.before, entry.after)]
    sign = "Envoy" if direction.is_from_envoy(entry) else SIGNS[direction.sign(entry)]
    return [sign, label + printable(entry.name, 200), *sides]


def _bodies(direction: Direction) -> Iterable[Any]:
    entry = direction.body
    stations = zip(direction.heads, (direction.before, direction.after), (entry.before, entry.after), strict=True)
    for head, message, data in stations:
        if data is not None:
            kind = (message.headers.get("content-type") or "") if message is not None else ""
            changed = direction.crossed and entry.change != "same"
            yield body(head, data, kind, changed=changed, chunks=getattr(message, "chunks", None))


def _flows(x: Any) -> Iterable[Any]:
    """Yield both directions of a TCP connection."""
    for noun, heads, before, after in (
        ("downstream", ("client sent", "upstream got"), x.sent, x.upstream_received),
        ("upstream", ("upstream sent", "client got"), x.upstream_sent, x.received),
    ):
        stations = [
            body(who, data, changed=before != after) for who, data in zip(heads, (before, after), strict=True) if data
        ]
        yield {"noun": noun, "heads": heads, "rows": [], "more": 0, "bodies": bodies(stations)}


def _callout(callout: Any) -> Any:
    """Return a callout: target, state, response and times."""
    response = callout.response
    kind = body_kind(response.body) if response is not None else ""
    return {
        "target": printable(f"{callout.kind} to {callout.cluster}{callout.request.path}"),
        "state": printable(callout.state),
        "status": response.status if response is not None else None,
        "response": f"{size(len(response.body))}, {kind}" if response is not None and response.body else "",
        "started": callout.started,
        "finished": callout.finished,
    }
