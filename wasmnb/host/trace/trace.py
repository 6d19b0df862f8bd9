"""The trace: callbacks, hostcalls and other events of a proxy, stored as compact records that are decoded when they are read.

The fields of a record are described in `records`, and the decoded `Event` in `events`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any, NamedTuple, overload

from ..._display import Shown
from ...abi import END_CALLBACKS, ENTRY_POINTS, START_SECTION
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
    SEQ,
    THREAD,
    TIME,
    CallbackSchema,
    ContextRef,
    Cut,
    Note,
)

__all__ = ["DEFAULT_LIMIT", "START_CALLBACKS", "CallbackTime", "Event", "Trace"]

#: Maximum number of events in a trace by default.
DEFAULT_LIMIT = 200_000

#: Maximum size in bytes of a trace's long arguments by default.
BYTES_KEPT = 1 << 28

#: Callbacks and entry points that run when a VM or plugin context starts.
START_CALLBACKS = frozenset({START_SECTION, *ENTRY_POINTS, "on_context_create", "on_vm_start", "on_configure"})

#: Names of the notes that mark the end of an exchange.
_ENDS = ("done", "reset", "refused")

#: Maximum number of hostcalls of one callback that `find` decodes.
_INSIDE = 2_000


class CallbackTime(NamedTuple):
    """Time that one callback spent inside the filter.

    Attributes
    ----------
    name
        Name of the callback without `proxy_`.
    guest_ns
        Nanoseconds inside the filter, excluding its hostcalls.
    exchange
        Number of the exchange that waited for the callback. None for ticks and for callbacks after the exchange's end.
    thread
        Name of the thread: `main` or `worker-N`.
    context
        Context in which the callback ran.
    time
        Virtual time at the callback's start, in seconds.
    """

    name: str
    guest_ns: int
    exchange: int | None
    thread: str
    context: ContextRef
    time: float


class Trace(Shown, Sequence[Event]):
    """The last events of a proxy, oldest first, as a sequence of `Event`.

    Parameters
    ----------
    limit
        Maximum number of events to keep (default 200,000).
    bytes_kept
        Maximum total size of long arguments in bytes (default 256 MiB).

    Attributes
    ----------
    long_bytes
        Total size of the kept long arguments in bytes.
    """

    def __init__(self, limit: int = DEFAULT_LIMIT, bytes_kept: int = BYTES_KEPT) -> None:
        self._records: deque[Any] = deque(maxlen=limit)
        self._bytes_kept = bytes_kept
        #: Long arguments, oldest first, as pairs of the preceding event's number and the argument's size.
        self._long: deque[tuple[int, int]] = deque()
        self.long_bytes = 0
        self._clear_at = 0
        #: Functions that append a record and return the next number, as attributes for speed.
        self.append = self._records.append
        self.next = count().__next__

    @property
    def dropped(self) -> int:
        """Number of old events that have been dropped."""
        return int(self._records[0][SEQ]) if self._records else self._clear_at

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
            Kind, name and arguments of the event, as in `Event`.
        time
            Virtual time in seconds.
        thread
            Name of the thread: `main` or `worker-N`.
        exchange, vm
            Numbers of the exchange and the VM that the event is about (default None).

        Returns
        -------
        int
            Number of the event, as in `Event.seq`.
        """
        number = self.next()
        if any(isinstance(value, bytes | str) and len(value) > LONG for value in args.values()):
            args = {key: self._cut(value) for key, value in args.items()}
        self.append((number, NOTE, kind, name, args, time, thread, exchange, vm))
        return number

    def _cut(self, value: Any) -> Any:
        """Cut an argument of a note to the maximum length."""
        if isinstance(value, bytes) and len(value) > LONG:
            return self.keep(value)
        if isinstance(value, str) and len(value) > LONG:
            kept = value if len(value) <= KEEP else f"{value[:KEEP]}…"
            self._count(len(kept))
            return kept
        return value

    def keep(self, data: bytes, full_size: int | None = None) -> bytes:
        """Cut a long argument of an event to the maximum length. If long arguments exceed their memory limit, drop the oldest
        events.

        Parameters
        ----------
        data
            The argument, or its beginning.
        full_size
            Size of the whole argument in bytes. By default, the size of `data`.

        Returns
        -------
        bytes
            The argument, or its beginning with its full size (`Cut`).
        """
        kept = data if (full_size or len(data)) <= KEEP else Cut.of(data, full_size)
        self._count(len(kept))
        return kept

    def _count(self, size: int) -> None:
        """Count the size of a long argument. If long arguments exceed their memory limit, drop the oldest events."""
        records, long = self._records, self._long
        long.append((records[-1][SEQ] if records else 0, size))
        self.long_bytes += size
        while long[0][0] + 1 < self.dropped and len(long) > 1:
            self.long_bytes -= long.popleft()[1]
        while self.long_bytes > self._bytes_kept and len(long) > 1:
            number, size = long.popleft()
            self.long_bytes -= size
            while len(records) > 1 and records[0][SEQ] <= number + 1:
                records.popleft()

    def clear(self) -> None:
        """Drop all events. Numbers of later events continue from the last one."""
        self._long.clear()
        self.long_bytes = 0
        self._clear_at = self.next()
        self._records.clear()

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """Return an event or a slice by its position in the list of stored events."""
        if isinstance(index, slice):
            return [decode(r) for r in list(self._records)[index]]
        return decode(self._records[index])

    def __iter__(self) -> Iterator[Event]:
        return (decode(r) for r in list(self._records))

    @property
    def total(self) -> int:
        """Number of events since the start of the proxy, including dropped ones."""
        return self.dropped + len(self._records)

    def callbacks(self, since: int = 0) -> Iterator[CallbackTime]:
        """Iterate over the times of callbacks without decoding other data, to add up times in long traces.

        Parameters
        ----------
        since
            Number of the first event to read, as in `Event.seq` (default 0).

        Returns
        -------
        Iterator[CallbackTime]
            The time of each callback in the trace.
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
            Number of the exchange.
        first
            Number of the first event to read, as in `Event.seq` (default 0).
        limit
            Maximum number of events to return. None (the default): no limit.
        """
        skip = max(0, first - self.dropped)
        events: list[Event] = []
        for record in islice(self._records, skip, None):
            if exchange_of(record) == number:
                events.append(decode(record))
                # Without this, reading an old exchange would take as long as reading the whole trace.
                if len(events) == limit or (isinstance(record[SCHEMA], Note) and record[NOTE_NAME] in _ENDS):
                    break
        return events

    def of_starts(self) -> list[Event]:
        """Return the events that occurred when VMs and plugins started: callbacks with their hostcalls, and changes of VMs."""
        return [decode(record) for record in self._records if _of_start(record)]

    def outline(self, first: int, number: int) -> list[Event]:
        """Return events without their arguments.

        Parameters
        ----------
        first
            Number of the first event.
        number
            Maximum number of events.
        """
        skip = max(0, first - self.dropped)
        return [decode_bare(record) for record in islice(self._records, skip, skip + number)]

    def find(self, seq: int) -> list[Event]:
        """Return event number `seq` and, if it is a callback, its hostcalls. Returns an empty list if the event has been
        dropped.
        """
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
        omitted = f", {self.dropped} older ones dropped" if self.dropped else ""
        return f"<Trace of {len(self)} events{omitted}>"


def _of_start(record: Any) -> bool:
    """Return whether a record was written during the start of a VM or plugin context."""
    schema = record[SCHEMA]
    if isinstance(schema, Note):
        return bool(record[NOTE_KIND] == "vm")
    callback = record if isinstance(schema, CallbackSchema) else record[CALL_PARENT]
    return callback[SCHEMA].short in START_CALLBACKS and callback[CONTEXT].exchange is None
