"""A deadline for filters that run natively. A signal interrupts them, because there is no Wasm engine that could stop them.

An exception raised by a signal handler is lost if C code raises another exception at the same time, so the signal is repeated
until the filter has stopped. The exception is raised only while the filter's code, or code called by it, is running. It is not
raised in callbacks of weak references and in finalizers, where Python only prints exceptions.
"""

from __future__ import annotations

import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ...._code_paths import INSTALLED, PACKAGE, STDLIB

__all__ = ["Alarm", "DeadlineExceeded", "alarm", "alarm_available"]

#: Seconds between two signals.
_INTERVAL = 0.05


class DeadlineExceeded(BaseException):
    """Exception that is raised in the running filter at the deadline. `except Exception` doesn't catch it."""


class Alarm:
    """State of an alarm, which records whether it has raised an exception."""

    fired = False


def alarm_available() -> bool:
    """Return whether the alarm can be used, which is true in the main thread on systems with signals."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def alarm(seconds: float | None) -> Iterator[Alarm]:
    """Raise `DeadlineExceeded` in the filter if the block takes longer than `seconds`.

    If `seconds` is None, or if `alarm_available` returns False, the block isn't limited.
    """
    state = Alarm()
    if seconds is None or not alarm_available():
        yield state
        return

    def on_signal(_number: int, frame: FrameType | None) -> None:
        if _in_filter(frame):
            state.fired = True
            raise DeadlineExceeded

    previous = signal.signal(signal.SIGALRM, on_signal)
    signal.setitimer(signal.ITIMER_REAL, seconds, _INTERVAL)
    try:
        yield state
    except DeadlineExceeded:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _in_filter(frame: FrameType | None) -> bool:
    """Return whether the running code belongs to a filter, or to a library called by it, and may raise an exception."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE) or file == weakref.__file__ or frame.f_code.co_name == "__del__":
            return False
        if not file.startswith((*STDLIB, *INSTALLED)):
            return True
        frame = frame.f_back
    return False
