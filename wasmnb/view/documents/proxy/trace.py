"""The document of a trace: the callbacks, with the hostcalls inside each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from wasmnb.abi import CALLBACKS_BY_NAME, Action, DataStatus, HeadersStatus, Result, TrailersStatus

from ...render.document import Document, Inline, Outline, OutlineItem, Paragraph, TextSpan, inline
from ...render.escape import clip
from ...render.html import to_html
from ...render.text import to_text
from ...render.units import duration, plural
from ...render.values import arguments, value_text

if TYPE_CHECKING:
    from wasmnb.host.trace.trace import Event

__all__ = ["NEWEST", "by_callback", "result_of", "trace_document", "trace_html", "trace_items", "trace_text"]

#: Maximum number of events that are shown. Older events are omitted.
NEWEST = 4000

_MEANINGS: dict[Result, Callable[[int], Any]] = {
    Result.HEADERS_STATUS: HeadersStatus,
    Result.DATA_STATUS: DataStatus,
    Result.TRAILERS_STATUS: TrailersStatus,
    Result.ACTION: Action,
    Result.BOOL: bool,
}

_SHOWN = 200  # maximum number of callbacks
_INNER = 100  # maximum number of hostcalls of one callback


def by_callback(events: Iterable[Event]) -> list[tuple[Event, list[Event]]]:
    """Group events by callback. Returns each top-level event with all events nested in it."""
    tops: dict[int, tuple[Event, list[Event]]] = {}
    owner: dict[int, int] = {}
    for event in events:
        top = owner.get(event.parent) if event.parent is not None else None
        if top is None:
            tops[event.seq] = (event, [])
            owner[event.seq] = event.seq
        else:
            tops[top][1].append(event)
            owner[event.seq] = top
    return list(tops.values())


def result_of(event: Event) -> Any:
    """Return the result of an event. If a callback returns an enum of the ABI, its number is converted to the enum."""
    callback = CALLBACKS_BY_NAME.get(event.name) if event.kind == "callback" else None
    meaning = _MEANINGS.get(callback.result) if callback is not None else None
    try:
        return event.result if meaning is None else meaning(event.result)
    except ValueError:  # the callback returned a number that the ABI doesn't define
        return event.result


def _outcome(event: Event) -> Inline:
    status = getattr(event.status, "name", None)
    shown = [] if event.result is None else [value_text(result_of(event))]
    if status and status != "OK":
        return inline(" → ", TextSpan(status, "warn"), *(f" {s}" for s in shown))
    return inline(*(f" → {s}" for s in shown))


def _line(event: Event, *, origin: bool) -> Inline:
    if event.kind in ("stream", "vm"):
        return inline(TextSpan(f"· {event.name.replace('_', ' ')}  {arguments(event.args)}", "muted"))
    took = event.guest_ns if event.kind == "callback" else event.host_ns
    if event.kind == "log":
        return inline(
            TextSpan("log ", "muted"), value_text(event.args.get("message", event.args.get("text", event.result)))
        )
    where = f"  {event.thread}{_numbered(' VM ', event.vm)}{_numbered(' context ', event.context)}" if origin else ""
    return inline(
        TextSpan(event.name, "strong" if event.kind == "callback" else "code"), f"({arguments(event.args)})",
        _outcome(event), TextSpan(f"  {duration(took)}" if took else "", "muted"), TextSpan(where, "muted"),
    )  # fmt: skip


def _numbered(noun: str, number: int | None) -> str:
    return "" if number is None else f"{noun}{number}"


def trace_items(
    events: Sequence[Event], *, limit: int = _SHOWN, folded: bool = True, origin: bool = True
) -> tuple[OutlineItem, ...]:
    """Return the events of a trace as items of an outline.

    Parameters
    ----------
    events
        Events of the trace.
    limit
        Maximum number of callbacks (default 200).
    folded
        Whether callbacks with hostcalls are folded (default True).
    origin
        Whether lines contain the thread, VM and context (default True).
    """
    groups = by_callback(events)
    items = [
        OutlineItem(_line(top, origin=origin), tuple(_inner(inner)), folded=folded and len(inner) > 0)
        for top, inner in groups[:limit]
    ]
    if len(groups) > limit:
        items.append(OutlineItem(inline(TextSpan(f"… {plural(len(groups) - limit, 'more event')}", "muted"))))
    return tuple(items)


def _inner(inner: list[Event]) -> list[OutlineItem]:
    items = [OutlineItem(_line(event, origin=False)) for event in inner[:_INNER]]
    if len(inner) > _INNER:
        items.append(OutlineItem(inline(TextSpan(f"… {plural(len(inner) - _INNER, 'more hostcall')}", "muted"))))
    return items


def trace_document(events: Sequence[Event], *, dropped: int = 0) -> Document:
    """Return a document with the last events of a trace and the number of omitted events.

    Parameters
    ----------
    events
        Events of the trace.
    dropped
        Number of older events that the trace has discarded (default 0).
    """
    calls = sum(e.kind == "callback" for e in events)
    hostcalls = sum(e.kind == "hostcall" for e in events)
    older = max(0, len(events) - NEWEST)
    events = events[older:]
    dropped += older
    head = f"{plural(len(events), 'event')}: {plural(calls, 'callback')}, {plural(hostcalls, 'hostcall')}"
    lost = f"; {plural(dropped, 'older event')} not shown" if dropped else ""
    return Document((Paragraph(inline(TextSpan(clip(head + lost, 200), "muted"))), Outline(trace_items(events))))


def trace_html(events: Sequence[Event], *, dropped: int = 0) -> str:
    """Return the document of a trace as HTML.

    Parameters
    ----------
    events
        Events of the trace.
    dropped
        Number of older events that the trace has discarded (default 0).
    """
    return to_html(trace_document(events, dropped=dropped))


def trace_text(events: Sequence[Event], *, dropped: int = 0) -> str:
    """Return the document of a trace as text, with all callbacks unfolded.

    Parameters
    ----------
    events
        Events of the trace.
    dropped
        Number of older events that the trace has discarded (default 0).
    """
    head, outline = trace_document(events, dropped=dropped).blocks
    assert isinstance(outline, Outline)
    opened = Outline(tuple(OutlineItem(i.line, i.children) for i in outline.items))
    return to_text(Document((head, opened)))
