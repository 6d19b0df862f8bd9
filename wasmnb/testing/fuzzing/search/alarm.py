"""A limit for filters that run natively: no engine can stop them, but a signal can interrupt Python.

Facts: an exception that a signal's handler raises may get lost, if it strikes while C code makes another one. So the alarm
rings until it is heard; and only while the filter's own code runs, or what it calls, never in the host.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from ...._code_paths import INSTALLED, PACKAGE, STDLIB

__all__ = ["Alarm", "StillRunning", "alarm", "can_ring"]

#: Seconds between two rings.
_AGAIN = 0.05


class StillRunning(BaseException):
    """Raised in the filter that runs when the time is over; no `except Exception` takes it."""


class Alarm:
    """Whether it rang."""

    rang = False


def can_ring() -> bool:
    """Whether there is an alarm here: on systems with signals, in the main thread."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def alarm(seconds: float | None) -> Iterator[Alarm]:
    """Have the block interrupted with `StillRunning` after so many seconds; None: never. It needs `can_ring`."""
    made = Alarm()
    if seconds is None or not can_ring():
        yield made
        return

    def ring(_number: int, frame: FrameType | None) -> None:
        if _in_filter(frame):
            made.rang = True
            raise StillRunning

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN)
    try:
        yield made
    except StillRunning:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _in_filter(frame: FrameType | None) -> bool:
    """Whether the innermost code that is no library's is a filter's rather than ours."""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(PACKAGE):
            return False
        if not file.startswith((*STDLIB, *INSTALLED)):
            return True
        frame = frame.f_back
    return False
