"""Records of the trace: plain lists and tuples, because the host creates a record at every callback and hostcall.

The constants below are the indices of the fields in a record. `events.decode` converts a record to an `Event`.

========  ======  ==========================================================================================
record    type    fields
========  ======  ==========================================================================================
callback  list    `SEQ`, `SCHEMA` (`CallbackSchema`), `CONTEXT` to `EXCHANGE`, and `FUEL` if fuel is counted
hostcall  tuple   `SEQ`, `SCHEMA` (`HostcallSchema`), `CALL_PARENT` to `CALL_ENDED`, then inputs and outputs
note      tuple   `SEQ`, `SCHEMA` (`Note`), `NOTE_KIND` to `NOTE_VM`
========  ======  ==========================================================================================

`SEQ` counts all records of a proxy from 0. The record of a callback is created when the callback starts, and hostcalls add
their time to it. Records contain a small `ContextRef` instead of the context, so that they don't keep large objects in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...abi.table import Callback, Param, Result

__all__ = ["KEEP", "LONG", "NOTE", "CallbackSchema", "ContextRef", "Cut", "HostcallSchema", "Note"]

#: Fields of all records: number, and the schema of the other fields.
SEQ, SCHEMA = 0, 1

#: Fields of a callback: its `ContextRef`, arguments, virtual seconds at the start, start and end (ns), time inside hostcalls
#: (ns), result, thread name, number of the exchange that waits for the callback (or None), instructions.
CONTEXT, ARGS, TIME, BEGAN, ENDED, HOST_NS, RESULT, THREAD, EXCHANGE, FUEL = range(2, 12)

#: Fields of a hostcall: record of the callback in which it runs, its `ContextRef`, status, start and end (ns), first input.
CALL_PARENT, CALL_CONTEXT, CALL_STATUS, CALL_BEGAN, CALL_ENDED, CALL_ARGS = range(2, 8)

#: Fields of a note: kind and name of the event, arguments, virtual seconds, thread name, exchange or None, VM or None.
NOTE_KIND, NOTE_NAME, NOTE_ARGS, NOTE_TIME, NOTE_THREAD, NOTE_EXCHANGE, NOTE_VM = range(2, 9)

#: Maximum number of bytes of one argument in a record. Longer arguments are cut, and `Cut.full_size` is the size before.
KEEP = 1 << 12

#: Minimum size in bytes of a long argument. The trace limits the total size of long arguments.
LONG = 256


class Cut(bytes):
    """The first bytes of a longer argument.

    Attributes
    ----------
    full_size
        Size of the whole argument in bytes.
    """

    full_size: int

    @classmethod
    def of(cls, data: bytes, full_size: int | None = None) -> Cut:
        """Return the first `KEEP` bytes of `data`. Pass `full_size` if `data` is already cut."""
        cut = cls(data[:KEEP])
        cut.full_size = len(data) if full_size is None else full_size
        return cut


class CallbackSchema:
    """Schema of callback records: name, parameters and result of a callback or entry point.

    Parameters
    ----------
    callback
        Row of the callback in the ABI's table, or name of an entry point.
    """

    __slots__ = ("params", "result", "short")

    def __init__(self, callback: Callback | str) -> None:
        self.short: str
        self.params: tuple[Param, ...]
        if isinstance(callback, Callback):
            self.short, self.params, self.result = callback.short, callback.params, callback.result
        else:
            self.short, self.params, self.result = callback, (), Result.NONE


class HostcallSchema:
    """Schema of hostcall records: name, inputs and outputs of a hostcall.

    Parameters
    ----------
    short
        Name of the hostcall without `proxy_`.
    inputs, outputs
        Parameters, in the order of their values in a record.
    kind
        `hostcall` (the default) or `wasi`.
    """

    __slots__ = ("inputs", "kind", "outputs", "short")

    def __init__(self, short: str, inputs: Sequence[Param], outputs: Sequence[Param], kind: str = "hostcall") -> None:
        self.short = short
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.kind = kind


class ContextRef:
    """Numbers that identify the context of a callback or hostcall.

    Attributes
    ----------
    id, vm, root
        Id of the context, number of its VM, and id of its root context, which is the context of its plugin.
    exchange
        Number of the exchange of a stream context, or None for root contexts.
    """

    __slots__ = ("exchange", "id", "root", "vm")

    def __init__(self, number: int, vm: int, root: int) -> None:
        self.id = number
        self.vm = vm
        self.root = root
        self.exchange: int | None = None


class Note:
    """Schema of all other records: changes of streams and VMs, and Envoy's own log lines."""


NOTE = Note()
