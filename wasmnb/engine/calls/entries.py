"""Entries into a guest: calls of its functions, their deadline, and the exceptions that end them.

Facts: an exception must not pass through C. If a host function or an epoch callback raises one, it is stored here, and a trap
stops the guest; the outermost call, which is Python again, raises the exception.
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
    """The calls into one instance.

    Parameters
    ----------
    c
        wasmtime's functions.
    context
        Address of the store's context.
    interrupts
        The engine's `Interrupts`.
    deadline
        Seconds that one entry may take, including its hostcalls.
    when_closed
        Called at the end of the outermost call if `closing` was set during the call.

    Attributes
    ----------
    depth
        Number of calls on the stack.
    deadline
        The parameter; it can be changed.
    closing
        Whether the instance has been closed: new calls fail.
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
        self._exception: BaseException | None = None  # the one that the outermost call raises
        self._number = 0  # of the outermost entry that is running or was last
        self._seen = (0, 0.0)  # entry that an epoch found running, and when it first did

    def function(self, kind: ExportType, func: Any) -> Callable[..., int | None]:
        """Return an exported function as a callable.

        Parameters
        ----------
        kind
            Declaration of the function.
        func
            wasmtime's function, which the caller keeps alive.
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
            values[0:stop:2] = args  # type: ignore[call-overload]  # ctypes takes any sequence
            self.depth = depth + 1
            try:
                error = enter()
                if error or trap.value:  # still "running": an interrupt is noted here, and raised later
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
        """Return the place for a trap of a function, the trap's owner, and a callable that enters the function."""
        trap = c_void_p()
        owner = CObject.written(self._c.wasm_trap_delete, trap)
        call = partial(self._c.func_call_unchecked, self._context, function, values, size, addressof(trap))
        return trap, owner, call

    def instantiate(self, module: int, externs: Any, instance: Any) -> None:
        """Instantiate a module, which runs its start section.

        Parameters
        ----------
        module
            Address of wasmtime's module.
        externs
            Array of the imports.
        instance
            Memory that wasmtime's instance is written to.

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
        """Keep the exception of a host function, and return a trap with which C unwinds the guest."""
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
        """Raise `trap`, or the exception of the host function or deadline that stopped the guest."""
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
        """Stop the guest if its deadline has passed. C calls this in the guest's thread after every epoch."""
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
        except BaseException as error:  # noqa: BLE001 -- the interrupt button arrives here as KeyboardInterrupt
            self._exception = error
            return int(self._c.error_new(b"interrupted"))
        return 0

    def forget(self) -> None:
        """Drop the reference to the instance, which has been freed."""
        self._when_closed = _nothing

    def observe(self, now: float) -> None:
        """Record when the running entry was first seen. Called from another thread, also during a long hostcall."""
        number = self._number
        if self.depth and self._seen[0] != number:
            self._seen = (number, now)


def _nothing() -> None:
    """Do nothing."""


def _nested(code: CodeType) -> list[CodeType]:
    """Return the code of the functions that are defined in a function: they are constants of its code."""
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


#: Code of the Python functions that call guests.
ENTRY_CODES = frozenset((Entries.instantiate.__code__, *_nested(Entries.function.__code__)))
