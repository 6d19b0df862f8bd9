"""`breakpoint()` for native filters, so that it stops in a notebook, too.

Facts (ipykernel with debugpy): the kernel gives `breakpoint()` to debugpy, which stops only while an editor's debugger is
attached, and else goes on without a word. `pdb` asks at the cell's prompt whoever is attached.
"""

from __future__ import annotations

import builtins
import pdb  # noqa: T100 -- it is what this is about
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["breakpoint_now"]


def breakpoint_now() -> Callable[..., Any]:
    """What `breakpoint` is to be in a filter's namespace: Python's own wherever its hook stops by itself."""
    return _stop if _is_debugpys(sys.breakpointhook) else builtins.breakpoint


def _is_debugpys(hook: Any) -> bool:
    return str(getattr(hook, "__module__", "")).startswith("debugpy")


def _stop(*args: Any, **named: Any) -> Any:
    hook = sys.breakpointhook
    debugpy = sys.modules.get("debugpy")
    if not _is_debugpys(hook) or (debugpy is not None and debugpy.is_client_connected()):
        return hook(*args, **named)
    return pdb.Pdb().set_trace(sys._getframe(1))  # of a kernel: IPython's
