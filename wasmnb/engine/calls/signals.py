"""Handlers for the signals raised by Wasm traps.

With wasmtime 50 on Linux, an `unreachable`, a division by zero, an access outside memory or a stack overflow raises a signal
such as SIGSEGV. wasmtime installs handlers for these signals once, with the first engine of a process, and passes other faults
to the handlers that were installed before. A handler that is installed later receives the signals first. For example, if
Python's `faulthandler` is enabled later, a trap of the guest prints a traceback and kills the process. If `faulthandler` is
*disabled* later, it removes wasmtime's handlers together with its own. For this reason, wasmtime's handlers are saved, and
restored before guests run. A fault of the process itself is then passed to the handler installed before the first engine, such
as `faulthandler`.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from functools import cache

__all__ = ["TrapSignals", "trap_signals"]

#: Signals of traps. Only the first is checked each time, because the handlers are always replaced together.
_SIGNALS = (signal.SIGILL, signal.SIGSEGV, signal.SIGFPE)

#: Array of words that is large enough for any `struct sigaction`. The first word is the handler's address.
_ACTION = ctypes.c_size_t * 32


class TrapSignals:
    """wasmtime's signal handlers. Create this object immediately after wasmtime has installed them."""

    def __init__(self) -> None:
        self._ours: list[tuple[int, ctypes.Array[ctypes.c_size_t], int]] = []
        if sys.platform != "linux":  # macOS handles traps differently, and Windows isn't supported
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
        """Restore wasmtime's handlers if they have been replaced. Otherwise, the call takes only a microsecond."""
        for number, action, handler in self._ours:
            self._sigaction(number, None, self._at)
            if self._now[0] == handler:
                return
            self._sigaction(number, ctypes.addressof(action), None)


@cache
def trap_signals() -> TrapSignals:
    """Return the signal handlers of this process. The first call must follow the creation of the first engine."""
    return TrapSignals()
