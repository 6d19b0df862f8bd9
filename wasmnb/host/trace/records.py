"""Records: what the host writes down at every crossing, on the hot path and therefore as plain lists and tuples.

    entry      [seq, CallbackSchema, place, args, time, began, ended, host_ns, result, thread, exchange]   a callback; if fuel is
                                                                                            counted, it is appended
    hostcall   (seq, HostcallSchema, frame, place, status, began, ended, *args, *outputs)            `frame` is the entry it runs in
    note       (seq, Note, kind, name, args, time, thread, exchange, vm)                       everything else

`place` says which context of which VM; it is small, so that a record keeps nothing large alive. `seq` counts all records
ever made. Whoever reads them has them decoded, as `Event`s.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...abi.table import Callback, Param, Result

__all__ = ["KEEP", "NOTE", "CallbackSchema", "ContextRef", "Cut", "HostcallSchema", "Note"]

#: Bytes of one argument that a record keeps; longer ones are cut, and `Cut` says how long they were.
KEEP = 1 << 12


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


class CallbackSchema:
    """What an entry record is about: a callback with its parameters, or an entry point."""

    __slots__ = ("params", "result", "short")

    def __init__(self, callback: Callback | str) -> None:
        self.short: str
        self.params: tuple[Param, ...]
        if isinstance(callback, Callback):
            self.short, self.params, self.result = callback.short, callback.params, callback.result
        else:
            self.short, self.params, self.result = callback, (), Result.NONE


class HostcallSchema:
    """What a hostcall record is about: its name and the names and kinds of its inputs and outputs."""

    __slots__ = ("inputs", "kind", "outputs", "short")

    def __init__(self, short: str, inputs: Sequence[Param], outputs: Sequence[Param], kind: str = "hostcall") -> None:
        self.short = short
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.kind = kind


class ContextRef:
    """Which context an entry or hostcall was about.

    Attributes
    ----------
    id, vm, root
        The context's id, the number of its VM, and the id of its root context, which is the plugin's.
    exchange
        The exchange that it belongs to, for streams.
    """

    __slots__ = ("exchange", "id", "root", "vm")

    def __init__(self, number: int, vm: int, root: int) -> None:
        self.id = number
        self.vm = vm
        self.root = root
        self.exchange: int | None = None


class Note:
    """Marks a record of something that is no crossing: a stream's or VM's change of state, a line of Envoy's log."""


NOTE = Note()
