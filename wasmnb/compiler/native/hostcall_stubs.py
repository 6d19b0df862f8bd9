"""Hostcalls for a filter that is no Wasm: the host's own functions, given their arguments through an arena.

The shape is the one that the SDK has inside Wasm (`wasmnb.compiler.glue.cpython`): inputs are integers and `bytes` or plain
`str`; what comes back is the status, or a tuple of the status and the outputs.

Facts: when a host function raises, Wasm is gone at once, and no handler of the guest runs. Here the filter's `except`
clauses are on the way. So the exception is put aside, and `Stop` goes up instead, which no `except Exception` takes; and
whatever hostcall is tried on the way up raises it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from typing import TYPE_CHECKING, Any

from ...abi import Hostcall, Kind, hostcalls_for
from ...engine import ImportType, Resolve
from ...sdk.messages.pairs import breaks
from ..glue import VERSION
from .arena import SLOT_SIZE, SLOTS, Arena

__all__ = ["WASI", "Binding", "Stop", "imports"]

#: What the Python outside Wasm asks WASI for.
WASI = {
    "clock_time_get": (("i32", "i64", "i32"), ("i32",)),
    "random_get": (("i32", "i32"), ("i32",)),
    "environ_sizes_get": (("i32", "i32"), ("i32",)),
    "environ_get": (("i32", "i32"), ("i32",)),
}

HostFunction = Callable[..., Any]


class Stop(BaseException):
    """The host has stopped the VM; `Binding.stopped_by` says why."""


def imports() -> tuple[ImportType, ...]:
    """Everything that a native filter may call."""
    hostcalls = hostcalls_for(VERSION).values()
    wasi = (ImportType("wasi_snapshot_preview1", name, "func", *kinds) for name, kinds in WASI.items())
    return (*(ImportType("env", h.name, "func", h.core_params, h.core_results) for h in hostcalls), *wasi)


class Binding:
    """One callable a hostcall, named without prefix; and `header_text` and `header_set`, as the glue has them.

    Parameters
    ----------
    own
        What the glue offers beside hostcalls.

    Attributes
    ----------
    wasi
        The WASI functions by name; they take addresses.
    running
        Whether a callback of this VM is on the stack.
    gone
        The VM has been dropped. What Python still finalises then is answered OK, and nothing happens.
    stopped_by
        What a host function raised, or None.
    """

    if TYPE_CHECKING:  # the hostcalls are set one by one

        def __getattr__(self, hostcall: str) -> HostFunction: ...

    def __init__(self, resolve: Resolve, arena: Arena, own: Mapping[str, HostFunction]) -> None:
        self.running = self.gone = False
        self.stopped_by: BaseException | None = None
        found = {wanted.name: self._guarded(wanted, resolve) for wanted in imports()}
        self.wasi = {name: found[name] for name in WASI}
        for hostcall in hostcalls_for(VERSION).values():
            setattr(self, hostcall.short, self._callable(hostcall, found[hostcall.name], arena))
        vars(self).update(header_text=self._header_text, header_set=self._header_set, **own)

    def _guarded(self, wanted: ImportType, resolve: Resolve) -> HostFunction:
        function = resolve(wanted)
        assert function is not None, wanted.name

        def call(*args: int) -> int | None:
            if self.stopped_by is not None:
                raise Stop
            if not self.running:  # a finaliser, or a method that was kept and called from elsewhere
                raise RuntimeError(f"{wanted.name} can be called only while the proxy runs a callback of this VM")
            try:
                return function(*args)
            except BaseException as error:  # noqa: BLE001 -- also KeyboardInterrupt: the outermost call raises it
                self.stopped_by = error
                raise Stop from None

        return call

    def _callable(self, hostcall: Hostcall, function: HostFunction, arena: Arena) -> HostFunction:
        """What the SDK calls: stores the inputs, calls the host, reads the outputs."""
        masks = [_mask(p.kind) for p in hostcall.inputs]
        outputs = [(p.kind, SLOTS + SLOT_SIZE * i) for i, p in enumerate(hostcall.outputs)]
        addresses = [at + 4 * i for kind, at in outputs for i in range(len(kind.core))]
        cleared = bytes(SLOT_SIZE * len(outputs))

        def call(*given: Any) -> Any:
            if len(given) != len(masks):
                raise TypeError(f"{hostcall.short} takes {len(masks)} arguments, not {len(given)}")
            if self.gone:
                return (0, *(b"" if kind is Kind.OUT_BYTES else 0 for kind, _ in outputs)) if outputs else 0
            arena.reset()
            core: list[int] = []
            for value, mask in zip(given, masks, strict=True):
                if mask:
                    core.append(index(value) & mask)
                else:
                    data = _data(value)
                    core += (arena.store(data), len(data))
            if not outputs:
                return function(*core)
            arena.write(SLOTS, cleared)
            status = function(*core, *addresses)
            return (status, *(_read(arena, kind, at) for kind, at in outputs))

        return call

    def _header_text(self, map_type: int, name: Any) -> str | int:
        """The first value of a header as text, or the status if that is not OK."""
        status, value = self.get_header_map_value(map_type, name)
        return int(status) or str(value, "utf-8", "surrogateescape")

    def _header_set(self, map_type: int, name: Any, value: Any) -> int:
        """Leave one entry of a name; the status, or -1 for what is no text and -2 for a line break."""
        if not isinstance(name, str | bytes) or not isinstance(value, str | bytes):
            return -1
        pair = _data(name), _data(value)
        if breaks(*pair):
            return -2
        return int(self.replace_header_map_value(map_type, *pair))


def _mask(kind: Kind) -> int:
    """Bits that a number keeps; 0 for what is passed as address and size."""
    return 0 if len(kind.core) == 2 else 0xFFFFFFFF if kind.core == ("i32",) else 0xFFFFFFFFFFFFFFFF


def _data(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, {type(value).__name__} found")
    return value


def _read(arena: Arena, kind: Kind, at: int) -> Any:
    if kind is Kind.OUT_U32:
        return arena.u32(at)
    if kind is Kind.OUT_U64:
        return int.from_bytes(arena.read(at, 8), "little")
    start, size = arena.u32(at), arena.u32(at + 4)
    return arena.read(start, size) if size else b""
