"""Check whether processes are running."""

import os
import signal
import time
from pathlib import Path


def running(pid: int) -> bool:
    """Return whether a process exists and isn't a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends(pid: int, seconds: float = 5.0) -> bool:
    """Return whether a process ends within some seconds. If it doesn't, kill it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not running(pid):
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False
