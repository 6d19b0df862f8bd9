"""The engine, which compiles modules and increments the epoch, so that guests that run for too long are stopped.

Every store in which a guest runs has an epoch callback. While instances exist, a daemon thread increments the engine's epoch
every `TICK` seconds. A running guest then calls back into its instance's `Entries`, in the guest's own thread. `Entries` checks
the deadline of the call, and handles interrupts that arrived while the guest was running (`calls/interrupts.py`).
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import addressof, c_void_p
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

from wasmtime import _ffi

from ..errors import ModuleError
from .c_functions import C
from .c_objects import CObject
from .calls.entries import ENTRY_CODES
from .calls.interrupts import Interrupts
from .calls.signals import trap_signals
from .compile_process import can_take_long, compile_apart
from .declarations import Declarations, ExportType, ImportType, declaring_sections
from .traps import check_call

__all__ = ["Engine", "MachineCode", "assemble", "default_engine"]

#: Seconds between two epochs, which is the precision of deadlines and of the interrupt button.
TICK = 0.05

_INVALID = "Not a valid core WebAssembly module"
_FOREIGN = "The compiled code can't be loaded by this engine"

#: Maximum size in bytes of a guest's native stack. CPython inside a module reaches its own recursion limit well before this.
MAX_STACK = 1 << 20


#: Beginning of a file of machine code. The length of the declaring sections, the sections, and wasmtime's code follow.
_MAGIC = b"wasmnb code 1\n"


class MachineCode:
    """A compiled module. It can be used with one engine, and be instantiated any number of times.

    Parameters
    ----------
    engine
        The engine that has compiled the module.
    module
        The module object of wasmtime.
    declaring
        The module's bytes with only the sections for declarations, as returned by `declaring_sections`.
    """

    def __init__(self, engine: Engine, module: CObject, declaring: bytes) -> None:
        self.engine = engine
        self.module = module
        self._declaring = declaring

    def serialize(self) -> bytes:
        """Return the machine code and the declarations as bytes, which `Engine.load` can load within milliseconds."""
        c = self.engine.c
        code = _bytes_of(c, "The compiled module can't be serialised", partial(c.module_serialize, self.module.address))
        return b"".join((_MAGIC, len(self._declaring).to_bytes(8, "little"), self._declaring, code))

    @cached_property
    def declared(self) -> Declarations:
        """Declarations of the module. Reading this property raises `ModuleError` if they can't be read."""
        return Declarations.read(self._declaring)

    @cached_property
    def imports(self) -> tuple[ImportType, ...]:
        """The imports of the module, in order."""
        return tuple(self.declared.imports)

    @cached_property
    def c_imports(self) -> list[int]:
        """Addresses of wasmtime's type objects for the imports, shared by all instances of the module.

        Read this property only if a host can provide every import, because wasmtime aborts the process for types that its C API
        can't express.
        """
        c, vector = self.engine.c, _ffi.wasm_importtype_vec_t()
        self._owner = CObject.written(c.wasm_importtype_vec_delete, ctypes.pointer(vector))  # keeps the types alive
        c.module_imports(self.module.address, addressof(vector))
        addresses = (ctypes.c_size_t * vector.size).from_address(_address(vector.data)) if vector.size else ()
        return [c.wasm_importtype_type(address) for address in addresses]

    @cached_property
    def functions(self) -> dict[str, ExportType]:
        """Exported functions by name."""
        return {e.name: e for e in self.exports if e.kind == "func"}

    @cached_property
    def exports(self) -> tuple[ExportType, ...]:
        """The exports of the module, in order."""
        return tuple(self.declared.exports)


