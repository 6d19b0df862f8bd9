"""One instance of a module in a store of its own: calls in, hostcalls out, deadline, memory cap."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from ctypes import addressof, c_uint64, c_void_p, memset, string_at
from functools import partial
from typing import Any, NoReturn

from wasmtime import _ffi

from .._display import short
from ..errors import ModuleError
from .c_interface import EPOCH_CALLBACK, HOST_CALLBACK, CObject
from .declarations import ImportType
from .engine import Code
from .limits import size_limits
from .memory import Memory
from .traps import Trap, message_of, one_line

__all__ = ["HostFunction", "Instance", "Resolve"]

#: Takes the arguments as unsigned integers, gives the result (None for no result). What it raises stops the guest.
HostFunction = Callable[..., "int | None"]

#: Gives the host function for an import, or None if there is none.
Resolve = Callable[[ImportType], "HostFunction | None"]

_FUEL = 1 << 62

#: Types of what functions that the host calls take and give.
_NUMBERS = frozenset({"i32", "i64", "f32", "f64"})

#: `wasmtime_extern_t.kind` of what a module imports or exports.
_KINDS = {
    "func": _ffi.WASMTIME_EXTERN_FUNC.value,
    "table": _ffi.WASMTIME_EXTERN_TABLE.value,
    "memory": _ffi.WASMTIME_EXTERN_MEMORY.value,
}

#: `wasmtime_val_t.kind` of a null of each type that an imported table may hold; zeros are a null of any of them.
_ELEMENTS = {"funcref": _ffi.WASMTIME_FUNCREF.value, "externref": _ffi.WASMTIME_EXTERNREF.value}


class Instance:
    """A running module.

    Parameters
    ----------
    code
        The compiled module.
    resolve
        Gives the host function for each imported function. Imported memories and tables are made here, as Envoy does.
    memory_limit
        Bytes that all memories and tables together may have; growing beyond it fails inside the guest.
    deadline
        Seconds that one entry into the guest may take, its hostcalls included; precise to about 0.1 s.

    Raises
    ------
    ModuleError
        An import that `resolve` does not know, or memories and tables larger than the limit.
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
        self._closing = self._freed = False
        self._last_fuel = 0
        functions = [self._host_function(required, resolve) for required in code.imports]
        self._c = c = self.engine.c
        self._store = CObject.returned(c.store_delete, c.store_new, self.engine.handle.address, None, None)
        self._context: int = c.store_context(self._store.address)
        self._configure_store(memory_limit)
        self._imported_memory: Any = None
        externs = self._externs(functions)
        self.engine.watch(self)
        self.engine.signals.keep()
        self._instance = _ffi.wasmtime_instance_t()
        self._instantiate(externs)
        self._types = code.functions
        self.memory = self._find_memory()

    # -- set-up -------------------------------------------------------------------------------------------------

    def _configure_store(self, memory_limit: int) -> None:
        c, store = self._c, self._store.address
        c.store_limiter(store, *size_limits(self.code.declared, memory_limit), -1, -1, -1)
        c.context_set_epoch_deadline(self._context, 1)
        if self.engine.fuel:
            self._check(c.context_set_fuel, self._context, _FUEL)
        on_epoch = EPOCH_CALLBACK(self._on_epoch)
        self._keep.append(on_epoch)
        c.store_epoch_deadline_callback(store, on_epoch, None, None)

    @staticmethod
    def _host_function(required: ImportType, resolve: Resolve) -> HostFunction | None:
        """Return the host function of an import, or None for a memory or table; raise `ModuleError` if no host has it."""
        place = short(f"{required.module}.{required.name}")
        if required.kind in {"memory", "table"}:
            return None
        if required.kind != "func":
            raise ModuleError(f"The module imports the {required.kind} {place}; no host gives one.")
        function = resolve(required)
        if function is None:
            raise ModuleError(f"The module imports the function {place}, which does not exist.")
        if not {*required.params, *required.results} <= {"i32", "i64"} or len(required.results) > 1:
            raise ModuleError(f"The import {place} has a signature that no hostcall has.")
        return function

    def _externs(self, functions: list[HostFunction | None]) -> Any:
        """Return an array of the imports: `functions`, and memories and tables that are created here."""
        elements = [t.element for t in self.code.declared.tables if t.element not in _ELEMENTS]
        if elements and any(required.kind == "table" for required in self.code.imports):
            raise ModuleError("The module imports a table, and has one with elements that no host has.")
        externs = (_ffi.wasmtime_extern_t * len(functions))()
        tables = iter(self.code.declared.tables)  # imported ones are the first
        for extern, function, required, kind in zip(
            externs, functions, self.code.imports, self.code.c_imports if functions else (), strict=True
        ):
            extern.kind = _KINDS[required.kind]
            if function is not None:
                self._link_function(extern.of.func, function, required, kind)
            elif required.kind == "memory":
                memory_type = self._c.wasm_externtype_as_memorytype_const(kind)
                self._check(self._c.memory_new, self._context, memory_type, addressof(extern.of.memory))
                self._imported_memory = extern.of.memory
            else:
                table_type = self._c.wasm_externtype_as_tabletype_const(kind)
                null = _ffi.wasmtime_val_t(kind=_ELEMENTS[next(tables).element])
                self._check(self._c.table_new, self._context, table_type, addressof(null), addressof(extern.of.table))
        self._keep.append(externs)
        return externs

    def _link_function(self, place: Any, function: HostFunction, required: ImportType, kind: int) -> None:
        callback = HOST_CALLBACK(self._trampoline(function, required))
        self._keep.append(callback)
        c = self._c
        signature = c.wasm_externtype_as_functype_const(kind)
        c.func_new_unchecked(self._context, signature, callback, None, None, addressof(place))

    def _trampoline(self, function: HostFunction, required: ImportType) -> Callable[..., int]:
        """Wrap a host function for C. Nothing may be raised into C: ctypes would print it and go on."""
        stop = 4 * len(required.params)  # a value takes four u32; an i32 is the first
        has_result = bool(required.results)

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

        if not required.params and required.results != ("i64",):
            return call_bare
        if set(required.params) | set(required.results) <= {"i32"}:
            return call
        wide = [4 * i for i, kind in enumerate(required.params) if kind == "i64"]

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
        trap: int = self._c.trap_new(b"host", 4)
        return trap

    def _instantiate(self, externs: Any) -> None:
        c, place = self._c, c_void_p()
        trap = CObject.written(c.wasm_trap_delete, place)
        self._entry += 1
        self._depth = 1
        try:
            error = CObject.returned(
                c.error_delete, c.instance_new, self._context, self.code.module.address,
                addressof(externs), len(externs), addressof(self._instance), addressof(place),
            )  # fmt: skip
            if trap.address:
                self._raise(Trap.of_trap(c, trap.address))
            if error.address:
                if self._pending is not None:
                    self._raise(Trap.of_error(c, error.address))
                raise ModuleError(f"The module cannot be instantiated: {one_line(message_of(c, error.address))}")
        finally:
            self._depth = 0

    def _check(self, function: Callable[..., int], *args: Any) -> None:
        """Call a function that returns an error or NULL; raise `ModuleError` for an error."""
        error = CObject.returned(self._c.error_delete, function, *args)
        if error.address:
            raise ModuleError(f"The module cannot be instantiated: {one_line(message_of(self._c, error.address))}")

    def _export(self, name: str, kind: str) -> Any:
        """Return an export by its name, or None if it is of another kind."""
        extern, text = _ffi.wasmtime_extern_t(), name.encode()
        exists = self._c.instance_export_get(
            self._context, addressof(self._instance), text, len(text), addressof(extern)
        )
        return getattr(extern.of, kind) if exists and int(extern.kind) == _KINDS[kind] else None

    def _find_memory(self) -> Memory:
        """The module's memory: exported under any name, or imported."""
        name = next((e.name for e in self.code.exports if e.kind == "memory"), None)
        memory = self._imported_memory if name is None else self._export(name, "memory")
        if memory is None:
            return Memory(0, lambda: 0, lambda _pages: 0)
        address, context, c = addressof(memory), self._context, self._c
        self._keep.append(memory)
        return Memory(
            c.memory_data(context, address),
            lambda: c.memory_data_size(context, address),
            lambda pages: self._grow(address, pages),
        )

    def _grow(self, memory: int, pages: int) -> int:
        before = c_uint64()
        self._check(self._c.memory_grow, self._context, memory, pages, addressof(before))
        return before.value

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
        if kind is None or len(kind.results) > 1 or not {*kind.params, *kind.results} <= _NUMBERS:
            return None
        func = self._export(name, "func")
        if func is None:
            return None
        count, size = len(kind.params), max(len(kind.params), len(kind.results), 1)
        values = (c_uint64 * (2 * size))()
        self._keep.append(func)
        address, at, stop = addressof(func), addressof(values), 2 * count
        has_result = bool(kind.results)
        mask = 0xFFFFFFFF if kind.results == ("i32",) else 0xFFFFFFFFFFFFFFFF
        trap, trap_owner, enter = self._entrance(address, at, size)

        def call(*args: int) -> int | None:
            nonlocal trap, trap_owner, enter
            depth = self._depth
            if not depth:
                self._entry += 1
                if self._closing:
                    raise Trap("The VM is closed.", "host")
            values[0:stop:2] = args  # type: ignore[call-overload]  # ctypes takes any sequence
            self._depth = depth + 1
            try:
                error = enter()
                if error or trap.value:  # still "running": an interrupt is noted here, and raised later
                    stopped = trap_owner
                    trap, trap_owner, enter = self._entrance(address, at, size)
                    self._fail(error, stopped)
            finally:
                self._depth = depth
                if self._closing and not depth:
                    self._free()
            return values[0] & mask if has_result else None

        return call

    def _entrance(self, function: int, values: int, size: int) -> tuple[c_void_p, CObject, Callable[[], int]]:
        """Return what calls of a function need: a place for a trap, its owner, and the call."""
        trap = c_void_p()
        owner = CObject.written(self._c.wasm_trap_delete, trap)
        call = partial(self._c.func_call_unchecked, self._context, function, values, size, addressof(trap))
        return trap, owner, call

    def _fail(self, error: int, trap: CObject) -> NoReturn:
        """Take over wasmtime's error or trap and raise what it means."""
        c = self._c
        with closing(CObject.written(c.error_delete, error)), closing(trap):
            self._raise(Trap.of_trap(c, trap.address) if trap.address else Trap.of_error(c, error))

    def _raise(self, trap: Trap) -> NoReturn:
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
        """Return the first `size` bytes of an exported memory. A module can have several."""
        memory = self._export(name, "memory")
        return string_at(self._c.memory_data(self._context, addressof(memory)), size)

    def clear_exported_memory(self, name: str) -> None:
        """Set an exported memory to zero."""
        memory = self._export(name, "memory")
        address = addressof(memory)
        memset(self._c.memory_data(self._context, address), 0, self._c.memory_data_size(self._context, address))

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
                return int(self._c.error_new(b"deadline"))
        except BaseException as error:  # noqa: BLE001 -- the interrupt button arrives here as KeyboardInterrupt
            self._pending = error
            return int(self._c.error_new(b"interrupted"))
        return 0

    def observe(self, now: float) -> None:
        """Note since when the running entry runs; called from another thread, also while a hostcall takes its time."""
        entry = self._entry
        if self._depth and self._seen[0] != entry:
            self._seen = (entry, now)

    @property
    def running(self) -> bool:
        """Whether a call into this instance is on the stack."""
        return self._depth > 0

    @property
    def fuel_used(self) -> int:
        """Instructions executed so far (an engine with `fuel` only); the same for the same run on any machine."""
        if not self.engine.fuel or self._freed:
            return self._last_fuel
        left = c_uint64()
        self._check(self._c.context_get_fuel, self._context, addressof(left))
        return _FUEL - left.value

    def close(self) -> None:
        """Free the memory. Calls fail from now on; inside a hostcall it happens when the guest has returned."""
        self._closing = True
        if self._depth:
            return
        self._free()

    def _free(self) -> None:
        self._last_fuel = self.fuel_used
        self._freed = True  # from here on nobody uses the store's address
        self.memory.forget()
        self._types = {}
        self._store.close()
        self._keep.clear()
