"""Formatting of exceptions raised by a filter. The tracebacks show the filter's lines and omit the SDK's frames."""

import os.path
import re
import sys
import traceback
from collections.abc import Iterable
from types import CodeType, TracebackType
from typing import Any

from ..loading.source_cache import MODULE_NAME
from .reprs import Reprs

__all__ = ["format_exception", "format_running", "hidden_folders", "running_frames"]

#: Subpackages of wasmnb whose frames are hidden. Frames of `compiler` occur only in native filters.
_FLOORS = ("sdk", "abi", "compiler")


def _folder(code: CodeType) -> str:
    """Return the folder of the package `wasmnb` according to the file name in a code object of this module."""
    return code.co_filename.rpartition(os.path.join(os.sep, "sdk", "diagnostics", ""))[0]  # noqa: PTH118 - no pathlib in the guest's start


def hidden_folders() -> tuple[str, ...]:
    """Return the folders whose frames are omitted from tracebacks."""
    folder = _folder(format_exception.__code__)
    return tuple(os.path.join(folder, floor, "") for floor in _FLOORS)  # noqa: PTH118


#: Prefix of the filter's module before the name of its own exception classes. (Lines of source code are indented.)
_OWN = re.compile(rf"^((?: *\| )?){MODULE_NAME}\.", re.MULTILINE)

#: Python's suggestions of names that exist only in an interactive interpreter.
_INTERACTIVE = re.compile(r"\. Did you mean: '(?:help|exit|quit|copyright|credits|license)'\?")

#: Maximum number of characters of a local variable's value, and maximum number of variables shown for a frame.
_LENGTH, _MOST = 120, 30


def format_exception(error: BaseException, *, show_locals: bool = False) -> str:
    """Format an exception and its causes in the same way as Python, but without the SDK's frames.

    Parameters
    ----------
    error
        The exception.
    show_locals
        Whether to add local variables of the filter's frames, as lines such as `local user = 'ann'` (default False).
    """
    try:
        # Source lines are looked up only for frames that are printed. Deep recursion has a thousand frames, but prints few.
        summary = traceback.TracebackException.from_exception(error, lookup_lines=False)
        _FrameFilter(_LENGTH if show_locals else 0).apply(summary, error)
        return _OWN.sub(r"\1", _INTERACTIVE.sub("", "".join(summary.format()).rstrip("\n")))
    except Exception:  # noqa: BLE001 - a hostile __str__ or no memory: only the type can be shown
        return f"{type(error).__name__} (its traceback cannot be shown)"


def running_frames() -> list[traceback.FrameSummary]:
    """Return the filter's frames on the current stack. The innermost frame is the last item."""
    ours = (*hidden_folders(), "<frozen importlib", "/0/")
    return [f for f in traceback.extract_stack(sys._getframe(1)) if not f.filename.startswith(ours)]


def format_running(frames: list[traceback.FrameSummary], reason: str) -> str:
    """Format frames as a traceback. The last line is `reason` (why the filter was stopped). Returns '' for an empty list."""
    if not frames:
        return ""
    return "".join(["Traceback (most recent call last):\n", *traceback.format_list(frames), reason])


class _Frames(traceback.StackSummary):
    """A list of an exception's frames that formats repeated frames only once.

    Python formats every frame before it omits repetitions, which would be slow for the thousand frames of a deep recursion.
    """

    def __init__(self, frames: Iterable[traceback.FrameSummary]) -> None:
        super().__init__(frames)
        self._texts: dict[object, str] = {}

    def format_frame_summary(self, frame_summary: traceback.FrameSummary, **kwargs: Any) -> str:
        """Return the lines of a traceback for one frame, in Python's format."""
        if frame_summary.locals:
            return super().format_frame_summary(frame_summary, **kwargs)
        # The type annotations of Python 3.11 don't contain these attributes.
        position = (getattr(frame_summary, name) for name in ("end_lineno", "colno", "end_colno"))
        place = (frame_summary.filename, frame_summary.lineno, frame_summary.name, *position)
        if place not in self._texts:
            self._texts[place] = super().format_frame_summary(frame_summary, **kwargs)
        return self._texts[place]


class _FrameFilter:
    """Filter that removes the SDK's frames from an exception and its causes, and optionally adds local variables.

    Parameters
    ----------
    length
        Maximum number of characters of a variable's value, or 0 to add no variables.
    """

    def __init__(self, length: int) -> None:
        self._reprs = Reprs(length) if length else None
        self._ours = (*hidden_folders(), "<frozen importlib")  # frames between an import statement and the module
        self._seen: set[int] = set()

    def apply(self, summary: traceback.TracebackException, error: BaseException | None) -> None:
        """Remove and change frames in `summary`, the traceback summary of `error`, and in the summaries of its causes."""
        if id(summary) in self._seen:
            return
        self._seen.add(id(summary))
        if self._reprs is not None and error is not None:
            self._add_locals(summary.stack, error.__traceback__, self._reprs)
        summary.stack = _Frames(frame for frame in summary.stack if not frame.filename.startswith(self._ours))
        parts = zip(summary.exceptions or (), getattr(error, "exceptions", ()), strict=False)
        causes = ((summary.__cause__, error and error.__cause__), (summary.__context__, error and error.__context__))
        for other, other_error in (*causes, *parts):
            if other is not None:
                self.apply(other, other_error)

    def _add_locals(self, stack: traceback.StackSummary, trace: TracebackType | None, reprs: Reprs) -> None:
        """Add local variables to the frames of functions, except functions of the standard library."""
        for summary in stack:
            if trace is None:
                return
            frame, trace = trace.tb_frame, trace.tb_next
            module = str(frame.f_globals.get("__name__")).partition(".")[0]
            if frame.f_locals is not frame.f_globals and module not in sys.stdlib_module_names:
                names = list(frame.f_locals.items())[:_MOST]
                summary.locals = {f"local {name}": reprs(value) for name, value in names}
