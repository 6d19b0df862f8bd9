"""Events, which are decoded records of the trace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._display import visible
from ...abi import Status, decode_pairs, decode_path
from ...abi.table import Kind, Param, Result
from .records import (
    ARGS,
    BEGAN,
    CALL_ARGS,
    CALL_BEGAN,
    CALL_CONTEXT,
    CALL_ENDED,
    CALL_PARENT,
    CALL_STATUS,
    CONTEXT,
    ENDED,
    EXCHANGE,
    FUEL,
    HOST_NS,
    NOTE_ARGS,
    NOTE_EXCHANGE,
    NOTE_KIND,
    NOTE_NAME,
    NOTE_THREAD,
    NOTE_TIME,
    NOTE_VM,
    RESULT,
    SCHEMA,
    SEQ,
    THREAD,
    TIME,
    CallbackSchema,
    ContextRef,
    HostcallSchema,
    Note,
)

__all__ = ["Event", "decode", "decode_bare", "exchange_of"]

_STATUSES = {int(s): s for s in Status}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the trace: a callback, a hostcall, a log line of Envoy, or a change of a stream or VM.

    Attributes
    ----------
    seq
        Number of the event among all events of the proxy, counted from 0.
    time
        Virtual seconds since the proxy started.
    thread, vm, context
        Name of the thread (`main` or `worker-N`), number of the VM, and id of the context in it. For events outside VMs, VM
        and context are None.
    kind
        Kind of event: `callback`, `hostcall`, `wasi`, `log`, `stream` or `vm`.
    name
        Name of the event. Names of callbacks and hostcalls omit the prefix `proxy_`.
    args, result
        Decoded arguments by name, and the decoded result. Values are numbers, bytes or enum members; header maps are lists of
        pairs, and property paths lists of parts. The result of a hostcall is one value, a dict of several values, or None.
    status
        Status returned by a hostcall, or None for other events.
    guest_ns, host_ns
        Nanoseconds that a callback or hostcall spent inside the filter and inside the proxy.
    exchange
        Number of the exchange during which the event occurred, or None.
    parent
        `seq` of the callback in which a hostcall ran, or None.
    fuel
        Number of Wasm instructions that a callback ran. None if the proxy doesn't count them.
    root
        Id of the context's root context, which is the context of its plugin. None outside VMs.
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
    root: int | None = None

    def __str__(self) -> str:
        """Format the event as one line: thread, VM, name, arguments, status and result."""
        args = ", ".join(f"{k}={_short(v)}" for k, v in self.args.items())
        tail = f" -> {self.status.name}" if self.status is not None else ""
        tail += f" {_short(self.result)}" if self.result is not None else ""
        return visible(f"{self.thread} VM{self.vm} {self.name}({args}){tail}")


def _short(value: Any) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


# -- decoding -------------------------------------------------------------------------------------------------------


def exchange_of(record: Any) -> int | None:
    """Return the number of the exchange during which a record was written, or None."""
    schema = record[SCHEMA]
    if isinstance(schema, Note):
        noted: int | None = record[NOTE_EXCHANGE]
        return noted
    is_hostcall = isinstance(schema, HostcallSchema)
    context: ContextRef = record[CALL_CONTEXT if is_hostcall else CONTEXT]
    if context.exchange is not None:
        return context.exchange
    if is_hostcall:
        return exchange_of(record[CALL_PARENT])
    waiting: int | None = record[EXCHANGE]
    return waiting


def decode(record: Any) -> Event:
    """Decode a record into an event."""
    schema = record[SCHEMA]
    if isinstance(schema, HostcallSchema):
        return _hostcall(record)
    if isinstance(schema, CallbackSchema):
        return _callback(record)
    return Event(
        record[SEQ], record[NOTE_TIME], record[NOTE_THREAD], record[NOTE_VM], None, record[NOTE_KIND], record[NOTE_NAME],
        record[NOTE_ARGS], exchange=record[NOTE_EXCHANGE],
    )  # fmt: skip


def decode_bare(record: Any) -> Event:
    """Decode a record without its arguments, whose decoding takes most of the time."""
    if isinstance(record[SCHEMA], CallbackSchema):
        return decode([*record[:ARGS], (), *record[ARGS + 1 :]])
    return decode(record[:CALL_ARGS] if isinstance(record[SCHEMA], HostcallSchema) else record)


def _callback(record: Any) -> Event:
    schema, context, host_ns = record[SCHEMA], record[CONTEXT], record[HOST_NS]
    named = {p.name: _value(p, a) for p, a in zip(schema.params, record[ARGS], strict=False)}
    result = None if schema.result is Result.NONE else record[RESULT]
    return Event(
        record[SEQ], record[TIME], record[THREAD], context.vm, context.id, "callback", schema.short, named, result,
        guest_ns=max(0, record[ENDED] - record[BEGAN] - host_ns), host_ns=host_ns, exchange=exchange_of(record),
        fuel=record[FUEL] if len(record) > FUEL else None, root=context.root,
    )  # fmt: skip


def _hostcall(record: Any) -> Event:
    schema, parent, context, status = record[SCHEMA], record[CALL_PARENT], record[CALL_CONTEXT], record[CALL_STATUS]
    outputs = CALL_ARGS + len(schema.inputs)
    named = {p.name: _value(p, a) for p, a in zip(schema.inputs, record[CALL_ARGS:], strict=False)}
    values = [_value(p, v) for p, v in zip(schema.outputs, record[outputs:], strict=False)] if not status else []
    result: Any = None
    if len(values) == 1:
        result = values[0]
    elif values:
        result = {p.name: v for p, v in zip(schema.outputs, values, strict=False)}
    return Event(
        record[SEQ], parent[TIME], parent[THREAD], context.vm, context.id, schema.kind, schema.short, named, result,
        status=_status(schema, status), host_ns=record[CALL_ENDED] - record[CALL_BEGAN], exchange=exchange_of(record),
        parent=parent[SEQ], root=context.root,
    )  # fmt: skip


def _status(schema: HostcallSchema, status: int) -> Any:
    if schema.kind != "hostcall":
        return None
    return _STATUSES.get(status, status)


def _value(param: Param, raw: Any) -> Any:
    """Decode an argument. If a pointer and a size lie outside the memory, they remain a pair of numbers."""
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
