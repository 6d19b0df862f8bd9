"""One instance of a module in a store of its own: calls in, hostcalls out, deadline, memory cap."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import wasmtime
from wasmtime import _ffi

from ..errors import ModuleError
from .c_api import EPOCH_CALLBACK, HOST_CALLBACK
from .engine import Code, ImportType, _address, _one_line
from .memory import Memory
from .traps import Trap

__all__ = ["HostFunction", "Instance", "Resolve"]

#: Takes the arguments as unsigned integers, gives the result (None for no result). What it raises stops the guest.
HostFunction = Callable[..., "int | None"]

#: Gives the host function for an import, or None if there is none.
Resolve = Callable[[ImportType], "HostFunction | None"]

_FUEL = 1 << 62


class Instance:
    """A running module.

    Parameters
    ----------
    code
        The compiled module.
    resolve
        Gives the host function for each imported function. Imported memories and tables are made here, as Envoy does.
    memory_limit
        Bytes that the memory may have; growing beyond it fails inside the guest.
    deadline
        Seconds that one entry into the guest may take, its hostcalls included; precise to about 0.1 s.

    Raises
    ------
    ModuleError
        An import that `resolve` does not know, or a memory larger than the limit.
    Trap
        The module's start section trapped.
    """

    def __init__(self, code: Code, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> None:
        self.code = code
        self.engine = code.engine
        self.deadline = deadline
        self.memory_limit = memory_limit
        self._pending: BaseException | None = None  # what a host function raised, until the outermost call sees it
        self._depth = 0
        self._entry = 0  # number of the outermost entry that is running or was last
        self._seen = (0, 0.0)  # entry that an epoch found running, and when it first did
        self._keep: list[Any] = []  # ctypes callbacks live as long as the store may call them
        self._closing = False
        self._store = wasmtime.Store(self.engine.wasmtime)
        self._context = _address(self._store._context())
        self._configure_store(memory_limit)
        self._imported_memory: wasmtime.Memory | None = None
        externs = [self._extern(kind, wanted, resolve) for kind, wanted in code.linkage]
        self.engine.watch(self)
        self.engine.signals.keep()
        exports = self._instantiate(externs)
        self._exports = dict(exports)
        self._types = code.functions
        self.memory = self._find_memory()

    # -- set-up -------------------------------------------------------------------------------------------------

    def _configure_store(self, memory_limit: int) -> None:
        self._store.set_limits(memory_size=memory_limit)
        self._store.set_epoch_deadline(1)
        if self.engine.fuel:
            self._store.set_fuel(_FUEL)
        on_epoch = EPOCH_CALLBACK(self._on_epoch)
        self._keep.append(on_epoch)
        self.engine.c.store_epoch_deadline_callback(_address(self._store.ptr()), on_epoch, None, None)

    def _extern(self, kind: Any, wanted: ImportType, resolve: Resolve) -> Any:
        place = f"{wanted.module}.{wanted.name}"
        if isinstance(kind, wasmtime.MemoryType):
            self._imported_memory = wasmtime.Memory(self._store, kind)
            return self._imported_memory
        if isinstance(kind, wasmtime.TableType):
            return wasmtime.Table(self._store, kind, None)
        if not isinstance(kind, wasmtime.FuncType):
            raise ModuleError(f"The module imports the {wanted.kind} {place}; no host gives one.")
        function = resolve(wanted)
        if function is None:
            raise ModuleError(f"The module imports the function {place}, which does not exist.")
        if not {*wanted.params, *wanted.results} <= {"i32", "i64"} or len(wanted.results) > 1:
            raise ModuleError(f"The import {place} has a signature that no hostcall has.")
        return self._host_function(function, wanted, _address(kind.ptr()))

    def _host_function(self, function: HostFunction, wanted: ImportType, kind: int) -> wasmtime.Func:
        callback = HOST_CALLBACK(self._trampoline(function, wanted))
        self._keep.append(callback)
        raw = _ffi.wasmtime_func_t()
        self.engine.c.func_new_unchecked(self._context, kind, callback, None, None, ctypes.addressof(raw))
        return wasmtime.Func._from_raw(raw)

    def _trampoline(self, function: HostFunction, wanted: ImportType) -> Callable[..., int]:
        """Wrap a host function for C. Nothing may be raised into C: ctypes would print it and go on."""
        stop = 4 * len(wanted.params)  # a value takes four u32; an i32 is the first
        has_result = bool(wanted.results)

        def call(_env: int, _caller: int, values: Any, _count: int) -> int:
            try:
                result = function(*values[0:stop:4])
                if has_result:
                    values[0] = result
            except BaseException as error:  # noqa: BLE001 -- also KeyboardInterrupt: the outermost call raises it
                return self._stop(error)
            return 0

        def call_bare(_env: int, _caller: int, values: Any, _count: int) -> int:
            try:
                result = function()  # ctypes makes one element of an empty slice with a step
                if has_result:
                    values[0] = result
            except BaseException as error:  # noqa: BLE001
                return self._stop(error)
            return 0

        if not wanted.params and wanted.results != ("i64",):
            return call_bare
        if set(wanted.params) | set(wanted.results) <= {"i32"}:
            return call
        wide = [4 * i for i, kind in enumerate(wanted.params) if kind == "i64"]

        def call_wide(_env: int, _caller: int, values: Any, _count: int) -> int:
            try:
                args = values[0:stop:4]
                for at in wide:
                    args[at // 4] |= values[at + 1] << 32
                result = function(*args)
                if result is not None:
                    values[0], values[1] = result & 0xFFFFFFFF, result >> 32
            except BaseException as error:  # noqa: BLE001
                return self._stop(error)
            return 0

        return call_wide

    def _stop(self, error: BaseException) -> int:
        """Remember why and give C a trap that unwinds the guest."""
        if self._pending is None:
            self._pending = error
        trap: int = self.engine.c.trap_new(b"host", 4)
        return trap

    def _instantiate(self, externs: list[Any]) -> Any:
        self._entry += 1
        self._depth = 1
        try:
            return wasmtime.Instance(self._store, self.code.module, externs).exports(self._store)
        except wasmtime.Trap as error:
            self._raise(Trap.from_wasmtime(error))
        except wasmtime.WasmtimeError as error:
            if self._pending is not None:
                self._raise(Trap.from_wasmtime(error))
            raise ModuleError(f"The module cannot be instantiated: {_one_line(error)}") from None
        finally:
            self._depth = 0

    def _find_memory(self) -> Memory:
        """The module's memory: exported under any name, or imported."""
        found = next((x for x in self._exports.values() if isinstance(x, wasmtime.Memory)), self._imported_memory)
        if found is None:
            return Memory(0, lambda: 0, lambda _pages: 0)
        address, context, c = ctypes.addressof(found._memory), self._context, self.engine.c
        self._keep.append(found)
        return Memory(
            c.memory_data(context, address),
            lambda: c.memory_data_size(context, address),
            lambda pages: found.grow(self._store, pages),
        )

    def hide_except(self, visible: frozenset[str]) -> None:
        """Treat every function export that is not in `visible` as absent."""
        self._types = {name: kind for name, kind in self._types.items() if name in visible}

    # -- calls --------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., int | None] | None:
        """The exported function of that name as a callable, or None.

        It takes unsigned integers, as many as the function has parameters, and gives its result (None if it has none).
        It raises `Trap`, or what interrupted it (KeyboardInterrupt).
        """
        kind = self._types.get(name)
        if kind is None or len(kind.results) > 1:
            return None
        func = self._exports[name]
        count, size = len(kind.params), max(len(kind.params), len(kind.results), 1)
        values = (ctypes.c_uint64 * (2 * size))()
        trap = ctypes.c_size_t(0)
        self._keep.append(func)
        enter = self.engine.c.func_call_unchecked
        context, address = self._context, ctypes.addressof(func._func)
        at, trap_at, stop = ctypes.addressof(values), ctypes.addressof(trap), 2 * count
        has_result = bool(kind.results)
        mask = 0xFFFFFFFF if kind.results == ("i32",) else 0xFFFFFFFFFFFFFFFF

        def call(*args: int) -> int | None:
            depth = self._depth
            if not depth:
                self._entry += 1
                if self._closing:
                    raise Trap("The VM is closed.", "host")
            self._depth = depth + 1
            values[0:stop:2] = args  # type: ignore[call-overload]  # ctypes takes any sequence
            try:
                error = enter(context, address, at, size, trap_at)
            finally:
                self._depth = depth
            if error or trap.value:
                problem, trap.value = trap.value, 0
                self._fail(error, problem)
            return values[0] & mask if has_result else None

        return call

    def _fail(self, error: int, trap: int) -> None:
        """Take over wasmtime's error or trap and raise what it means."""
        if trap:
            stopped = ctypes.cast(trap, ctypes.POINTER(_ffi.wasm_trap_t))
            self._raise(Trap.from_wasmtime(wasmtime.Trap._from_ptr(stopped)))
        failed = ctypes.cast(error, ctypes.POINTER(_ffi.wasmtime_error_t))
        self._raise(Trap.from_wasmtime(wasmtime.WasmtimeError._from_ptr(failed)))

    def _raise(self, trap: Trap) -> None:
        """Raise `trap`, or what really stopped the guest if a host function or the deadline did."""
        pending, self._pending = self._pending, None
        if pending is None:
            raise trap
        if isinstance(pending, Trap):
            pending.backtrace = pending.backtrace or trap.backtrace
            raise pending
        if not isinstance(pending, Exception):
            raise pending
        raise Trap(f"{type(pending).__name__}: {pending}", "host", trap.backtrace) from pending

    def exported_memory(self, name: str, size: int) -> bytes:
        """The first `size` bytes of the exported memory of that name: a module may have more than one."""
        found = self._exports[name]
        return ctypes.string_at(self.engine.c.memory_data(self._context, ctypes.addressof(found._memory)), size)

    def clear_exported_memory(self, name: str) -> None:
        """Set all of the exported memory of that name to zero."""
        address = ctypes.addressof(self._exports[name]._memory)
        ctypes.memset(
            self.engine.c.memory_data(self._context, address), 0, self.engine.c.memory_data_size(self._context, address)
        )

    # -- watch --------------------------------------------------------------------------------------------------

    def _on_epoch(self, _context: int, _data: int, delta: Any, _kind: Any) -> int:
        """Called in the guest's thread when an epoch passed: stop the guest if its time is up, else let it go on."""
        try:
            delta[0] = 1
            self.engine.interrupts.check()
            now = time.monotonic()
            entry, since = self._seen
            if entry != self._entry:
                self._seen = (self._entry, now)
            elif now - since >= self.deadline:
                self._pending = Trap(f"still running after the deadline of {self.deadline:g} s", "deadline")
                return int(self.engine.c.error_new(b"deadline"))
        except BaseException as error:  # noqa: BLE001 -- the interrupt button arrives here as KeyboardInterrupt
            self._pending = error
            return int(self.engine.c.error_new(b"interrupted"))
        return 0

    @property
    def running(self) -> bool:
        """Whether a call into this instance is on the stack."""
        return self._depth > 0

    @property
    def fuel_used(self) -> int:
        """Instructions executed so far (an engine with `fuel` only); the same for the same run on any machine."""
        return _FUEL - self._store.get_fuel() if self.engine.fuel else 0

    def close(self) -> None:
        """Free the memory. Calls fail from now on; inside a hostcall it happens when the guest has returned."""
        self._closing = True
        if self._depth:
            return
        self.memory.forget()
        self._exports = {}
        self._types = {}
        self._keep.clear()
        self._store.close()
