"""How a native callback ends that raised: as a trap, with the exception and its traceback kept for debuggers."""

from __future__ import annotations

from types import TracebackType

from ...engine import Trap
from ...sdk.tracebacks import hidden_folders

__all__ = ["is_users", "trap_of"]

#: What somebody at the keyboard means, and no fault of the filter: the interrupt button; leaving the debugger.
_USERS = ("KeyboardInterrupt", "BdbQuit")


def is_users(error: BaseException) -> bool:
    """Whether it was the user who ended the callback."""
    return type(error).__name__ in _USERS


def trap_of(error: BaseException) -> Trap:
    """What Wasm does after an exception: it executes `unreachable`."""
    trap = Trap("unreachable", "unreachable")
    trap.raised = error.with_traceback(_own(error.__traceback__))
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
