"""Waiting for Envoy to start. There is no time limit while Envoy makes progress.

Compiling a module of several megabytes takes seconds on a fast machine and minutes on a busy one, so a time limit would
sometimes be too short. But an Envoy that no longer uses CPU time and writes no log lines won't become ready.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["IDLE", "Progress", "StartWait"]

#: Seconds without progress after which Envoy counts as stuck, and CPU seconds that readiness checks can use in this time. They
#: don't count as progress.
IDLE, _NOT_WORK = 60.0, 0.2

#: Seconds between two readiness checks: at the beginning, and at most.
_FIRST, _LAST = 0.01, 0.1

#: Seconds between two calls of `progress`.
_STEP = 0.5

#: Called with a description of the step and a fraction from 0 to 1.
Progress = Callable[[str, float], None]


class StartWait:
    """Waiting for Envoy to start. The object reports progress, and detects that Envoy won't become ready.

    Parameters
    ----------
    pid
        Process id of Envoy.
    log
        Path of Envoy's log file.
    limit
        Maximum seconds until Envoy is ready. If None, there is no limit while Envoy makes progress.
    progress
        Called twice a second with a description of the step and a fraction from 0 to 1, or None.
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
        """Seconds since Envoy was started."""
        return time.monotonic() - self._began

    def problem(self) -> str:
        """Return the reason why Envoy won't become ready, or '' if there is none."""
        if self._limit is not None and self.elapsed > self._limit:
            return f"Envoy wasn't ready after {self._limit:g} seconds. Pass a higher startup=, or startup=None for no limit"
        cpu, size = self._work()
        if cpu > self._seen[0] + _NOT_WORK or size > self._seen[1]:
            self._seen, self._worked = (cpu, size), time.monotonic()
        if time.monotonic() - self._worked > self._idle:
            return f"Envoy isn't ready, and has used no CPU time for {self._idle:g} seconds. Try again, or use a smaller module"
        return ""

    def pause(self) -> None:
        """Report the progress of the start, and wait briefly."""
        elapsed = self.elapsed
        if self._progress is not None and elapsed - self._shown >= _STEP:
            self._shown = elapsed
            share = elapsed / self._limit if self._limit else elapsed / (elapsed + 20.0)
            self._progress(f"Envoy loads the module: {elapsed:.0f} s", share)
        time.sleep(self._pause)
        self._pause = min(_LAST, self._pause * 1.1)

    def _work(self) -> tuple[float, int]:
        """Return the CPU time that Envoy has used so far in seconds, and the size of its log in bytes."""
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), self._log.stat().st_size
        except OSError:
            return 0.0, 0
