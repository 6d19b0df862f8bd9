"""A limit for filters that run natively: no engine can stop them, but a signal can interrupt Python."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Alarm", "StillRunning", "alarm"]


class StillRunning(BaseException):
    """Raised in whatever runs when the time is over; no `except Exception` of a filter takes it."""


class Alarm:
    """Whether it rang."""

    rang = False


@contextmanager
def alarm(seconds: float | None) -> Iterator[Alarm]:
    """Have the block interrupted with `StillRunning` after so many seconds; None, or another thread than the main one: never."""
    made = Alarm()
    if seconds is None or threading.current_thread() is not threading.main_thread():
        yield made
        return

    def ring(_number: int, _frame: FrameType | None) -> None:
        made.rang = True
        raise StillRunning

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield made
    except StillRunning:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
