"""The wait for a starting Envoy: it has no fixed end while the process works.

A module of several megabytes takes Envoy seconds on a fast machine and minutes on a busy one, so a limit in seconds fails for
no reason. An Envoy that uses no processor time and writes no log line any more will not become ready.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["IDLE", "Progress", "StartWait"]

#: Seconds without work after which a process counts as stuck, and the processor time in them that is not work: answers to
#: the questions whether it is ready.
IDLE, _NOT_WORK = 60.0, 0.2

#: Seconds between two questions whether Envoy is ready, at first and at last.
_FIRST, _LAST = 0.01, 0.1

#: Seconds between two steps of the progress.
_STEP = 0.5

#: Takes a step as text, and the share that is done.
Progress = Callable[[str, float], None]


class StartWait:
    """Counts the time of a start, shows it, and reports when it can't succeed.

    Parameters
    ----------
    pid
        The process.
    log
        Its log file.
    limit
        Seconds until it must be ready; None for no end while it works.
    progress
        Shows the step; None to show nothing.
    idle
        Seconds without work after which it is stuck (60).
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
        """Seconds since the start."""
        return time.monotonic() - self._began

    def problem(self) -> str:
        """Return why Envoy won't become ready, or an empty string."""
        if self._limit is not None and self.elapsed > self._limit:
            return f"Envoy wasn't ready after {self._limit:g} seconds. Allow more with startup=, or None for no end"
        cpu, size = self._work()
        if cpu > self._seen[0] + _NOT_WORK or size > self._seen[1]:
            self._seen, self._worked = (cpu, size), time.monotonic()
        if time.monotonic() - self._worked > self._idle:
            return f"Envoy isn't ready, and has done nothing for {self._idle:g} seconds"
        return ""

    def pause(self) -> None:
        """Show the progress, and wait a moment."""
        elapsed = self.elapsed
        if self._progress is not None and elapsed - self._shown >= _STEP:
            self._shown = elapsed
            share = elapsed / self._limit if self._limit else elapsed / (elapsed + 20.0)
            self._progress(f"Envoy loads the module: {elapsed:.0f} s", share)
        time.sleep(self._pause)
        self._pause = min(_LAST, self._pause * 1.1)

    def _work(self) -> tuple[float, int]:
        """Return the processor time so far, in seconds, and the size of the log."""
        try:
            fields = self._stat.read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), self._log.stat().st_size
        except OSError:
            return 0.0, 0
