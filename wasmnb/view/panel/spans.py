"""Spans of the timeline that last longer than a callback: pauses of streams, and callouts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wasmnb.abi import CALLBACKS, CALLBACKS_BY_NAME, Result

if TYPE_CHECKING:
    from wasmnb.host import Event
    from wasmnb.host.callouts.record import Callout

__all__ = ["TimelineSpan", "callouts", "pauses"]

#: Thread, start and end (virtual seconds), kind (`paused` or `callout`), label, exchange, VM, root context.
TimelineSpan = tuple[str, float, float, str, str, int | None, int | None, int | None]

_PAUSING = (Result.HEADERS_STATUS, Result.DATA_STATUS, Result.TRAILERS_STATUS, Result.ACTION)


#: Callbacks and events after which a stream is no longer paused. Responses to callouts are not among them.
_STREAM_CALLBACKS = {c.short for c in CALLBACKS.values() if c.result in _PAUSING}
_MOVES = {"continued", "local_response", "response", "done", "reset", "closed"}


def _pauses(event: Event) -> bool:
    """Return whether the result of a callback pauses its stream.

    All results except 0 pause the stream. Callbacks for headers don't pause it with 2 either.
    """
    callback = CALLBACKS_BY_NAME.get(event.name)
    if callback is None or callback.result not in _PAUSING or not isinstance(event.result, int):
        return False
    return event.result > 0 and not (callback.result is Result.HEADERS_STATUS and event.result == 2)


def pauses(events: Sequence[Event], now: float) -> list[TimelineSpan]:
    """Return the pauses of streams, from the end of the callback that pauses to the next event of the stream.

    Parameters
    ----------
    events
        Events of the trace.
    now
        Current virtual time in seconds, which is used as the end of pauses that haven't ended.
    """
    paused: dict[int, tuple[Event, float]] = {}
    spans: list[TimelineSpan] = []
    for event in events:
        if event.exchange is None or event.kind not in ("callback", "stream"):
            continue
        if event.name not in (_MOVES if event.kind == "stream" else _STREAM_CALLBACKS):
            continue
        if event.exchange in paused:
            spans.append(_pause(*paused.pop(event.exchange), event.time))
        if event.kind == "callback" and _pauses(event):
            paused[event.exchange] = (event, event.time + (event.guest_ns + event.host_ns) / 1e9)
    spans += [_pause(event, start, now) for event, start in paused.values()]
    return [span for span in spans if span[2] > span[1]]


def _pause(event: Event, start: float, end: float) -> TimelineSpan:
    label = f"#{event.exchange} paused by {event.name}"
    return (event.thread, start, max(end, start), "paused", label, event.exchange, event.vm, event.root)


def callouts(records: Iterable[Callout], threads: dict[int, str], now: float) -> list[TimelineSpan]:
    """Return the spans of callouts, from the request to the response.

    Parameters
    ----------
    records
        The callouts.
    threads
        Number of a VM -> name of its thread.
    now
        Current virtual time in seconds, which is used as the end of pending callouts.
    """
    return [
        (threads.get(c.vm, "main"), c.started, now if c.finished is None else c.finished, "callout",
         f"{c.kind} to {c.cluster}{c.request.path}: {c.state}", c.exchange, c.vm, c.root)
        for c in records
    ]  # fmt: skip
