"""One instance of a module in a store of its own: calls, hostcalls, deadline, memory limit."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof, c_uint64, memset, string_at
from typing import Any

from wasmtime import _ffi

from .c_functions import EPOCH_CALLBACK
from .c_objects import CObject
from .calls.entries import Entries
from .engine import Code
from .imports import KINDS, Imports, Resolve
from .limits import size_limits
from .memory import Memory
from .traps import check_call

__all__ = ["Instance"]

_FUEL = 1 << 62
_NO_FUEL = "The engine doesn't count fuel"

#: Types of parameters and results of functions that the host calls.
_NUMBERS = frozenset({"i32", "i64", "f32", "f64"})


class Instance:
    """A running module.

    Parameters
    ----------
    code
        The compiled module.
    resolve
        Returns the host function for an imported function, or None. Imported memories and tables are created here, as in Envoy.
    memory_limit
        Most bytes of all memories and tables together (default 1 GiB). Growing beyond the limit fails inside the guest.
    deadline
        Seconds that one entry into the guest may take, including its hostcalls (default 5); precise to about 0.1 s.

    Raises
    ------
    ModuleError
        `resolve` doesn't know an import, or the memories and tables are larger than the limit.
    Trap
        The module's start section trapped.
    """

    def __init__(self, code: Code, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> None:
        self.code = code
        self.engine = code.engine
        self.memory_limit = memory_limit
        self._freed = False
        self._last_fuel = self._spent = 0
        self._granted = _FUEL
        self._imports = Imports(code, resolve)
        self._c = c = self.engine.c
        self._store = CObject.returned(c.store_delete, c.store_new, self.engine.handle.address, None, None)
        self._context: int = c.store_context(self._store.address)
        self._entries = Entries(c, self._context, self.engine.interrupts, deadline, self._free)
        self.observe = self._entries.observe
        self._on_epoch = EPOCH_CALLBACK(self._entries.on_epoch)  # lives as long as the store may call it
        self._configure_store(memory_limit)
        externs = self._imports.link(self._context, self._entries.stop)
        self._keep: list[Any] = [externs]  # objects of C whose addresses are in use
        self.engine.watch(self)
        self.engine.signals.keep()
        self._instance = _ffi.wasmtime_instance_t()
        self._entries.instantiate(code.module.address, externs, self._instance)
        self._types = code.functions
        self.memory = self._find_memory()

    # -- set-up -------------------------------------------------------------------------------------------------

    def _configure_store(self, memory_limit: int) -> None:
        c, store = self._c, self._store.address
        c.store_limiter(store, *size_limits(self.code.declared, memory_limit), -1, -1, -1)
        c.context_set_epoch_deadline(self._context, 1)
        if self.engine.fuel:
            check_call(c, _NO_FUEL, c.context_set_fuel, self._context, _FUEL)
        c.store_epoch_deadline_callback(store, self._on_epoch, None, None)

    def _export(self, name: str, kind: str) -> Any:
        """Return an export by its name, or None if it is of another kind."""
        extern, text = _ffi.wasmtime_extern_t(), name.encode()
        exists = self._c.instance_export_get(
            self._context, addressof(self._instance), text, len(text), addressof(extern)
        )
        return getattr(extern.of, kind) if exists and int(extern.kind) == KINDS[kind] else None

    def _find_memory(self) -> Memory:
        """Return the module's memory: exported under any name, or imported."""
        name = next((e.name for e in self.code.exports if e.kind == "memory"), None)
        memory = self._imports.memory if name is None else self._export(name, "memory")
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
        check_call(
            self._c, "The memory can't grow", self._c.memory_grow, self._context, memory, pages, addressof(before)
        )
        return before.value

    def hide_except(self, visible: frozenset[str]) -> None:
        """Treat every function export that is not in `visible` as absent."""
        self._types = {name: kind for name, kind in self._types.items() if name in visible}

    # -- calls --------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., int | None] | None:
        """Return an exported function by its name as a callable, or None.

        Parameters and result are unsigned integers; a function without a result returns None. A call raises `Trap`, or the
        exception that interrupted it (KeyboardInterrupt).
        """
        kind = self._types.get(name)
        if kind is None or len(kind.results) > 1 or not {*kind.params, *kind.results} <= _NUMBERS:
            return None
        func = self._export(name, "func")
        if func is None:
            return None
        self._keep.append(func)
        return self._entries.function(kind, func)

    def exported_memory(self, name: str, size: int) -> bytes:
        """Return the first `size` bytes of the memory that the module exports as `name`. A module can have several."""
        memory = self._export(name, "memory")
        return string_at(self._c.memory_data(self._context, addressof(memory)), size)

    def clear_exported_memory(self, name: str) -> None:
        """Set an exported memory to zero."""
        memory = self._export(name, "memory")
        address = addressof(memory)
        memset(self._c.memory_data(self._context, address), 0, self._c.memory_data_size(self._context, address))

    # -- deadline, fuel, the end ---------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """Seconds that one entry into the guest may take. It can be changed."""
        return self._entries.deadline

    @deadline.setter
    def deadline(self, seconds: float) -> None:
        self._entries.deadline = seconds

    @property
    def running(self) -> bool:
        """Whether a call into this instance is on the stack."""
        return self._entries.depth > 0

    @property
    def fuel_used(self) -> int:
        """Instructions executed so far; 0 unless the engine counts them (`fuel`). The same run has the same count everywhere."""
        if not self.engine.fuel or self._freed:
            return self._last_fuel
        left = c_uint64()
        check_call(self._c, _NO_FUEL, self._c.context_get_fuel, self._context, addressof(left))
        return self._spent + self._granted - left.value

    def grant_fuel(self, instructions: int = _FUEL) -> None:
        """Limit the number of instructions that the guest can execute from now on, and trap when they are used up.

        Parameters
        ----------
        instructions
            Number of instructions (default 2**62). The engine must count fuel.
        """
        self._spent = self.fuel_used
        self._granted = instructions
        check_call(self._c, _NO_FUEL, self._c.context_set_fuel, self._context, instructions)

    def close(self) -> None:
        """Free the instance. Calls fail from now on. During a hostcall, the instance is freed when the guest has returned."""
        self._entries.closing = True
        if self._entries.depth:
            return
        self._free()

    def _free(self) -> None:
        if self._freed:
            return
        self._last_fuel = self.fuel_used
        self._freed = True  # the store's address is not used from here on
        self.memory.forget()
        self._types = {}
        self._store.close()
        self._keep.clear()
        self._imports.clear()
        self._entries.forget()
        del self._on_epoch
