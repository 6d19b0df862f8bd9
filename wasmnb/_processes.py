"""Python processes that end when their parent process ends, even if the parent is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["python_command"]

#: Asks Linux to kill this process when its parent dies. On other systems, the process ends when its work is done.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv.pop(1))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # the parent died before the request
        sys.exit(1)
"""


def python_command(code: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command line of a Python process that runs `code` and ends with this process."""
    return [sys.executable, "-c", _DIE_WITH_PARENT + code, str(os.getpid()), *arguments]
