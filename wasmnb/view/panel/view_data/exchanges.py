"""Convert an exchange to JSON, as a row of the list or with all details."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from wasmnb.host.inspect.explain import reasons
from wasmnb.host.trace.log import by_time
from wasmnb.view.documents.proxy.trace import by_callback
from wasmnb.view.documents.traffic.access_log import record_of, record_text
from wasmnb.view.documents.traffic.body import body_kind
from wasmnb.view.documents.traffic.exchange import Direction, directions_of, worker_name
from wasmnb.view.documents.traffic.header_diff import SIGNS, HeaderChange
from wasmnb.view.documents.traffic.times import elapsed_ns, waited_ns, waited_text
from wasmnb.view.render.units import size
from wasmnb.view.tracebacks.error_lines import traceback_lines

from .bodies import bodies, body
from .lines import line
from .texts import Budget, printable
from .timeline import call

__all__ = ["detail", "row", "row_text"]

CALLS = 300  # maximum number of callbacks
CALLOUTS = 50
HEADERS = 500  # maximum number of headers of a request or response
LINES = 50
EVENTS = 4_000
_BUDGET = 300_000


def row(exchange: Any, filter_ns: int, row_id: int) -> list[Any]:
    """Return an exchange as a row of the list.

    The row contains id, method, path, status, worker, duration in microseconds (until now if the exchange hasn't ended),
    microseconds in the filter, state, start time, microseconds that the exchange waited for its worker, and the description of
    the filter that pauses it (empty if none does).

    Parameters
    ----------
    exchange
        The exchange.
    filter_ns
        Nanoseconds that the exchange has spent in the filter.
    row_id
        Id of the row.
    """
    if hasattr(exchange, "request"):
        method, path = printable(exchange.request.method, 20), printable(exchange.request.path, 300)
        status = exchange.response.status if exchange.response is not None else 0
    else:
        method, path, status = "TCP", f"{size(len(exchange.sent))} sent, {size(len(exchange.received))} received", 0
    times = round(elapsed_ns(exchange) / 1e3, 1), round(filter_ns / 1e3, 1)
    waited = round(waited_ns(exchange) / 1e3, 1) if waited_text(exchange) else 0
    return [
        row_id,
        method,
        path,
        status,
        printable(worker_name(exchange)),
        *times,
        exchange.state,
        round(exchange.started, 6),
        waited,
        printable(exchange.paused, 60),
    ]


def row_text(exchange: Any, filter_ns: int, row_id: int) -> str:
    """Return a row as JSON text. This is three times as fast as `json.dumps`."""
    _, method, path, status, worker, total, inside, state, started, waited, paused = row(exchange, filter_ns, row_id)
    texts = f"{_quoted(method)},{_quoted(path)},{status},{_quoted(worker)},{total},{inside},{_quoted(state)}"
    return f"[{row_id},{texts},{started},{waited},{_quoted(paused)}]"


def detail(exchange: Any, row_id: int, filter_ns: int, explanations: Sequence[str] = ()) -> Any:
    """Return all details of an exchange as JSON: headers, bodies, callouts, log lines and callbacks.

    Parameters
    ----------
    exchange
        The exchange.
    row_id
        Id of the exchange's row.
    filter_ns
        Nanoseconds that the exchange has spent in the filter.
    explanations
        Sentences about why the exchange is paused or has failed (default none).
    """
    events = exchange.first_events(EVENTS)
    budget, http = Budget(_BUDGET), hasattr(exchange, "request")
    calls, omitted = budget.take(by_callback(events), lambda group: call(*group), CALLS)
    return {
        "id": row_id,
        "final": exchange.done,
        "row": row(exchange, filter_ns, row_id),
        "local": http and exchange.upstream_request is None and exchange.response is not None,
        "details": printable(getattr(exchange, "details", "")),
        "directions": _directions(exchange, events) if http else list(_flows(exchange)),
        "failure": printable(
            "\n".join(traceback_lines(exchange.traceback)) or (exchange.failure.message if exchange.failure else ""),
            20_000,
        ),
        "explanations": [printable(text) for text in explanations],
        "reasons": [printable(text) for text in reasons(exchange, events)] if exchange.done else [],
        "notes": [printable(note) for note in exchange.notes],
        "record": _record(exchange),
        "log": [line(entry) for entry in by_time(exchange.log[-LINES:])],
        "callouts": [_callout(c) for c in exchange.callouts[:CALLOUTS]],
        "calls": calls,
        "more": omitted,
        "cut": len(events) == EVENTS,
    }


def _record(exchange: Any) -> str:
    """Return the access log record of an exchange as one line, or an empty string if there is none."""
    record = record_of(exchange)
    return "" if record is None else printable(record_text(record), 2_000)


def _directions(exchange: Any, events: Sequence[Any]) -> Any:
    return [_direction(d) for d in directions_of(exchange, events) if d.before is not None or d.after is not None]


def _direction(direction: Direction) -> Any:
    budget = Budget(_BUDGET)
    rows, omitted = budget.take(direction.headers, lambda e: _entry(direction, e), HEADERS)
    trailers, more_trailers = budget.take(direction.trailers, lambda e: _entry(direction, e, "trailer "), HEADERS)
    return {
        "noun": direction.noun,
        "heads": direction.heads,
        "rows": rows + trailers,
        "more": omitted + more_trailers,
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


def _flows(exchange: Any) -> Iterable[Any]:
    """Yield both directions of a TCP connection as JSON."""
    for noun, heads, before, after in (
        ("downstream", ("client sent", "upstream got"), exchange.sent, exchange.upstream_received),
        ("upstream", ("upstream sent", "client got"), exchange.upstream_sent, exchange.received),
    ):
        stations = [
            body(who, data, changed=before != after) for who, data in zip(heads, (before, after), strict=True) if data
        ]
        yield {"noun": noun, "heads": heads, "rows": [], "more": 0, "bodies": bodies(stations)}


def _callout(callout: Any) -> Any:
    """Return a callout as JSON: target, state, response and times."""
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
