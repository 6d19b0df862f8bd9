"""Tracebacks of a filter's exceptions: the filter's own lines, with source and carets, without the SDK's frames."""

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

#: Floors whose frames are hidden (the compiler's are there in native filters).
_FLOORS = ("sdk", "abi", "compiler")


def _folder(code: CodeType) -> str:
    """Return the folder of the package `wasmnb`, which doesn't exist inside Wasm."""
    return code.co_filename.rpartition(os.path.join(os.sep, "sdk", "diagnostics", ""))[0]  # noqa: PTH118 - no pathlib in the guest's start


def hidden_folders() -> tuple[str, ...]:
    """Return the folders whose frames are hidden."""
    folder = _folder(format_exception.__code__)
    return tuple(os.path.join(folder, floor, "") for floor in _FLOORS)  # noqa: PTH118


#: The module's name before the name of an exception that the filter defines. Lines of source are indented.
_OWN = re.compile(rf"^((?: *\| )?){MODULE_NAME}\.", re.MULTILINE)

#: Suggestions of names that only an interactive interpreter has.
_INTERACTIVE = re.compile(r"\. Did you mean: '(?:help|exit|quit|copyright|credits|license)'\?")

#: Most characters of a local variable's value, and most variables of a frame.
_LENGTH, _MOST = 120, 30


def format_exception(error: BaseException, *, show_locals: bool = False) -> str:
    """Return an exception with its chain of causes, as Python prints it, without hidden frames.

    Parameters
    ----------
    error
        The exception.
    show_locals
        Whether to add lines such as `local user = 'ann'` to the filter's frames (default False).
    """
    try:
        # Lines are read when they are printed: deep recursion has a thousand frames, of which few are.
        summary = traceback.TracebackException.from_exception(error, lookup_lines=False)
        _FrameFilter(_LENGTH if show_locals else 0).apply(summary, error)
        return _OWN.sub(r"\1", _INTERACTIVE.sub("", "".join(summary.format()).rstrip("\n")))
    except Exception:  # noqa: BLE001 - a hostile __str__ or no memory: only the type can be shown
        return f"{type(error).__name__} (its traceback cannot be shown)"


def running_frames() -> list[traceback.FrameSummary]:
    """Return the filter's frames on the stack, the innermost last."""
    ours = (*hidden_folders(), "<frozen importlib", "/0/")
    return [f for f in traceback.extract_stack(sys._getframe(1)) if not f.filename.startswith(ours)]


def format_running(frames: list[traceback.FrameSummary], reason: str) -> str:
    """Return a traceback of frames, with `reason`, why they were stopped, as its last line; an empty string without frames."""
    if not frames:
        return ""
    return "".join(["Traceback (most recent call last):\n", *traceback.format_list(frames), reason])


class _Frames(traceback.StackSummary):
    """The frames of an exception. Frames at the same place share their text.

    Python makes the text for each frame before it leaves out repetitions, and deep recursion has a thousand frames.
    """

    def __init__(self, frames: Iterable[traceback.FrameSummary]) -> None:
        super().__init__(frames)
        self._texts: dict[object, str] = {}

    def format_frame_summary(self, frame_summary: traceback.FrameSummary, **kwargs: Any) -> str:
        """Return the lines of a frame, as Python prints them."""
        if frame_summary.locals:
            return super().format_frame_summary(frame_summary, **kwargs)
        # Types of Python 3.11 don't know these attributes.
        position = (getattr(frame_summary, name) for name in ("end_lineno", "colno", "end_colno"))
        place = (frame_summary.filename, frame_summary.lineno, frame_summary.name, *position)
        if place not in self._texts:
            self._texts[place] = super().format_frame_summary(frame_summary, **kwargs)
        return self._texts[place]


class _FrameFilter:
    """Removes hidden frames from an exception and its chain, and adds local variables.

    Parameters
    ----------
    length
        Most characters of a variable's value; 0 for no variables.
    """

    def __init__(self, length: int) -> None:
        self._reprs = Reprs(length) if length else None
        self._ours = (*hidden_folders(), "<frozen importlib")  # between an import and the module's own lines
        self._seen: set[int] = set()

    def apply(self, summary: traceback.TracebackException, error: BaseException | None) -> None:
        """Apply the filter to `summary`, which was made of `error`."""
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
        """Add the variables of functions, but not of modules or the standard library."""
        for summary in stack:
            if trace is None:
                return
            frame, trace = trace.tb_frame, trace.tb_next
            module = str(frame.f_globals.get("__name__")).partition(".")[0]
            if frame.f_locals is not frame.f_globals and module not in sys.stdlib_module_names:
                names = list(frame.f_locals.items())[:_MOST]
                summary.locals = {f"local {name}": reprs(value) for name, value in names}
