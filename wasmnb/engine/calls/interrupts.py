"""The interrupt button while a guest runs.

Facts: Python runs signal handlers when it enters a Python function. While a guest runs, the next one entered is a
callback that C called, and an exception of the handler *there*, before the function's first line, is lost: ctypes prints
it and continues. So while guests may run, SIGINT gets a handler that does not raise inside a guest. It sets a flag, and
the next epoch, or the end of the guarded block, raises KeyboardInterrupt where it can be caught. The flag also covers
interrupts in finalizers and callbacks of weak references, which swallow exceptions as well.

Python runs signal handlers in the main thread only. Guests in other threads are not affected.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Container
from types import CodeType, FrameType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """A context manager for code that calls guests. It can be nested, at the cost of one comparison.

    Parameters
    ----------
    prepare
        Called before guests run.
    entries
        Code of the Python functions that call guests.
    """

    def __init__(self, prepare: Callable[[], None], entries: Container[CodeType]) -> None:
        self._prepare = prepare
        self._entries = entries
        self._before: Any = None
        self._depth = 0
        self.pending = False

    def __enter__(self) -> Self:
        """Install the handler. An interrupt may arrive between any two lines here, and each state between them works."""
        if self._depth == 0 or threading.current_thread() is not threading.main_thread():
            self._prepare()
        if threading.current_thread() is threading.main_thread():  # Python's signal handlers are the main thread's
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
            self.pending = True  # an exception there would leave the count of blocks wrong
            return
        self.pending = self._depth > 0
        if not _is_on_stack(self._entries, frame):
            self._before(number, frame)

    def check(self) -> None:
        """Call the original handler, which raises KeyboardInterrupt, if the signal arrived inside a guest."""
        if self.pending and threading.current_thread() is threading.main_thread():
            self.pending = False
            self._before(signal.SIGINT, None)


#: Functions that an interrupt doesn't stop, including the functions that they call.
_OWN = frozenset((Interrupts.__enter__.__code__, Interrupts.__exit__.__code__))


def _is_on_stack(codes: Container[CodeType], frame: FrameType | None) -> bool:
    """Return whether any of these functions is on the stack of a frame."""
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False
