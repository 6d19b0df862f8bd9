"""Handling of the interrupt button while a guest runs.

Python runs signal handlers when it enters a Python function. While a guest runs, the next such function is a callback called by
C. If a handler raises an exception before the first line of this callback, the exception is lost, because ctypes prints it and
continues. For this reason, SIGINT has a different handler while guests may run. Inside a guest, this handler only sets a flag,
and the next epoch, or the end of the guarded block, raises KeyboardInterrupt where it can be caught. The flag is also used for
interrupts in finalizers and in callbacks of weak references, where exceptions are lost as well.

Python runs signal handlers only in the main thread. Guests in other threads aren't affected.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Container
from types import CodeType, FrameType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """Context manager for code that calls guests. It can be nested at almost no cost.

    Parameters
    ----------
    prepare
        Function called before guests run.
    entries
        Code objects of the Python functions that call guests.
    """

    def __init__(self, prepare: Callable[[], None], entries: Container[CodeType]) -> None:
        self._prepare = prepare
        self._entries = entries
        self._before: Any = None
        self._depth = 0
        self.pending = False

    def __enter__(self) -> Self:
        """Install the signal handler. An interrupt between any two lines of this method is handled correctly."""
        if self._depth == 0 or threading.current_thread() is not threading.main_thread():
            self._prepare()
        if threading.current_thread() is threading.main_thread():  # Python runs signal handlers only there
            if self._depth == 0:
                self.pending = False
                before = signal.getsignal(signal.SIGINT)
                if callable(before) and before != self._note:
                    self._before = before
                    signal.signal(signal.SIGINT, self._note)
            self._depth += 1
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        self._depth = max(0, self._depth - 1)
        if self._depth == 0 and self._before is not None:
            before = self._before
            signal.signal(signal.SIGINT, before)
            self._before = None
            pending, self.pending = self.pending, False
            if pending and not (kind is not None and issubclass(kind, KeyboardInterrupt)):
                before(signal.SIGINT, None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if _is_on_stack(_OWN, frame):
            self.pending = True  # an exception there would make the count of nested blocks wrong
            return
        self.pending = self._depth > 0
        if not _is_on_stack(self._entries, frame):
            self._before(number, frame)

    def check(self) -> None:
        """If a signal arrived inside a guest, call the original handler, which raises KeyboardInterrupt."""
        if self.pending and threading.current_thread() is threading.main_thread():
            self.pending = False
            self._before(signal.SIGINT, None)


#: Functions that an interrupt doesn't stop, including the functions that they call.
_OWN = frozenset((Interrupts.__enter__.__code__, Interrupts.__exit__.__code__))


def _is_on_stack(codes: Container[CodeType], frame: FrameType | None) -> bool:
    """Return whether one of these code objects is on the stack of a frame."""
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False
