"""Records of the trace: plain lists and tuples, because the host creates one at every callback and hostcall.

The constants below are the indices of their fields. `events.decode` turns a record into an `Event`.

========  ======  ==========================================================================================
record    type    fields
========  ======  ==========================================================================================
callback  list    `SEQ`, `SCHEMA` (`CallbackSchema`), `CONTEXT` to `EXCHANGE`, and `FUEL` if fuel is counted
hostcall  tuple   `SEQ`, `SCHEMA` (`HostcallSchema`), `CALL_PARENT` to `CALL_ENDED`, then inputs and outputs
note      tuple   `SEQ`, `SCHEMA` (`Note`), `NOTE_KIND` to `NOTE_VM`
========  ======  ==========================================================================================

`SEQ` counts all records of a proxy from 0. The record of a callback stays open while the callback runs, so that hostcalls can
add their time to it. Records have a small `ContextRef` instead of the context, so that they keep nothing large in memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...abi.table import Callback, Param, Result

__all__ = ["KEEP", "LONG", "NOTE", "CallbackSchema", "ContextRef", "Cut", "HostcallSchema", "Note"]

#: All records: number, and the schema of the other fields.
SEQ, SCHEMA = 0, 1

#: Callback: its `ContextRef`, arguments, virtual seconds at the start, start and end (ns), time inside hostcalls (ns),
#: result, thread name, number of the exchange that waits for it (or None), instructions.
CONTEXT, ARGS, TIME, BEGAN, ENDED, HOST_NS, RESULT, THREAD, EXCHANGE, FUEL = range(2, 12)

#: Hostcall: record of the callback in which it runs, its `ContextRef`, status, start and end (ns), first input.
CALL_PARENT, CALL_CONTEXT, CALL_STATUS, CALL_BEGAN, CALL_ENDED, CALL_ARGS = range(2, 8)

#: Note: kind and name of the event, arguments, virtual seconds, thread name, exchange or None, VM or None.
NOTE_KIND, NOTE_NAME, NOTE_ARGS, NOTE_TIME, NOTE_THREAD, NOTE_EXCHANGE, NOTE_VM = range(2, 9)

#: Most bytes of one argument that a record keeps. Longer arguments are cut; `Cut.full_size` is their size.
KEEP = 1 << 12

#: Size from which an argument counts as long, in bytes. The trace limits the total size of long arguments.
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
        """Return the first `KEEP` bytes of `data`. Give `full_size` if `data` is itself only the beginning."""
        cut = cls(data[:KEEP])
        cut.full_size = len(data) if full_size is None else full_size
        return cut


class CallbackSchema:
    """Schema of callback records: name, parameters and result of the callback or entry point.

    Parameters
    ----------
    callback
        The callback's row in the ABI's table, or the name of an entry point.
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
    """Schema of hostcall records: name, inputs and outputs of the hostcall.

    Parameters
    ----------
    short
        Name of the hostcall without `proxy_`.
    inputs, outputs
        Parameters, in the order in which a record keeps their values.
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
    """The numbers that identify the context of a callback or hostcall.

    Attributes
    ----------
    id, vm, root
        Id of the context, number of its VM, and id of its root context (that of the plugin).
    exchange
        Number of the exchange to which a stream context belongs; None for root contexts.
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
