"""Python processes that end with the one that started them, also if that is killed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

__all__ = ["python_command"]

#: Linux kills a process that asked for it when its parent dies. Elsewhere it ends when its work is done.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
parent = int(sys.argv.pop(1))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it died before that
        sys.exit(1)
"""


def python_command(code: str, arguments: Sequence[str] = ()) -> list[str]:
    """Command line of a Python process that runs `code` and dies with this one."""
    return [sys.executable, "-c", _DIE_WITH_PARENT + code, str(os.getpid()), *arguments]
