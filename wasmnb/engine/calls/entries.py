"""Entries into a guest: calls of its functions, their deadline, and the exceptions that end them.

An exception must not pass through C. If a host function or an epoch callback raises an exception, `Entries` stores the
exception, and a trap stops the guest. The outermost call, which is made from Python, then raises the exception.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from ctypes import addressof, c_uint64, c_void_p
from functools import partial
from types import CodeType
from typing import Any, NoReturn

from ...errors import ModuleError
from ..c_functions import C
from ..c_objects import CObject
from ..declarations import ExportType
from ..traps import NOT_INSTANTIATED, Trap, message_of, one_line
from .interrupts import Interrupts

__all__ = ["ENTRY_CODES", "Entries"]


class Entries:
    """All calls into one instance.

    Parameters
    ----------
    c
        wasmtime's functions.
    context
        Address of the store's context.
    interrupts
        The engine's `Interrupts`.
    deadline
        Maximum duration of one outermost call in seconds, including its hostcalls.
    when_closed
        Function called at the end of the outermost call if `closing` was set during the call.

    Attributes
    ----------
    depth
        Number of nested calls that are running.
    deadline
        The parameter `deadline`, which can be changed.
    closing
        Whether the instance has been closed. New calls then fail.
    """

    def __init__(
        self, c: C, context: int, interrupts: Interrupts, deadline: float, when_closed: Callable[[], None]
    ) -> None:
        self.depth = 0
        self.closing = False
        self._c = c
        self._context = context
        self._interrupts = interrupts
        self.deadline = deadline
        self._when_closed = when_closed
        self._exception: BaseException | None = None  # raised by the outermost call
        self._number = 0  # of the current or last outermost call
        self._seen = (0, 0.0)  # outermost call that was running at an epoch, and time of the first such epoch

    def function(self, kind: ExportType, func: Any) -> Callable[..., int | None]:
        """Return an exported function as a Python function.

        Parameters
        ----------
        kind
            Declaration of the function.
        func
            wasmtime's function object, which the caller must keep alive.
        """
        count, size = len(kind.params), max(len(kind.params), len(kind.results), 1)
        values = (c_uint64 * (2 * size))()
        address, at, stop = addressof(func), addressof(values), 2 * count
        has_result = bool(kind.results)
        mask = 0xFFFFFFFF if kind.results == ("i32",) else 0xFFFFFFFFFFFFFFFF
        trap, trap_owner, enter = self._entrance(address, at, size)

        def call(*args: int) -> int | None:
            nonlocal trap, trap_owner, enter
            depth = self.depth
            if not depth:
                self._number += 1
                if self.closing:
                    raise Trap("The VM is closed.", "host")
            values[0:stop:2] = args  # type: ignore[call-overload]  # ctypes accepts any sequence
            self.depth = depth + 1
            try:
                error = enter()
                if error or trap.value:  # depth is still > 0, so an interrupt is only noted here and raised later
                    stopped = trap_owner
                    trap, trap_owner, enter = self._entrance(address, at, size)
                    self._fail(error, stopped)
            finally:
                self.depth = depth
                if self.closing and not depth:
                    self._when_closed()
            return values[0] & mask if has_result else None

        return call

    def _entrance(self, function: int, values: int, size: int) -> tuple[c_void_p, CObject, Callable[[], int]]:
        """Prepare a call of a guest's function.

        Returns the memory for a trap, the trap's owner, and a Python function that makes the call.
        """
        trap = c_void_p()
        owner = CObject.written(self._c.wasm_trap_delete, trap)
        call = partial(self._c.func_call_unchecked, self._context, function, values, size, addressof(trap))
        return trap, owner, call

    def instantiate(self, module: int, externs: Any, instance: Any) -> None:
        """Instantiate a module and run its start section.

        Parameters
        ----------
        module
            Address of wasmtime's module object.
        externs
            Array of the imports.
        instance
            Structure to which wasmtime writes the instance.

        Raises
        ------
        ModuleError
            The module can't be instantiated.
        Trap
            The start section trapped.
        """
        c, place = self._c, c_void_p()
        trap = CObject.written(c.wasm_trap_delete, place)
        self._number += 1
        self.depth = 1
        try:
            error = CObject.returned(
                c.error_delete, c.instance_new, self._context, module,
                addressof(externs), len(externs), addressof(instance), addressof(place),
            )  # fmt: skip
            if trap.address:
                self._raise(Trap.of_trap(c, trap.address))
            if error.address:
                if self._exception is not None:
                    self._raise(Trap.of_error(c, error.address))
                raise ModuleError(f"{NOT_INSTANTIATED}: {one_line(message_of(c, error.address))}")
        finally:
            self.depth = 0

    def stop(self, error: BaseException) -> int:
        """Store the exception of a host function, and return a trap that makes C stop the guest."""
        if self._exception is None:
            self._exception = error
        trap: int = self._c.trap_new(b"host", 4)
        return trap

    def _fail(self, error: int, trap: CObject) -> NoReturn:
        """Raise wasmtime's error or trap as an exception, and free it."""
        c = self._c
        with closing(CObject.written(c.error_delete, error)), closing(trap):
            self._raise(Trap.of_trap(c, trap.address) if trap.address else Trap.of_error(c, error))

    def _raise(self, trap: Trap) -> NoReturn:
        """Raise `trap`, or the exception of the host function or deadline that has stopped the guest."""
        exception, self._exception = self._exception, None
        if exception is None:
            raise trap
        if isinstance(exception, Trap):
            exception.backtrace = exception.backtrace or trap.backtrace
            raise exception
        if not isinstance(exception, Exception):
            raise exception
        raise Trap(f"{type(exception).__name__}: {exception}", "host", trap.backtrace) from exception

    def on_epoch(self, _context: int, _data: int, delta: Any, _kind: Any) -> int:
        """Stop the guest if its deadline has passed. C calls this function in the guest's thread after every epoch."""
        try:
            delta[0] = 1
            self._interrupts.check()
            now = time.monotonic()
            number, since = self._seen
            if number != self._number:
                self._seen = (self._number, now)
            elif now - since >= self.deadline:
                self._exception = Trap(f"still running after the deadline of {self.deadline:g} s", "deadline")
                return int(self._c.error_new(b"deadline"))
        except BaseException as error:  # noqa: BLE001 -- including KeyboardInterrupt, from the interrupt button
            self._exception = error
            return int(self._c.error_new(b"interrupted"))
        return 0

    def forget(self) -> None:
        """Drop the reference to the instance, which has been freed."""
        self._when_closed = _nothing

    def observe(self, now: float) -> None:
        """Record when the running call was first seen. The epoch thread calls this method, also during long hostcalls."""
        number = self._number
        if self.depth and self._seen[0] != number:
            self._seen = (number, now)


def _nothing() -> None:
    """Do nothing. Replaces the function `when_closed` after the instance has been freed."""


def _nested(code: CodeType) -> list[CodeType]:
    """Return the code objects of the functions defined inside a function, which are constants of its code."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


#: Code objects of the Python functions that call guests.
ENTRY_CODES = frozenset((Entries.instantiate.__code__, *_nested(Entries.function.__code__)))
