"""An instance of a module in its own store, with calls, hostcalls, deadline and memory limit."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import addressof, c_uint64, memset, string_at
from typing import Any

from wasmtime import _ffi

from .c_functions import EPOCH_CALLBACK
from .c_objects import CObject
from .calls.entries import Entries
from .engine import MachineCode
from .imports import KINDS, Imports, Resolve
from .limits import size_limits
from .memory import Memory
from .traps import check_call

__all__ = ["Instance"]

_FUEL = 1 << 62
_NO_FUEL = "The engine doesn't count fuel"

#: Types of parameters and results of functions that the host can call.
_NUMBERS = frozenset({"i32", "i64", "f32", "f64"})


class Instance:
    """A running instance of a module.

    Parameters
    ----------
    code
        The compiled module.
    resolve
        Function that returns the host function for an imported function, or None. Imported memories and tables are created
        here, as in Envoy.
    memory_limit
        Maximum size in bytes of all memories and tables together (default 1 GiB). Growing beyond the limit fails in the guest.
    deadline
        Maximum duration of one call into the guest in seconds, including its hostcalls (default 5), accurate to about 0.1 s.

    Attributes
    ----------
    closed
        Whether the instance has been freed.

    Raises
    ------
    ModuleError
        `resolve` returned None for an import, or the memories and tables exceed the limit.
    Trap
        The module's start section trapped.
    """

    def __init__(
        self, code: MachineCode, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0
    ) -> None:
        self.code = code
        self.engine = code.engine
        self.memory_limit = memory_limit
        self.closed = False
        self._last_fuel = self._spent = 0
        self._granted = _FUEL
        self._imports = Imports(code, resolve)
        self._c = c = self.engine.c
        self._store = CObject.returned(c.store_delete, c.store_new, self.engine.handle.address, None, None)
        self._context: int = c.store_context(self._store.address)
        self._entries = Entries(c, self._context, self.engine.interrupts, deadline, self._free)
        self.observe = self._entries.observe
        self._on_epoch = EPOCH_CALLBACK(self._entries.on_epoch)  # kept alive for as long as the store can call it
        self._configure_store(memory_limit)
        externs = self._imports.link(self._context, self._entries.stop)
        self._keep: list[Any] = [externs]  # C objects whose addresses are in use
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
        """Return an export by name, or None if it doesn't exist or has another kind."""
        extern, text = _ffi.wasmtime_extern_t(), name.encode()
        exists = self._c.instance_export_get(
            self._context, addressof(self._instance), text, len(text), addressof(extern)
        )
        return getattr(extern.of, kind) if exists and int(extern.kind) == KINDS[kind] else None

    def _find_memory(self) -> Memory:
        """Return the module's memory, which is either exported under any name or imported."""
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
        """Treat every exported function that isn't in `visible` as missing."""
        self._types = {name: kind for name, kind in self._types.items() if name in visible}

    # -- calls --------------------------------------------------------------------------------------------------

    def function(self, name: str) -> Callable[..., int | None] | None:
        """Return the exported function `name` as a Python function, or None if there is none.

        Its parameters and result are unsigned integers, and the result is None if the function has no result. A call raises
        `Trap`, or the exception that has interrupted it (KeyboardInterrupt).
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
        """Return the beginning of an exported memory, for modules with several memories.

        Parameters
        ----------
        name
            Name of the export.
        size
            Number of bytes.
        """
        memory = self._export(name, "memory")
        return string_at(self._c.memory_data(self._context, addressof(memory)), size)

    def clear_exported_memory(self, name: str) -> None:
        """Set all bytes of the memory that is exported as `name` to zero."""
        memory = self._export(name, "memory")
        address = addressof(memory)
        memset(self._c.memory_data(self._context, address), 0, self._c.memory_data_size(self._context, address))

    # -- deadline, fuel, the end ---------------------------------------------------------------------------------

    @property
    def deadline(self) -> float:
        """Maximum duration of one call into the guest in seconds. It can be changed."""
        return self._entries.deadline

    @deadline.setter
    def deadline(self, seconds: float) -> None:
        self._entries.deadline = seconds

    @property
    def running(self) -> bool:
        """Whether a call into this instance is running."""
        return self._entries.depth > 0

    @property
    def fuel_used(self) -> int:
        """Number of instructions executed so far, which is the same in every run. It is 0 if the engine doesn't count fuel."""
        if not self.engine.fuel or self.closed:
            return self._last_fuel
        left = c_uint64()
        check_call(self._c, _NO_FUEL, self._c.context_get_fuel, self._context, addressof(left))
        return self._spent + self._granted - left.value

    def grant_fuel(self, instructions: int = _FUEL) -> None:
        """Limit the number of instructions that the guest can execute from now on. The guest traps at the limit.

        Parameters
        ----------
        instructions
            Maximum number of instructions (default 2**62). The engine must count fuel.
        """
        self._spent = self.fuel_used
        self._granted = instructions
        check_call(self._c, _NO_FUEL, self._c.context_set_fuel, self._context, instructions)

    def close(self) -> None:
        """Free the instance, so that later calls fail.

        If a call into the instance is running, the instance is freed when this call ends.
        """
        self._entries.closing = True
        if self._entries.depth:
            return
        self._free()

    def _free(self) -> None:
        if self.closed:
            return
        self._last_fuel = self.fuel_used
        self.closed = True  # the store's address isn't used from now on
        self.memory.forget()
        self._types = {}
        self._store.close()
        self._keep.clear()
        self._imports.clear()
        self._entries.forget()
        del self._on_epoch
