"""A deadline for filters that run natively: an engine can't stop them, but a signal interrupts Python.

An exception that a signal handler raises is lost if C code raises another one at the same time. The alarm therefore
repeats until the filter has stopped. It raises only while code of the filter runs, or code that it calls, never in the host,
and not in callbacks of weak references and finalizers, where Python prints exceptions and goes on.
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
    """Raised in the running filter at the deadline. `except Exception` doesn't catch it."""


class Alarm:
    """State of an alarm: whether it has fired."""

    fired = False


def alarm_available() -> bool:
    """Return whether the alarm works here: on systems with signals, in the main thread."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def alarm(seconds: float | None) -> Iterator[Alarm]:
    """Interrupt the block with `DeadlineExceeded` after `seconds`; never, if it is None or `alarm_available` is False."""
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
    """Return whether the innermost code outside libraries belongs to a filter, and an exception in it reaches its caller."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE) or file == weakref.__file__ or frame.f_code.co_name == "__del__":
            return False
        if not file.startswith((*STDLIB, *INSTALLED)):
            return True
        frame = frame.f_back
    return False
