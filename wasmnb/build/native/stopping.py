"""`breakpoint()` for native filters, so that it stops in a notebook, too.

Facts (ipykernel with debugpy): the kernel gives `breakpoint()` to debugpy, which stops only while an editor's debugger is
attached, and else goes on without a word. `pdb` asks at the cell's prompt whoever is attached. `pdb.Pdb` is IPython's then,
which leaves hidden frames out of `where`, `up` and `down`.
"""

from __future__ import annotations

import builtins
import pdb  # noqa: T100 -- it is what this is about
import sys
import sysconfig
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FrameType
from typing import Any

__all__ = ["breakpoint_now"]

#: How the file names of our code begin; some of it is made at run time.
_OURS = (str(Path(__file__).parents[2]), "<wasmnb")
_LIBRARY = (sysconfig.get_path("stdlib"), "<string>")


def breakpoint_now(say: Callable[[str], None]) -> Callable[..., Any]:
    """What `breakpoint` is to be in a filter's namespace: Python's own wherever its hook stops by itself.

    Parameters
    ----------
    say
        Writes to the proxy's log, for a breakpoint that cannot stop.
    """
    return partial(_stop, say) if _is_debugpys(sys.breakpointhook) else builtins.breakpoint


def _is_debugpys(hook: Any) -> bool:
    return str(getattr(hook, "__module__", "")).startswith("debugpy")


def _stop(say: Callable[[str], None], /, *args: Any, **named: Any) -> Any:
    hook = sys.breakpointhook
    debugpy = sys.modules.get("debugpy")
    if not _is_debugpys(hook) or (debugpy is not None and debugpy.is_client_connected()):
        return hook(*args, **named)
    frame = sys._getframe(1)
    if _can_ask():
        return _debugger().set_trace(frame)
    say(
        f"breakpoint() in line {frame.f_lineno} does not stop: only a running cell has a prompt. Send the request from one."
    )
    return None


def _can_ask() -> bool:
    """Whether a prompt is answered: in a kernel while a cell runs, if the front-end has one; a panel's request has none."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return True
    return not isinstance(builtins.input, BuiltinFunctionType) and bool(getattr(kernel, "_allow_stdin", True))


def _debugger() -> pdb.Pdb:
    """A debugger that neither stops in our code nor shows it: the filter seems to be called by the cell."""

    class Debugger(pdb.Pdb):  # of a kernel: IPython's
        def stop_here(self, frame: FrameType) -> bool:
            return not _is_ours(frame) and super().stop_here(frame)

        def _hidden_predicate(self, frame: FrameType) -> Any:  # only IPython's asks
            return _is_ours(frame) or super()._hidden_predicate(frame)  # type: ignore[misc]

    return Debugger()


def _is_ours(frame: FrameType | None) -> bool:
    """Our code, or what of the standard library it has called."""
    while frame is not None and frame.f_code.co_filename.startswith(_LIBRARY):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.startswith(_OURS)
