"""Hostcalls of a native filter. They call the host's functions, and pass arguments through an arena.

The SDK uses them in the same way as inside Wasm (`wasmnb.compiler.glue.cpython`). Inputs are integers, `bytes` or `str`, and
the result is the status, or a tuple of the status and the outputs.

When a host function raises an exception, a Wasm guest is stopped immediately, and none of its exception handlers run. In native
mode, the filter's `except` clauses would run. So the exception is stored, and `Stop` is raised instead, which `except
Exception` doesn't catch. Every further hostcall in the same callback raises `Stop` again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from operator import index
from typing import TYPE_CHECKING, Any

from ...abi import Hostcall, Kind, hostcalls_for
from ...engine import ImportType, Resolve
from ...sdk.messages.pairs import has_line_break
from ..glue import VERSION
from .arena import SLOT_SIZE, SLOTS, Arena

__all__ = ["WASI", "Binding", "Stop", "imports"]

#: WASI functions that a native VM calls, with their core signatures.
WASI = {
    "clock_time_get": (("i32", "i64", "i32"), ("i32",)),
    "random_get": (("i32", "i32"), ("i32",)),
    "environ_sizes_get": (("i32", "i32"), ("i32",)),
    "environ_get": (("i32", "i32"), ("i32",)),
}

HostFunction = Callable[..., Any]


class Stop(BaseException):
    """Raised in a filter after the host has stopped its VM. The reason is in `Binding.stopped_by`."""


def imports() -> tuple[ImportType, ...]:
    """Return all host functions that a native filter can call."""
    hostcalls = hostcalls_for(VERSION).values()
    wasi = (ImportType("wasi_snapshot_preview1", name, "func", *kinds) for name, kinds in WASI.items())
    return (*(ImportType("env", h.name, "func", h.core_params, h.core_results) for h in hostcalls), *wasi)


class Binding:
    """The hostcalls as methods, named without the prefix `proxy_`, and the glue's functions `header_text` and `header_set`.

    Parameters
    ----------
    resolve
        Function that returns the host's function for an import.
    arena
        Memory for arguments and results of hostcalls.
    own
        Additional functions that the glue provides in Wasm.

    Attributes
    ----------
    wasi
        WASI functions by name. Their arguments are addresses in the arena.
    running
        Whether a callback of this VM is running.
    closed
        Whether the VM is closed. Hostcalls of finalisers then have no effect and return OK.
    stopped_by
        Exception raised by a host function, or None.
    """

    if TYPE_CHECKING:  # the hostcalls are set one by one

        def __getattr__(self, hostcall: str) -> HostFunction: ...

    def __init__(self, resolve: Resolve, arena: Arena, own: Mapping[str, HostFunction]) -> None:
        self.running = self.closed = False
        self.stopped_by: BaseException | None = None
        functions = {i.name: self._guarded(i, resolve) for i in imports()}
        self.wasi = {name: functions[name] for name in WASI}
        for hostcall in hostcalls_for(VERSION).values():
            setattr(self, hostcall.short, self._callable(hostcall, functions[hostcall.name], arena))
        vars(self).update(header_text=self._header_text, header_set=self._header_set, **own)

    def _guarded(self, import_: ImportType, resolve: Resolve) -> HostFunction:
        function = resolve(import_)
        assert function is not None, import_.name

        def call(*args: int) -> int | None:
            if self.stopped_by is not None:
                raise Stop
            if not self.running:  # a finaliser, or a bound method called from outside
                raise RuntimeError(
                    f"{import_.name} was called outside of a callback of this VM. Call it from a callback of the filter."
                )
            try:
                return function(*args)
            except BaseException as error:  # noqa: BLE001 -- also KeyboardInterrupt, which the outermost call raises again
                self.stopped_by = error
                raise Stop from None

        return call

    def _callable(self, hostcall: Hostcall, function: HostFunction, arena: Arena) -> HostFunction:
        """Return the function that the SDK calls for a hostcall. It stores the inputs, calls the host, and
        reads the outputs.
        """
        masks = [_mask(p.kind) for p in hostcall.inputs]
        outputs = [(p.kind, SLOTS + SLOT_SIZE * i) for i, p in enumerate(hostcall.outputs)]
        addresses = [at + 4 * i for kind, at in outputs for i in range(len(kind.core))]
        cleared = bytes(SLOT_SIZE * len(outputs))

        def call(*values: Any) -> Any:
            if len(values) != len(masks):
                raise TypeError(f"{hostcall.short} takes {len(masks)} arguments, not {len(values)}")
            if self.closed:
                return (0, *(b"" if kind is Kind.OUT_BYTES else 0 for kind, _ in outputs)) if outputs else 0
            arena.reset()
            core: list[int] = []
            for value, mask in zip(values, masks, strict=True):
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
        """Return the first value of a header as text, or the status if it isn't OK."""
        status, value = self.get_header_map_value(map_type, name)
        return int(status) or str(value, "utf-8", "surrogateescape")

    def _header_set(self, map_type: int, name: Any, value: Any) -> int:
        """Replace a header and return the status, -1 if an argument isn't text, or -2 if an argument contains a line break."""
        if not isinstance(name, str | bytes) or not isinstance(value, str | bytes):
            return -1
        pair = _data(name), _data(value)
        if has_line_break(*pair):
            return -2
        return int(self.replace_header_map_value(map_type, *pair))


def _mask(kind: Kind) -> int:
    """Return the bit mask of an integer parameter, or 0 for a parameter that is passed as address and size."""
    return 0 if len(kind.core) == 2 else 0xFFFFFFFF if kind.core == ("i32",) else 0xFFFFFFFFFFFFFFFF


def _data(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        raise TypeError(f"expected bytes, got {type(value).__name__}")
    return value


def _read(arena: Arena, kind: Kind, at: int) -> Any:
    if kind is Kind.OUT_U32:
        return arena.u32(at)
    if kind is Kind.OUT_U64:
        return int.from_bytes(arena.read(at, 8), "little")
    start, size = arena.u32(at), arena.u32(at + 4)
    return arena.read(start, size) if size else b""
