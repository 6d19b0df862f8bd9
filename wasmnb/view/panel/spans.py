"""What lasts longer than a callback: a stream that a filter holds, and a call to another cluster that is under way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from wasmnb.abi import CALLBACKS, Result

if TYPE_CHECKING:
    from wasmnb.host import Event
    from wasmnb.host.callouts.record import Callout

__all__ = ["Span", "callouts", "pauses"]

#: Thread, start and end (virtual seconds), kind (`paused` or `callout`), label, exchange, VM, root context.
Span = tuple[str, float, float, str, str, int | None, int | None, int | None]

_HOLDING = (Result.HEADERS_STATUS, Result.DATA_STATUS, Result.TRAILERS_STATUS, Result.ACTION)


#: Callbacks and notes that show that a stream has moved on; the answer to a filter's own call, say, does not.
_STREAM_CALLBACKS = {c.short for c in CALLBACKS.values() if c.result in _HOLDING}
_MOVES = {"continued", "local_response", "response", "done", "reset", "closed"}


def _holds(event: Event) -> bool:
    """Whether a callback's result stops its stream: anything but 0, and for headers 2, which Envoy reads as 0."""
    callback = CALLBACKS.get(f"proxy_{event.name}")
    if callback is None or callback.result not in _HOLDING or not isinstance(event.result, int):
        return False
    return event.result > 0 and not (callback.result is Result.HEADERS_STATUS and event.result == 2)


def pauses(events: Sequence[Event], now: float) -> list[Span]:
    """From each callback that stopped a stream to the next thing that happened to it; `now` ends those still held."""
    held: dict[int, tuple[Event, float]] = {}
    found: list[Span] = []
    for event in events:
        if event.exchange is None or event.kind not in ("callback", "stream"):
            continue
        if event.name not in (_MOVES if event.kind == "stream" else _STREAM_CALLBACKS):
            continue
        if event.exchange in held:
            found.append(_pause(*held.pop(event.exchange), event.time))
        if event.kind == "callback" and _holds(event):
            held[event.exchange] = (event, event.time + (event.guest_ns + event.host_ns) / 1e9)
    found += [_pause(event, start, now) for event, start in held.values()]
    return [span for span in found if span[2] > span[1]]


def _pause(event: Event, start: float, end: float) -> Span:
    label = f"#{event.exchange} held by {event.name}"
    return (event.thread, start, max(end, start), "paused", label, event.exchange, event.vm, event.root)


def callouts(records: Iterable[Callout], threads: dict[int, str], now: float) -> list[Span]:
    """Calls to other clusters, from sending to answer.

    Parameters
    ----------
    threads
        Name of each VM's thread.
    """
    return [
        (threads.get(c.vm, "main"), c.started, now if c.finished is None else c.finished, "callout",
         f"{c.kind} to {c.cluster}{c.request.path}: {c.state}", c.exchange, c.vm, c.root)
        for c in records
    ]  # fmt: skip
