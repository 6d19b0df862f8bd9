"""Handlers of the signals that Wasm traps raise.

Facts (wasmtime 50, Linux): an `unreachable`, a division by zero, an access outside memory or the end of the stack
raises a signal of the processor. wasmtime installs handlers for these signals once, with a process's first engine, and passes other
faults to the handlers that were installed before. A handler that is installed later gets the signals first. Python's
`faulthandler` is one, if it is enabled later: it prints a traceback, and the guest's trap kills the process; if it is
*disabled* later, it removes wasmtime's handlers with its own. So the handlers are saved, and restored before guests run. A
fault of the process itself then reaches the handler from before the first engine: `faulthandler`, if it was enabled by
then.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from functools import cache

__all__ = ["TrapSignals", "trap_signals"]

#: Signals of traps. Only the first is checked each time, because handlers are replaced for all of them together.
_SIGNALS = (signal.SIGILL, signal.SIGSEGV, signal.SIGFPE)

#: Number of words that any `struct sigaction` fits into; the first is the handler's address.
_ACTION = ctypes.c_size_t * 32


class TrapSignals:
    """The current handlers. Create this immediately after wasmtime has installed its own."""

    def __init__(self) -> None:
        self._ours: list[tuple[int, ctypes.Array[ctypes.c_size_t], int]] = []
        if sys.platform != "linux":  # macOS delivers traps in other ways, Windows is not supported
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
        """Restore wasmtime's handlers if they were replaced; this takes a microsecond if they were not."""
        for number, action, handler in self._ours:
            self._sigaction(number, None, self._at)
            if self._now[0] == handler:
                return
            self._sigaction(number, ctypes.addressof(action), None)


@cache
def trap_signals() -> TrapSignals:
    """Return the process's handlers; the first call must follow the creation of its first engine."""
    return TrapSignals()
