"""Command lines of Python processes that end when their parent process ends, even if the parent is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["python_command"]

#: Code that asks Linux to kill its process when the parent ends. On other systems, the process ends when its work is done.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv.pop(1))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # the parent ended before prctl was called
        sys.exit(1)
"""


def python_command(code: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command line of a Python process that runs `code`, and that ends when the calling process ends."""
    return [sys.executable, "-c", _DIE_WITH_PARENT + code, str(os.getpid()), *arguments]
