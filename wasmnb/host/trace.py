"""The trace: every crossing between host and guest, and what happened around them, as compact records read lazily.

A record is made on the hot path, so that it is a plain list or tuple; `Event` is what a reader gets:

    entry      [seq, Entry, place, args, time, began, ended, host_ns, result, thread, exchange]   a callback; if fuel is
                                                                                            counted, it is appended
    hostcall   (seq, Shape, frame, place, status, began, ended, *args, *outputs)            `frame` is the entry it runs in
    note       (seq, Note, kind, name, args, time, thread, exchange, vm)                       everything else

`place` says which context of which VM; it is small, so that a record keeps nothing large alive.
`seq` counts all records ever made; the trace keeps the last `limit` of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, overload

from ..abi import Status, decode_pairs, decode_path
from ..abi.table import Callback, Kind, Param, Result
from ._display import Shown

__all__ = ["DEFAULT_LIMIT", "Entry", "Event", "Note", "Place", "Shape", "Trace"]

#: Events that a trace keeps unless told otherwise.
DEFAULT_LIMIT = 200_000

#: Callbacks of a stream or connection that is over: the client has its answer.
AFTER_THE_END = frozenset({"on_log", "on_done", "on_delete"})

#: Bytes of one argument that a record keeps; longer ones are cut, and `Cut` says how long they were.
KEEP = 1 << 12


_STATUSES = {int(s): s for s in Status}


class Cut(bytes):
    """The beginning of a longer argument.

    Attributes
    ----------
    full_size
        Bytes that the argument really had.
    """

    full_size: int

    @classmethod
    def of(cls, data: bytes) -> Cut:
        """The first bytes of `data`."""
        cut = cls(data[:KEEP])
        cut.full_size = len(data)
        return cut


class Entry:
    """What an entry record is about: a callback with its parameters, or an entry point."""

    __slots__ = ("params", "result", "short")

    def __init__(self, callback: Callback | str) -> None:
        known = isinstance(callback, Callback)
        self.short = callback.short if isinstance(callback, Callback) else callback
        self.params: tuple[Param, ...] = callback.params if isinstance(callback, Callback) else ()
        self.result = callback.result if isinstance(callback, Callback) and known else Result.NONE


class Shape:
    """What a hostcall record is about: its name and the names and kinds of its inputs and outputs."""

    __slots__ = ("inputs", "kind", "outputs", "short")

    def __init__(self, short: str, inputs: Sequence[Param], outputs: Sequence[Param], kind: str = "hostcall") -> None:
        self.short = short
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.kind = kind


class Place:
    """Which context an entry or hostcall was about.

    Attributes
    ----------
    id, vm
        The context's id and the number of its VM.
    exchange
        The exchange that it belongs to, for streams.
    """

    __slots__ = ("exchange", "id", "vm")

    def __init__(self, number: int, vm: int) -> None:
        self.id = number
        self.vm = vm
        self.exchange: int | None = None


class Note:
    """Marks a record of something that is no crossing: a stream's or VM's change of state, a line of Envoy's log."""


NOTE = Note()


@dataclass(frozen=True, slots=True)
class Event:
    """One happening, decoded.

    Attributes
    ----------
    seq
        Number among all events of the proxy, from 0.
    time
        Virtual seconds since the proxy started.
    thread, vm, context
        Where: `main` or `worker-N`, number of the VM, id of the context in it (None outside VMs).
    kind
        `callback`, `hostcall`, `wasi`, `log`, `stream` or `vm`.
    name
        Without the prefix `proxy_`.
    args, result
        Decoded: numbers, bytes, header maps as lists of pairs, property paths as lists of parts, enums by name. A
        hostcall's result is what it gave beside its status: one value, a dict of several, or None.
    status
        A hostcall's status.
    guest_ns, host_ns
        Nanoseconds inside the guest and inside the host.
    exchange
        Number of the request or connection that this was about, or None.
    parent
        `seq` of the callback that this happened in, or None.
    fuel
        Of a callback: instructions of Wasm that it ran, if the proxy counts them.
    """

    seq: int
    time: float
    thread: str
    vm: int | None
    context: int | None
    kind: str
    name: str
    args: dict[str, Any]
    result: Any = None
    status: Status | None = None
    guest_ns: int = 0
    host_ns: int = 0
    exchange: int | None = None
    parent: int | None = None
    fuel: int | None = None

    def __str__(self) -> str:
        """One line, as the recorded traces of Envoy write it."""
        args = ", ".join(f"{k}={_short(v)}" for k, v in self.args.items())
        tail = f" -> {self.status.name}" if self.status is not None else ""
        tail += f" {_short(self.result)}" if self.result is not None else ""
        return f"{self.thread} VM{self.vm} {self.name}({args}){tail}"


