"""`breakpoint()` for native filters, so that it stops in a notebook, too, and keeps to the filter.

Facts (ipykernel with debugpy): the kernel gives `breakpoint()` to debugpy, which stops only while an editor's debugger is
attached, and else goes on without a word. `pdb` asks at the cell's prompt whoever is attached, and is IPython's there.
"""

from __future__ import annotations

import builtins
import os
import pdb  # noqa: T100 -- it is what this is about
import sys
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, FrameType, TracebackType
from typing import Any

from ..._places import LIBRARY, MADE, OURS

__all__ = ["hook_for"]

#: How the file names of our code begin; some of it is made at run time.
_OURS = (OURS, "<wasmnb")
_LIBRARY = (*LIBRARY, *MADE)


def hook_for(chosen: Callable[..., Any], say: Callable[[str], None]) -> Callable[..., Any]:
    """What `sys.breakpointhook` is to be while a filter runs.

    Parameters
    ----------
    chosen
        What it is outside. It stays, if somebody has chosen a debugger that stops by itself.
    say
        Writes to the proxy's log, for a breakpoint that cannot stop.
    """
    if chosen is not sys.__breakpointhook__:
        debugpy = sys.modules.get("debugpy")
        of_debugpy = str(getattr(chosen, "__module__", "")).startswith("debugpy")
        return chosen if not of_debugpy or (debugpy and debugpy.is_client_connected()) else partial(_stop, say)
    return chosen if os.environ.get("PYTHONBREAKPOINT", "") not in ("", "pdb.set_trace") else partial(_stop, say)


def _stop(say: Callable[[str], None]) -> None:
    frame = sys._getframe(1)  # the filter's: between are only callables without a frame
    if _can_ask():
        _debugger().set_trace(frame)
    else:
        where = f"breakpoint() in line {frame.f_lineno} does not stop"
        say(f"{where}: only a running cell has a prompt. Send the request from one.")


def _can_ask() -> bool:
    """Whether a prompt is answered: in a kernel while a cell runs, if the front-end has one; a panel's request has none."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return True
    return not isinstance(builtins.input, BuiltinFunctionType) and bool(getattr(kernel, "_allow_stdin", True))


def _debugger() -> pdb.Pdb:
    """A debugger that neither stops in our code nor shows it: the filter seems to be called by whoever sent the request."""

    class Debugger(pdb.Pdb):  # what it is by now: a kernel puts IPython's there
        def stop_here(self, frame: FrameType) -> bool:
            return not _is_ours(frame) and super().stop_here(frame)

        def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[list[tuple[FrameType, int]], int]:
            stack, at = super().get_stack(f, t)
            shown = [entry for entry in stack if entry is stack[at] or not _is_ours(entry[0])]
            return shown, shown.index(stack[at])

    return Debugger()


def _is_ours(frame: FrameType | None) -> bool:
    """Our code, or what of the standard library it has called."""
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARY):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)
