"""The trace: every callback and hostcall, and the events around them, as compact records that are decoded on reading.

The fields of a record are in `records`, the decoded `Event` is in `events`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, NamedTuple, overload

from ..._display import Shown
from ...abi import ENTRY_POINTS
from .events import Event, decode, decode_bare, exchange_of
from .records import (
    BEGAN,
    CALL_PARENT,
    CONTEXT,
    ENDED,
    EXCHANGE,
    HOST_NS,
    KEEP,
    LONG,
    NOTE,
    NOTE_KIND,
    NOTE_NAME,
    SCHEMA,
    THREAD,
    TIME,
    CallbackSchema,
    ContextRef,
    Cut,
    Note,
)

__all__ = ["DEFAULT_LIMIT", "END_CALLBACKS", "START_CALLBACKS", "CallbackTime", "Event", "Trace"]

#: Events that a trace keeps by default.
DEFAULT_LIMIT = 200_000

#: Bytes of long arguments that it keeps.
BYTES_KEPT = 1 << 28

#: Callbacks after the end of a stream or connection, when the client has its response.
END_CALLBACKS = frozenset({"on_log", "on_done", "on_delete"})

#: Callbacks and entry points that run when a VM or plugin context starts.
START_CALLBACKS = frozenset({"start section", *ENTRY_POINTS, "on_context_create", "on_vm_start", "on_configure"})

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
    time
        Virtual seconds at its start.
    """

    name: str
    guest_ns: int
    exchange: int | None
    thread: str
    context: ContextRef
    time: float


class Trace(Shown, Sequence[Event]):
    """The last events of a proxy, as a sequence of `Event`.

    Parameters
    ----------
    limit
        Number of events that it keeps (default 200 000).
    bytes_kept
        Bytes of long arguments, over all events, that it keeps (default 256 MiB).
    """

    def __init__(self, limit: int = DEFAULT_LIMIT, bytes_kept: int = BYTES_KEPT) -> None:
        self._records: deque[Any] = deque(maxlen=limit)
        self._bytes_kept = bytes_kept
        #: Long arguments, oldest first: number of the event before theirs, and size.
        self._long: deque[tuple[int, int]] = deque()
        self._long_bytes = 0
        self._clear_at = 0
        #: For the hot path: append a record, and get the next number.
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
        if any(isinstance(value, bytes | str) and len(value) > LONG for value in args.values()):
            args = {key: self._cut(value) for key, value in args.items()}
        self.append((number, NOTE, kind, name, args, time, thread, exchange, vm))
        return number

    def _cut(self, value: Any) -> Any:
        """Return what a note keeps of an argument."""
        if isinstance(value, bytes) and len(value) > LONG:
            return self.keep(value)
        if isinstance(value, str) and len(value) > LONG:
            kept = value if len(value) <= KEEP else f"{value[:KEEP]}…"
            self._count(len(kept))
            return kept
        return value

    def keep(self, data: bytes, full_size: int | None = None) -> bytes:
        """Return what an event keeps of a long argument, and drop the oldest events if long arguments take too much.

        Parameters
        ----------
        data
            The argument, or its beginning.
        full_size
            Size of the whole argument in bytes. Default: that of `data`.
        """
        kept = data if (full_size or len(data)) <= KEEP else Cut.of(data, full_size)
        self._count(len(kept))
        return kept

    def _count(self, size: int) -> None:
        """Count a long argument, and drop the oldest events if long arguments take too much."""
        records, long = self._records, self._long
        long.append((records[-1][0] if records else 0, size))
        self._long_bytes += size
        while long[0][0] + 1 < self.dropped and len(long) > 1:
            self._long_bytes -= long.popleft()[1]
        while self._long_bytes > self._bytes_kept and len(long) > 1:
            number, size = long.popleft()
            self._long_bytes -= size
            while len(records) > 1 and records[0][0] <= number + 1:
                records.popleft()

    def clear(self) -> None:
        """Drop all events. The next event continues the numbers."""
        self._long.clear()
        self._long_bytes = 0
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
                yield CallbackTime(schema.short, spent, waiting, record[THREAD], context, record[TIME])

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
                # Without a break, reading an old exchange would take as long as reading the whole trace.
                if len(events) == limit or (isinstance(record[SCHEMA], Note) and record[NOTE_NAME] in _ENDS):
                    break
        return events

    def of_starts(self) -> list[Event]:
        """Return the events of starting VMs: their callbacks with the hostcalls inside, and notes on their creation and end."""
        return [decode(record) for record in self._records if _of_start(record)]

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


def _of_start(record: Any) -> bool:
    """Return whether a record belongs to the start of a VM or plugin context."""
    schema = record[SCHEMA]
    if isinstance(schema, Note):
        return bool(record[NOTE_KIND] == "vm")
    callback = record if isinstance(schema, CallbackSchema) else record[CALL_PARENT]
    return callback[SCHEMA].short in START_CALLBACKS and callback[CONTEXT].exchange is None