def _short(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


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

    def callbacks(self, since: int = 0) -> Iterator[tuple[str, int, int | None, str]]:
        """Name, guest nanoseconds, exchange and thread of every callback among the events made after the first `since`.

        The exchange is the one that waits for the callback: None for those that no exchange waits for, also when one is
        over. For sums over long traces: nothing else is decoded.
        """
        for record in islice(self._records, max(0, since - self.dropped), None):
            entry = record[1]
            if entry.__class__ is Entry:  # the fastest question of its kind; there are millions of records
                exchange = record[2].exchange
                if exchange is None:
                    exchange = record[10]
                spent = max(0, record[6] - record[5] - record[7])
                yield entry.short, spent, None if entry.short in AFTER_THE_END else exchange, record[9]

    def of_exchange(self, number: int, first: int = 0, limit: int | None = None) -> list[Event]:
        """Events of one exchange, among those numbered from `first` on, to the note of its end; at most `limit`."""
        skip = max(0, first - self.dropped)
        found: list[Event] = []
        for record in islice(self._records, skip, None):
            if _exchange(record) == number:
                found.append(decode(record))
                # Without this, a look at one exchange would read everything that came after it.
                if len(found) == limit or (isinstance(record[1], Note) and record[3] in _ENDS):
                    break
        return found

    def outline(self, first: int, number: int) -> list[Event]:
        """Events numbered from `first` on, so many of them, without their arguments: those cost most of the decoding."""
        skip = max(0, first - self.dropped)
        return [decode(_bare(record)) for record in islice(self._records, skip, skip + number)]

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


#: Notes that end an exchange.
_ENDS = ("done", "reset", "refused")

#: Hostcalls of one callback that `find` decodes.
_INSIDE = 2_000

# -- decoding -------------------------------------------------------------------------------------------------------


def _exchange(record: Any) -> int | None:
    """Which exchange a record belongs to."""
    about = record[1]
    if isinstance(about, Note):
        number: int | None = record[7]
        return number
    place: Place = record[3] if isinstance(about, Shape) else record[2]
    if place.exchange is not None:
        return place.exchange
    if isinstance(about, Shape):
        return _exchange(record[2])
    owner: int | None = record[10]
    return owner


def decode(record: Any) -> Event:
    """A record as an event."""
    about = record[1]
    if isinstance(about, Shape):
        return _hostcall(record)
    if isinstance(about, Entry):
        return _entry(record)
    seq, _, kind, name, args, time, thread, exchange, vm = record
    return Event(seq, time, thread, vm, None, kind, name, args, exchange=exchange)


def _entry(record: Any) -> Event:
    seq, entry, place, args, time, began, ended, host_ns, result, thread, _, *fuel = record
    named = {p.name: _value(p, a) for p, a in zip(entry.params, args, strict=False)}
    if entry.result is Result.NONE:
        result = None
    return Event(
        seq, time, thread, place.vm, place.id, "callback", entry.short, named, result,
        guest_ns=max(0, ended - began - host_ns), host_ns=host_ns, exchange=_exchange(record), fuel=fuel[0] if fuel else None,
    )  # fmt: skip


def _hostcall(record: Any) -> Event:
    seq, shape, frame, place, status, began, ended, *kept = record
    count = len(shape.inputs)
    named = {p.name: _value(p, a) for p, a in zip(shape.inputs, kept, strict=False)}
    values = [_value(p, v) for p, v in zip(shape.outputs, kept[count:], strict=False)] if not status else []
    result: Any = None
    if len(values) == 1:
        result = values[0]
    elif values:
        result = {p.name: v for p, v in zip(shape.outputs, values, strict=False)}
    return Event(
        seq, frame[4], frame[9], place.vm, place.id, shape.kind, shape.short, named, result,
        status=_status(shape, status), host_ns=ended - began, exchange=_exchange(record), parent=frame[0],
    )  # fmt: skip


def _status(shape: Shape, status: int) -> Any:
    if shape.kind != "hostcall":
        return None
    return _STATUSES.get(status, status)


def _value(param: Param, raw: Any) -> Any:
    """What an argument means; a pair of pointer and size that lay outside the memory stays a pair of numbers."""
    if isinstance(raw, int):
        if param.enum is not None and raw in set(param.enum):
            return param.enum(raw)
        signed = {Kind.I32: 32, Kind.I64: 64}.get(param.kind)
        return raw - (1 << signed) if signed and raw >> (signed - 1) else raw
    if not isinstance(raw, bytes):
        return raw
    if param.kind is Kind.PAIRS or (param.kind is Kind.OUT_BYTES and param.name == "pairs"):
        pairs = decode_pairs(raw)
        return raw if pairs is None else pairs
    return decode_path(raw) if param.kind is Kind.PATH else raw


def _bare(record: Any) -> Any:
    """A record without its arguments."""
    if isinstance(record[1], Entry):
        return [*record[:3], (), *record[4:]]
    return record[:7] if isinstance(record[1], Shape) else record


def names(events: Iterable[Event]) -> list[str]:
    """Names of events in order; handy in tests."""
    return [e.name for e in events]
