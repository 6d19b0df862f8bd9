"""How a native callback ends that raised: as a trap, with the exception and its traceback kept for debuggers."""

from __future__ import annotations

from types import TracebackType

from ...engine import Trap
from ...errors import remember
from ...sdk.diagnostics.tracebacks import hidden_folders

__all__ = ["noticed", "trap_of"]


def noticed(error: BaseException) -> None:
    """What the filter raised has left it: `%debug` and `pdb.pm` go to its line from now on."""
    remember(error.with_traceback(_own(error.__traceback__)))


def trap_of(error: BaseException) -> Trap:
    """What Wasm does after an exception: it executes `unreachable`."""
    noticed(error)
    trap = Trap("unreachable", "unreachable")
    trap.raised = error
    return trap


def _own(traceback: TracebackType | None) -> TracebackType | None:
    """The frames of the filter, and of what it called, without ours around them and between.

    So a debugger opens on the filter's line, even if it was our SDK that raised.
    """
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(hidden_folders()):
            frames.append(traceback)
        traceback = traceback.tb_next
    own = None
    for found in reversed(frames):
        own = TracebackType(own, found.tb_frame, found.tb_lasti, found.tb_lineno)
    return own
