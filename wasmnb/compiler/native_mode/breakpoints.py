"""The function `breakpoint()` for native filters. It also stops in a notebook, and shows only the filter's frames.

In ipykernel with debugpy, the kernel passes `breakpoint()` to debugpy, which stops only while an editor's debugger is attached,
and otherwise returns silently. `pdb` (IPython's version in a kernel) prompts in the cell's output in both cases.
"""

from __future__ import annotations

import builtins
import os
import pdb  # noqa: T100 -- this module starts it
import sys
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, FrameType, TracebackType
from typing import Any

from ..._code_paths import GENERATED, PACKAGE, STDLIB

__all__ = ["hook_for"]

#: Prefixes of the file names of wasmnb's code, which includes generated code.
_OURS = (PACKAGE, "<wasmnb")
_LIBRARY = (*STDLIB, *GENERATED)


def hook_for(current: Callable[..., Any], write_log: Callable[[str], None]) -> Callable[..., Any]:
    """Return the function to use as `sys.breakpointhook` while a filter runs.

    Parameters
    ----------
    current
        Current hook, which is returned unchanged if it belongs to a debugger that already works.
    write_log
        Function that writes to the proxy's log. It is called if the debugger can't stop at a breakpoint.
    """
    if current is not sys.__breakpointhook__:
        debugpy = sys.modules.get("debugpy")
        is_debugpy = str(getattr(current, "__module__", "")).startswith("debugpy")
        return current if not is_debugpy or (debugpy and debugpy.is_client_connected()) else partial(_stop, write_log)
    is_default = os.environ.get("PYTHONBREAKPOINT", "") in ("", "pdb.set_trace")
    return partial(_stop, write_log) if is_default else current


def _stop(write_log: Callable[[str], None]) -> None:
    frame = sys._getframe(1)  # the filter's frame, because the callables between have no Python frame
    if _has_prompt():
        _debugger().set_trace(frame)
    else:
        where = f"breakpoint() in line {frame.f_lineno} doesn't stop"
        write_log(f"{where}, because only a running cell has a prompt. Send the request from a cell.")


def _has_prompt() -> bool:
    """Return whether the user can answer a prompt. In a kernel, answers are possible while a cell runs, but not for requests
    from a panel.
    """
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return True
    return not isinstance(builtins.input, BuiltinFunctionType) and bool(getattr(kernel, "_allow_stdin", True))


def _debugger() -> pdb.Pdb:
    """Return a debugger that skips wasmnb's frames, as if the sender of the request had called the filter directly."""

    class Debugger(pdb.Pdb):  # `pdb.Pdb` is looked up here, because a kernel replaces it
        def stop_here(self, frame: FrameType) -> bool:
            return not _is_ours(frame) and super().stop_here(frame)

        def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[list[tuple[FrameType, int]], int]:
            stack, at = super().get_stack(f, t)
            shown = [entry for entry in stack if entry is stack[at] or not _is_ours(entry[0])]
            return shown, shown.index(stack[at])

    return Debugger()


def _is_ours(frame: FrameType | None) -> bool:
    """Return whether a frame belongs to wasmnb, or to code of the standard library that wasmnb called."""
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARY):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)
