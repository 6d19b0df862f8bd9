"""Tracebacks of a filter's exceptions: its own lines, with source and carets, without the SDK's frames."""

# Inside Wasm nothing can be imported after the snapshot, so modules that `traceback` imports late are imported here.
import ast as _ast  # noqa: F401
import os.path
import re
import sys
import traceback
import unicodedata as _unicodedata  # noqa: F401
from types import CodeType, TracebackType

from ..loading.source_cache import MODULE_NAME
from .reprs import Reprs

__all__ = ["format_exception", "hidden_folders"]

#: Floors whose frames are hidden; the compiler runs filters natively.
_FLOORS = ("sdk", "abi", "compiler")


def _folder(code: CodeType) -> str:
    """Return the folder of the package `wasmnb`, which does not exist inside Wasm."""
    return code.co_filename.rpartition(os.path.join(os.sep, "sdk", "diagnostics", ""))[0]  # noqa: PTH118 - no pathlib in the guest's start


def hidden_folders() -> tuple[str, ...]:
    """Return the folders whose frames are hidden."""
    folder = _folder(format_exception.__code__)
    return tuple(os.path.join(folder, floor, "") for floor in _FLOORS)  # noqa: PTH118


#: The module's name before the name of an exception that the filter defines. Lines of source are indented.
_OWN = re.compile(rf"^((?: *\| )?){MODULE_NAME}\.", re.MULTILINE)

#: Most characters of a local variable's value, and most variables of a frame.
_LENGTH, _MOST = 120, 30


def format_exception(error: BaseException, *, show_locals: bool = False) -> str:
    """Return an exception with its chain of causes, as Python prints it, without hidden frames.

    Parameters
    ----------
    error
        The exception.
    show_locals
        Whether to add lines such as `local user = 'ann'` to the filter's frames.
    """
    try:
        summary = traceback.TracebackException.from_exception(error)
        _FrameFilter(_LENGTH if show_locals else 0).apply(summary, error)
        return _OWN.sub(r"\1", "".join(summary.format()).rstrip("\n"))
    except Exception:  # noqa: BLE001 - a hostile __str__ or no memory: only the type can be shown
        return f"{type(error).__name__} (its traceback cannot be shown)"


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
        summary.stack[:] = [frame for frame in summary.stack if not frame.filename.startswith(self._ours)]
        parts = zip(summary.exceptions or (), getattr(error, "exceptions", ()), strict=False)
        causes = ((summary.__cause__, error and error.__cause__), (summary.__context__, error and error.__context__))
        for other, other_error in (*causes, *parts):
            if other is not None:
                self.apply(other, other_error)

    def _add_locals(self, stack: traceback.StackSummary, trace: TracebackType | None, reprs: Reprs) -> None:
        """Add the variables of functions; modules and the standard library are left out."""
        for summary in stack:
            if trace is None:
                return
            frame, trace = trace.tb_frame, trace.tb_next
            module = str(frame.f_globals.get("__name__")).partition(".")[0]
            if frame.f_locals is not frame.f_globals and module not in sys.stdlib_module_names:
                names = list(frame.f_locals.items())[:_MOST]
                summary.locals = {f"local {name}": reprs(value) for name, value in names}
