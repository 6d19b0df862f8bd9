"""Exceptions that leave a callback of a native filter. They become traps, and are stored for debuggers."""

from __future__ import annotations

from types import TracebackType

from ...engine import Trap
from ...errors import set_last_exception
from ...sdk.diagnostics.tracebacks import hidden_folders

__all__ = ["remember_exception", "trap_of"]


def remember_exception(error: BaseException) -> None:
    """Store an exception that left the filter, so that `%debug` and `pdb.pm` open at its line."""
    set_last_exception(error.with_traceback(_own(error.__traceback__)))


def trap_of(error: BaseException) -> Trap:
    """Return the trap for an exception. It is the same as in Wasm, where `unreachable` is executed after an exception."""
    remember_exception(error)
    trap = Trap("unreachable", "unreachable")
    trap.raised = error
    return trap


def _own(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback with the frames of the filter and the functions that it calls, without wasmnb's frames.

    A debugger then opens at the filter's line, even if the SDK raised the exception.
    """
    frames = []
    while traceback is not None:
        if not traceback.tb_frame.f_code.co_filename.startswith(hidden_folders()):
            frames.append(traceback)
        traceback = traceback.tb_next
    own = None
    for entry in reversed(frames):
        own = TracebackType(own, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return own
