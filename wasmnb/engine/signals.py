"""Signals by which Wasm traps: who hears of them.

Facts (wasmtime 50, Linux): an `unreachable`, a division by zero, an access outside memory or the end of the stack is a
signal of the processor. wasmtime installs handlers for these signals once, with a process's first engine, and keeps
whatever was there before for faults that are not its own. Whoever installs a handler later stands before wasmtime. Python's
`faulthandler` does when it is enabled late: it prints a traceback and lets the process die of the guest's trap; when it
is *disabled* late it removes wasmtime's handlers with its own. So the handlers are remembered, and put back before guests
run. A fault of the process itself then goes where it went before the first engine was made: to `faulthandler`, if that was
enabled by then.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from functools import cache

__all__ = ["TrapSignals", "trap_signals"]

#: What a trap can be, by the processor. Whoever takes over one of them takes the first: only that is looked at each time.
_SIGNALS = (signal.SIGILL, signal.SIGSEGV, signal.SIGFPE)

#: Words that hold any `struct sigaction`; the first is the handler's address.
_ACTION = ctypes.c_size_t * 32


class TrapSignals:
    """The handlers as they are now: to be made when wasmtime has just installed its own."""

    def __init__(self) -> None:
        self._ours: list[tuple[int, ctypes.Array[ctypes.c_size_t], int]] = []
        if sys.platform != "linux":  # macOS gets traps by other ways, Windows is not supported
            return
        prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        self._sigaction = prototype(("sigaction", ctypes.CDLL(None)))
        self._now = _ACTION()
        self._at = ctypes.addressof(self._now)
        for number in _SIGNALS:
            action = _ACTION()
            if self._sigaction(number, None, ctypes.addressof(action)) == 0:
                self._ours.append((number, action, action[0]))

    def keep(self) -> None:
        """Put wasmtime's handlers back if others stand before them; a microsecond if none does."""
        for number, action, handler in self._ours:
            self._sigaction(number, None, self._at)
            if self._now[0] == handler:
                return
            self._sigaction(number, ctypes.addressof(action), None)


@cache
def trap_signals() -> TrapSignals:
    """The process's, to be asked for first when its first engine has been made."""
    return TrapSignals()
