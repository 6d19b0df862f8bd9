"""The trace: every callback and hostcall, and the events around them, as compact records that are decoded on reading.

The fields of a record are in `records`, the decoded `Event` is in `events`.
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

__all__ = ["DEFAULT_LIMIT", "END_CALLBACKS", "CallbackTime", "Event", "Trace"]

#: Events that a trace keeps by default.
DEFAULT_LIMIT = 200_000

#: Callbacks after the end of a stream or connection, when the client has its response.
END_CALLBACKS = frozenset({"on_log", "on_done", "on_delete"})

#: Notes that end an exchange.
_ENDS = ("done", "reset", "refused")

#: Hostcalls of one callback that `find` decodes at most.
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
    """The last events of a proxy, as a sequence of `Event`.

    Parameters
    ----------
    limit
        Number of events that it keeps (default 200 000).
    """

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._records: deque[Any] = deque(maxlen=limit)
        self._clear_at = 0
        #: For the hot path: append a record, and draw its number.
        self.append = self._records.append
        self.next = count().__next__

    @property
    def dropped(self) -> int:
        """Number of events that are no longer kept."""
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
        """Record an event that is neither a callback nor a hostcall.

        Parameters
        ----------
        kind, name, args
            As in `Event`.
        time
            Virtual seconds.
        thread
            `main` or `worker-N`.
        exchange, vm
            Number of the exchange and of the VM that it is about (default None).

        Returns
        -------
        int
            The event's number.
        """
        number = self.next()
        self.append((number, NOTE, kind, name, args, time, thread, exchange, vm))
        return number

    def clear(self) -> None:
        """Drop all events. The next event continues the numbers."""
        self._clear_at = self.next()
        self._records.clear()

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """Return an event or a slice by position among the kept events, like a list."""
        if isinstance(index, slice):
            return [decode(r) for r in list(self._records)[index]]
        return decode(self._records[index])

    def __iter__(self) -> Iterator[Event]:
        return (decode(r) for r in list(self._records))

    @property
    def total(self) -> int:
        """Number of events so far, including those no longer kept."""
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
                waiting = None if schema.short in END_CALLBACKS else exchange
                yield CallbackTime(schema.short, spent, waiting, record[THREAD], context)

    def of_exchange(self, number: int, first: int = 0, limit: int | None = None) -> list[Event]:
        """Return the events of one exchange up to its end.

        Parameters
        ----------
        number
            The exchange's number.
        first
            Number of the event to begin with (default 0).
        limit
            Number of events at most (default None, no limit).
        """
        skip = max(0, first - self.dropped)
        events: list[Event] = []
        for record in islice(self._records, skip, None):
            if exchange_of(record) == number:
                events.append(decode(record))
                # Reading on to the newest event would make every look at an old exchange slow.
                if len(events) == limit or (isinstance(record[SCHEMA], Note) and record[NOTE_NAME] in _ENDS):
                    break
        return events

    def outline(self, first: int, number: int) -> list[Event]:
        """Return `number` events from event number `first` on, without their arguments."""
        skip = max(0, first - self.dropped)
        return [decode_bare(record) for record in islice(self._records, skip, skip + number)]

    def find(self, seq: int) -> list[Event]:
        """Return the event number `seq` and, if it is a callback, its hostcalls; nothing if it is no longer kept."""
        skip, events = max(0, seq - self.dropped), list[Event]()
        for record in islice(self._records, skip, None):
            event = decode(record)
            if event.seq == seq or (events and event.parent == seq):
                events.append(event)
            elif not events or (event.kind == "callback" and event.thread == events[0].thread):
                break
            if len(events) > _INSIDE:
                break
        return events

    def __repr__(self) -> str:
        gone = f", {self.dropped} older ones dropped" if self.dropped else ""
        return f"<Trace of {len(self)} events{gone}>"
