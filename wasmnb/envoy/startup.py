"""Waiting for Envoy to start, without a time limit while it makes progress.

Envoy compiles a module of several megabytes in seconds on a fast machine and in minutes on a busy one, so a time limit would fail
without a reason. But an Envoy that no longer uses processor time and writes no log lines won't become ready.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["IDLE", "Progress", "StartWait"]

#: Seconds without progress after which Envoy counts as stuck, and the processor seconds in this time that don't count as progress,
#: because readiness checks use them.
IDLE, _NOT_WORK = 60.0, 0.2

#: Seconds between two readiness checks: at first, and later.
_FIRST, _LAST = 0.01, 0.1

#: Seconds between two calls of `progress`.
_STEP = 0.5

#: Called with a description of the step, and the fraction that is done, from 0 to 1.
Progress = Callable[[str, float], None]


class StartWait:
    """Measures how long Envoy takes to start, shows the progress, and detects that it won't become ready.

    Parameters
    ----------
    pid
        Process id of Envoy.
    log
        Path of Envoy's log file.
    limit
        Seconds until Envoy must be ready. None: no limit while it makes progress.
    progress
        Called twice a second with a description of the step and the fraction that is done, from 0 to 1. None: nothing is called.
    idle
        Seconds without progress after which Envoy counts as stuck (default 60).
    """

    def __init__(
        self, pid: int, log: Path, limit: float | None, progress: Progress | None, *, idle: float = IDLE
    ) -> None:
        self._stat = Path(f"/proc/{pid}/stat")
        self._log = log
        self._limit = limit
        self._progress = progress
        self._idle = idle
        self._began = self._worked = time.monotonic()
        self._seen = self._work()
        self._shown = 0.0
        self._pause = _FIRST

    @property
    def elapsed(self) -> float:
        """Seconds since the start began."""
        return time.monotonic() - self._began

    def problem(self) -> str:
        """Return why Envoy won't become ready, or an empty string."""
        if self._limit is not None and self.elapsed > self._limit:
            return f"Envoy wasn't ready after {self._limit:g} seconds. Give a higher startup=, or startup=None for no limit"
        cpu, size = self._work()
        if cpu > self._seen[0] + _NOT_WORK or size > self._seen[1]:
            self._seen, self._worked = (cpu, size), time.monotonic()
        if time.monotonic() - self._worked > self._idle:
            return f"Envoy isn't ready, and has done nothing for {self._idle:g} seconds"
        return ""

    def pause(self) -> None:
        """Report the progress, and wait briefly."""
        elapsed = self.elapsed
        if self._progress is not None and elapsed - self._shown >= _STEP:
            self._shown = elapsed
            share = elapsed / self._limit if self._limit else elapsed / (elapsed + 20.0)
            self._progress(f"Envoy loads the module: {elapsed:.0f} s", share)
        time.sleep(self._pause)
        self._pause = min(_LAST, self._pause * 1.1)

    def _work(self) -> tuple[float, int]:
        """Return the processor time so far in seconds, and the size of the log in bytes."""
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), self._log.stat().st_size
        except OSError:
            return 0.0, 0
