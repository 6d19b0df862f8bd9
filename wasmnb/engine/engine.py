"""The engine: compiles modules and keeps the clock that stops guests which never return.

Every store that a guest runs in has an epoch callback. A daemon thread raises the engine's epoch every `TICK` seconds
while instances exist; a guest that is running then calls back into `Instance`, in the guest's own thread. That gives two
things: a deadline per entry, and a place where an interrupt that arrived in a guest (`interrupts.py`) is acted on.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import wasmtime

from ..errors import ModuleError
from .c_api import C
from .interrupts import Interrupts
from .signals import trap_signals

__all__ = ["Code", "Engine", "ExportType", "ImportType", "assemble", "default_engine"]

#: Seconds between two epochs: the precision of deadlines and of the interrupt button.
TICK = 0.05

#: Bytes of native stack that a guest may use. CPython inside a module checks its own depth well before this.
MAX_STACK = 1 << 20


@dataclass(frozen=True)
class ImportType:
    """What a module wants: `kind` is func, memory, table or global; `params` and `results` are set for functions."""

    module: str
    name: str
    kind: str
    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportType:
    """What a module offers; as `ImportType`."""

    name: str
    kind: str
    params: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


def _kind(item: Any) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    match item:
        case wasmtime.FuncType():
            return "func", tuple(str(t) for t in item.params), tuple(str(t) for t in item.results)
        case wasmtime.MemoryType():
            return "memory", (), ()
        case wasmtime.TableType():
            return "table", (), ()
        case wasmtime.GlobalType():
            return "global", (), ()
        case _:
            return type(item).__name__.removesuffix("Type").lower(), (), ()


class Code:
    """A compiled module. It belongs to one engine; any number of instances can be made of it."""

    def __init__(self, engine: Engine, module: wasmtime.Module) -> None:
        self.engine = engine
        self.module = module

    def serialize(self) -> bytes:
        """Machine code and all; `Engine.load` reads it back from a file in milliseconds."""
        return bytes(self.module.serialize())

    @cached_property
    def imports(self) -> tuple[ImportType, ...]:
        """What the module wants, in order."""
        return tuple(ImportType(i.module, i.name or "", *_kind(i.type)) for i in self.module.imports)

    @cached_property
    def linkage(self) -> list[tuple[Any, ImportType]]:
        """Every import with wasmtime's own type for it; looked up once, since there is one instance a worker."""
        self._owners = self.module.imports  # the types live as long as these
        return [(item.type, wanted) for item, wanted in zip(self._owners, self.imports, strict=True)]

    @cached_property
    def functions(self) -> dict[str, ExportType]:
        """Exported functions by name."""
        return {e.name: e for e in self.exports if e.kind == "func"}

    @cached_property
    def exports(self) -> tuple[ExportType, ...]:
        """What the module offers, in order."""
        return tuple(ExportType(e.name, *_kind(e.type)) for e in self.module.exports)


class Engine:
    """Compiles modules and watches over the instances made of them.

    Parameters
    ----------
    fuel
        Count executed instructions: `Instance.fuel_used` then tells a repeatable cost. Such code is slower, and
        compiled apart from code without it.

    Attributes
    ----------
    interrupts
        A context manager: inside `with engine.interrupts:` the kernel's interrupt button stops a guest that spins.
    """

    def __init__(self, *, fuel: bool = False) -> None:
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.consume_fuel = fuel
        config.max_wasm_stack = MAX_STACK
        config.memory_may_move = False
        self.fuel = fuel
        self.wasmtime = wasmtime.Engine(config)
        self.signals = trap_signals()
        self.c = C()
        self._watched: weakref.WeakSet[Any] = weakref.WeakSet()
        self.interrupts = Interrupts(lambda: any(x.running for x in list(self._watched)), self.signals.keep)
        self._lock = threading.Lock()
        self._ticker: threading.Thread | None = None

    def compile(self, wasm: bytes) -> Code:
        """Compile a core module.

        Raises
        ------
        ModuleError
            The bytes are no valid core WebAssembly module.
        """
        if not wasm:
            raise ModuleError("The file is empty; a WebAssembly module starts with the bytes 00 61 73 6d 01 00 00 00.")
        try:
            return Code(self, wasmtime.Module(self.wasmtime, wasm))
        except wasmtime.WasmtimeError as error:
            raise ModuleError(f"Not a valid core WebAssembly module: {_one_line(error)}") from None

    def validate(self, wasm: bytes) -> None:
        """Check a core module as `compile` does, without the compiling; raises `ModuleError`."""
        try:
            wasmtime.Module.validate(self.wasmtime, wasm)
        except wasmtime.WasmtimeError as error:
            raise ModuleError(f"Not a valid core WebAssembly module: {_one_line(error)}") from None

    def load(self, source: str | Path | bytes) -> Code:
        """Take over what `Code.serialize` gave, from a file or from bytes that the caller has verified.

        It is machine code that will be run: load only what this user's wasmnb wrote. wasmtime maps it from a private
        copy, since a mapped file that someone shortens would kill the process.

        Raises
        ------
        ModuleError
            The code was made by another version of wasmtime or with other settings.
        """
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        try:
            with _private_file(data) as path:
                return Code(self, wasmtime.Module.deserialize_file(self.wasmtime, path))
        except wasmtime.WasmtimeError as error:
            raise ModuleError(f"Not code of this engine: {_one_line(error)}") from None

    def watch(self, instance: object) -> None:
        """Have the epoch raised for as long as this instance exists."""
        with self._lock:
            self._watched.add(instance)
            if self._ticker is None or not self._ticker.is_alive():
                self._ticker = threading.Thread(target=self._tick, name="wasmnb-epoch", daemon=True)
                self._ticker.start()

    def _tick(self) -> None:
        pointer = _address(self.wasmtime.ptr())
        while True:
            time.sleep(TICK)
            self.c.engine_increment_epoch(pointer)
            with self._lock:
                if not self._watched:
                    self._ticker = None
                    return


def assemble(text: str) -> bytes:
    """A module from WebAssembly's text format."""
    return bytes(wasmtime.wat2wasm(text))


@cache
def default_engine(*, fuel: bool = False) -> Engine:
    """The process's engine: compiled code is tied to an engine, so that one shared engine means one compilation."""
    return Engine(fuel=fuel)


@contextmanager
def _private_file(data: bytes) -> Iterator[str]:
    """A file that nobody else can reach; a mapping of it outlives it."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("wasmnb"), "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(suffix=".cwasm") as named:
            named.write(data)
            named.flush()
            yield named.name


def _one_line(error: Exception) -> str:
    parts = [line.strip() for line in str(error).splitlines() if line.strip() and line.strip() != "Caused by:"]
    return "; ".join(parts)


def _address(pointer: Any) -> int:
    import ctypes

    return ctypes.cast(pointer, ctypes.c_void_p).value or 0
