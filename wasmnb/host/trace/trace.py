"""The trace: every crossing between host and guest, and what happened around them, as compact records read lazily.

It keeps the last `limit` of them; what a record looks like is in `records`, what a reader gets in `event`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, NamedTuple, overload

from ..._display import Shown
from .events import Event, decode, decode_bare, exchange_of
from .records import (
    BEGAN,
    CONTEXT,
    ENDED,
    EXCHANGE,
    HOST_NS,
    NOTE,
    NOTE_NAME,
    SCHEMA,
    THREAD,
    CallbackSchema,
    ContextRef,
    Note,
)

__all__ = ["AFTER_THE_END", "DEFAULT_LIMIT", "CallbackTime", "Event", "Trace"]

#: Events that a trace keeps unless told otherwise.
DEFAULT_LIMIT = 200_000

#: Callbacks of a stream or connection that is over: the client has its answer.
AFTER_THE_END = frozenset({"on_log", "on_done", "on_delete"})

#: Notes that end an exchange.
_ENDS = ("done", "reset", "refused")

#: Hostcalls of one callback that `find` decodes.
_INSIDE = 2_000


class CallbackTime(NamedTuple):
    """Time that one callback spent inside the guest.

    Attributes
    ----------
    name
        Name without `proxy_`.
    guest_ns
        Nanoseconds, its hostcalls left out.
    exchange
        The exchange that waited for it, or None: ticks, and callbacks after the exchange's end.
    thread
        `main` or `worker-N`.
    context
        The context that it was for.
    """

    name: str
    guest_ns: int
    exchange: int | None
    thread: str
    context: ContextRef


class Trace(Shown, Sequence[Event]):
    """The last `limit` events of a proxy; `dropped` says how many older ones are gone."""

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._records: deque[Any] = deque(maxlen=limit)
        self._clear_at = 0
        #: For the hot path: append a record, and draw its number.
        self.append = self._records.append
        self.next = count().__next__

    @property
    def dropped(self) -> int:
        """Events that were made and are no longer kept."""
        return int(self._records[0][0]) if self._records else self._clear_at

    def note(
        self,
        kind: str,
        name: str,
        args: dict[str, Any],
        *,
        time: float,
        thread: str,
        exchange: int | None = None,
        vm: int | None = None,
    ) -> int:
        """Record what is no crossing; gives its number."""
        number = self.next()
        self.append((number, NOTE, kind, name, args, time, thread, exchange, vm))
        return number

    def clear(self) -> None:
        """Forget all events; the numbers go on."""
        self._clear_at = self.next()
        self._records.clear()

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """By place among the kept events, like a list."""
        if isinstance(index, slice):
            return [decode(r) for r in list(self._records)[index]]
        return decode(self._records[index])

    def __iter__(self) -> Iterator[Event]:
        return (decode(r) for r in list(self._records))

    @property
    def made(self) -> int:
        """Events made so far, those no longer kept included."""
        return self.dropped + len(self._records)

    def callbacks(self, since: int = 0) -> Iterator[CallbackTime]:
        """Iterate over the callbacks' times without decoding anything else, for sums over long traces.

        Parameters
        ----------
        since
            Number of events to skip, counted from the proxy's start (default 0).

        Returns
        -------
        Iterator[CallbackTime]
            One for each callback that is still kept.
        """
        for record in islice(self._records, max(0, since - self.dropped), None):
            schema = record[SCHEMA]
            if schema.__class__ is CallbackSchema:  # faster than isinstance; there are millions of records
                context = record[CONTEXT]
                exchange = context.exchange
                if exchange is None:
                    exchange = record[EXCHANGE]
                spent = max(0, record[ENDED] - record[BEGAN] - record[HOST_NS])
                waiting = None if schema.short in AFTER_THE_END else exchange
                yield CallbackTime(schema.short, spent, waiting, record[THREAD], context)

    def of_exchange(self, number: int, first: int = 0, limit: int | None = None) -> list[Event]:
        """Events of one exchange, among those numbered from `first` on, to the note of its end; at most `limit`."""
        skip = max(0, first - self.dropped)
        found: list[Event] = []
        for record in islice(self._records, skip, None):
            if exchange_of(record) == number:
                found.append(decode(record))
                # Without this, a look at one exchange would read everything that came after it.
                if len(found) == limit or (isinstance(record[SCHEMA], Note) and record[NOTE_NAME] in _ENDS):
                    break
        return found

    def outline(self, first: int, number: int) -> list[Event]:
        """Events numbered from `first` on, so many of them, without their arguments."""
        skip = max(0, first - self.dropped)
        return [decode_bare(record) for record in islice(self._records, skip, skip + number)]

    def find(self, seq: int) -> list[Event]:
        """The event of that number and, if it is a callback, those inside it; empty if it is no longer kept."""
        skip, found = max(0, seq - self.dropped), list[Event]()
        for record in islice(self._records, skip, None):
            event = decode(record)
            if event.seq == seq or (found and event.parent == seq):
                found.append(event)
            elif not found or (event.kind == "callback" and event.thread == found[0].thread):
                break
            if len(found) > _INSIDE:
                break
        return found

    def __repr__(self) -> str:
        gone = f", {self.dropped} older ones dropped" if self.dropped else ""
        return f"<Trace of {len(self)} events{gone}>"