class Engine:
    """Compiler of modules, which also enforces the deadlines of their instances.

    Parameters
    ----------
    fuel
        Whether to count executed instructions (default False), so that `Instance.fuel_used` is a repeatable measure of cost.
        Code compiled with this option is slower.

    Attributes
    ----------
    interrupts
        Context manager. Inside `with engine.interrupts:`, the kernel's interrupt button stops a guest in an endless loop.
    """

    def __init__(self, *, fuel: bool = False) -> None:
        self.c = c = C()
        self.fuel = fuel
        config = CObject.returned(c.wasm_config_delete, c.wasm_config_new)
        c.config_epoch_interruption_set(config.address, True)
        c.config_consume_fuel_set(config.address, fuel)
        c.config_max_wasm_stack_set(config.address, MAX_STACK)
        c.config_memory_may_move_set(config.address, False)
        # wasmtime's engine takes ownership of the configuration. It is removed here first, so that it isn't freed twice.
        self.handle = CObject.returned(c.wasm_engine_delete, c.wasm_engine_new_with_config, config.held.pop())
        self.signals = trap_signals()
        self._watched: set[weakref.ref[Any]] = set()  # dead references are removed without running Python
        self.interrupts = Interrupts(self.signals.keep, ENTRY_CODES)
        self._lock = threading.Lock()
        self._ticker: threading.Thread | None = None
        os.register_at_fork(after_in_child=partial(_continue_in_child, weakref.ref(self)))

    def compile(self, wasm: bytes, waiting: Callable[[float], None] | None = None) -> MachineCode:
        """Compile a core module, and return its machine code. A separate process, which can be interrupted, compiles large
        modules.

        Parameters
        ----------
        wasm
            The module.
        waiting
            Function called every tenth of a second while the separate process runs, with the seconds that have passed (default
            None).

        Raises
        ------
        ModuleError
            The bytes aren't a valid core WebAssembly module, or compiling it takes too much time or memory.
        """
        if can_take_long(wasm):
            self.validate(wasm)  # fast, so that no process is started for a damaged module
            code = compile_apart(wasm, fuel=self.fuel, waiting=waiting)
            if code is not None:
                return self.load(code)
        return self.compile_here(wasm)

    def compile_here(self, wasm: bytes) -> MachineCode:
        """Compile the core module `wasm` in this process, which can't be interrupted, and return its machine code. Raises
        `ModuleError` if the module is invalid.
        """
        wasm = bytes(wasm)  # C doesn't accept a bytearray
        if not wasm:
            raise ModuleError("The file is empty. A WebAssembly module starts with the bytes 00 61 73 6d 01 00 00 00.")
        module = self._module(partial(self.c.module_new, self.handle.address, wasm, len(wasm)), _INVALID)
        return MachineCode(self, module, declaring_sections(wasm))

    def validate(self, wasm: bytes) -> None:
        """Check that the core module `wasm` is valid, by the rules of `compile` but without compiling it. Raises `ModuleError`
        if it isn't.
        """
        wasm = bytes(wasm)
        check_call(self.c, _INVALID, self.c.module_validate, self.handle.address, wasm, len(wasm))

    def load(self, source: str | Path | bytes) -> MachineCode:
        """Load the result of `MachineCode.serialize` from a file, or from bytes that the caller has verified.

        The result is machine code that will be run, so load only files written by wasmnb for the same user. wasmtime maps a
        private copy of the file, because the process would be killed if someone shortened a mapped file.

        Parameters
        ----------
        source
            Path of the file, or the bytes.

        Returns
        -------
        MachineCode
            The code, which can be instantiated.

        Raises
        ------
        ModuleError
            The code was compiled by another version of wasmtime or with other settings.
        """
        data = source if isinstance(source, bytes) else Path(source).read_bytes()
        start = len(_MAGIC) + 8
        size = int.from_bytes(data[len(_MAGIC) : start], "little")
        if not data.startswith(_MAGIC) or len(data) < start + size:
            raise ModuleError(f"{_FOREIGN}: its header is unknown or incomplete. Compile the module again.")
        with _private_file(memoryview(data)[start + size :]) as path:
            create = partial(self.c.module_deserialize_file, self.handle.address, os.fsencode(path))
            module = self._module(create, _FOREIGN)
        return MachineCode(self, module, data[start : start + size])

    def _module(self, create: Callable[[int], int], complaint: str) -> CObject:
        """Return the module that `create` writes to the address passed to it. `create` must not run Python code."""
        place = c_void_p()
        module = CObject.written(self.c.module_delete, place)
        check_call(self.c, complaint, create, addressof(place))
        return module

    def watch(self, instance: object) -> None:
        """Increment the epoch regularly while the object `instance` exists."""
        with self._lock:
            self._watched.add(weakref.ref(instance, self._watched.discard))
            if self._ticker is None or not self._ticker.is_alive():
                self._start_ticker()

    def _start_ticker(self) -> None:
        self._ticker = threading.Thread(target=self._tick, name="wasmnb-epoch", daemon=True)
        self._ticker.start()

    def continue_in_child(self) -> None:
        """Start the epoch thread in a forked child process, which contains only the thread that called fork."""
        self._lock = threading.Lock()  # because another thread may have held the old lock
        if self._watched:
            self._start_ticker()

    def observe(self) -> None:
        """Let each instance record when its running call was first seen. The epoch thread calls this method in every epoch."""
        now = time.monotonic()
        for instance in self._instances():
            instance.observe(now)

    def _instances(self) -> list[Any]:
        # Copying is atomic. Iterating over the set could trigger the garbage collector, which removes references from it.
        return [instance for instance in (ref() for ref in self._watched.copy()) if instance is not None]

    def _tick(self) -> None:
        pointer = self.handle.address
        while True:
            time.sleep(TICK)
            self.c.engine_increment_epoch(pointer)
            self.observe()  # a separate function, because a variable here would keep the last instance alive
            with self._lock:
                if not self._watched:
                    self._ticker = None
                    return


def _continue_in_child(reference: weakref.ref[Engine]) -> None:
    engine = reference()
    if engine is not None:
        engine.continue_in_child()


def assemble(text: str) -> bytes:
    """Return the module for `text`, which is in WebAssembly's text format. Raises `ModuleError` if the text is invalid."""
    c, source = C(), text.encode()
    return _bytes_of(c, "The WebAssembly text is invalid", partial(c.wat2wasm, source, len(source)))


@cache
def default_engine(*, fuel: bool = False) -> Engine:
    """Return the engine that is shared by all code in this process.

    Compiled code can't be moved between engines, and a shared engine compiles each module only once.
    """
    return Engine(fuel=fuel)


@contextmanager
def _private_file(data: memoryview) -> Iterator[str]:
    """Create a file that no other process can open. A mapping of it remains valid after the file is closed."""
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


def _bytes_of(c: C, complaint: str, write: Callable[[int], int]) -> bytes:
    """Return the bytes that `write` writes to a C vector. `write` must not run Python code.

    `complaint` is the start of the error message.
    """
    vector = _ffi.wasm_byte_vec_t()
    owner = CObject.written(c.wasm_byte_vec_delete, ctypes.pointer(vector))
    check_call(c, complaint, write, addressof(vector))
    data = ctypes.string_at(vector.data, vector.size) if vector.size else b""
    owner.close()
    return data


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, c_void_p).value or 0
