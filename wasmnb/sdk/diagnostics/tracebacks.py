"""A filter's exception as text: its own lines, with source and carets, and none of the SDK's frames."""

# Inside Wasm nothing can be imported after the snapshot: what `traceback` imports late has to be there before.
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

#: Floors whose frames nobody wants to see; what runs filters natively is on the way, too.
_FLOORS = ("sdk", "abi", "compiler")


def _folder(code: CodeType) -> str:
    """Folder of the package `wasmnb`, wherever it lies: inside Wasm it is not a real one."""
    return code.co_filename.rpartition(os.path.join(os.sep, "sdk", "diagnostics", ""))[0]  # noqa: PTH118 - no pathlib in the guest's start


def hidden_folders() -> tuple[str, ...]:
    """Beginnings of file names that are ours."""
    folder = _folder(format_exception.__code__)
    return tuple(os.path.join(folder, floor, "") for floor in _FLOORS)  # noqa: PTH118


#: What stands before the name of an exception that the filter defined, which nobody knows it by. A line of source is indented.
_OWN = re.compile(rf"^((?: *\| )?){MODULE_NAME}\.", re.MULTILINE)

#: Characters of a local variable's value, and variables of a frame that are shown.
_LENGTH, _MOST = 120, 30


def format_exception(error: BaseException, *, show_locals: bool = False) -> str:
    """The exception with its chain of causes, as Python prints it, without frames of ours.

    With `show_locals`, lines such as `local user = 'ann'` stand under each frame of the filter.
    """
    try:
        summary = traceback.TracebackException.from_exception(error)
        _Tidied(_LENGTH if show_locals else 0).tidy(summary, error)
        return _OWN.sub(r"\1", "".join(summary.format()).rstrip("\n"))
    except Exception:  # noqa: BLE001 - a hostile __str__, no memory: what is left is the type
        return f"{type(error).__name__} (its traceback cannot be shown)"


class _Tidied:
    """Drops our frames from an exception and from those it is chained to, and adds local variables.

    Parameters
    ----------
    length
        Characters of a variable's value; 0 for no variables.
    """

    def __init__(self, length: int) -> None:
        self._reprs = Reprs(length) if length else None
        self._ours = (*hidden_folders(), "<frozen importlib")  # between an import and the module's own lines
        self._seen: set[int] = set()

    def tidy(self, summary: traceback.TracebackException, error: BaseException | None) -> None:
        """Tidy `summary`, which was made of `error`."""
        if id(summary) in self._seen:
            return
        self._seen.add(id(summary))
        if self._reprs is not None and error is not None:
            self._add_locals(summary.stack, error.__traceback__, self._reprs)
        summary.stack[:] = [frame for frame in summary.stack if not frame.filename.startswith(self._ours)]
        parts = zip(summary.exceptions or (), getattr(error, "exceptions", ()), strict=False)
        causes = ((summary.__cause__, error and error.__cause__), (summary.__context__, error and error.__context__))
        for other, its in (*causes, *parts):
            if other is not None:
                self.tidy(other, its)

    def _add_locals(self, stack: traceback.StackSummary, trace: TracebackType | None, reprs: Reprs) -> None:
        """A module's own names are no local variables, and what the standard library is about nobody asked."""
        for summary in stack:
            if trace is None:
                return
            frame, trace = trace.tb_frame, trace.tb_next
            module = str(frame.f_globals.get("__name__")).partition(".")[0]
            if frame.f_locals is not frame.f_globals and module not in sys.stdlib_module_names:
                names = list(frame.f_locals.items())[:_MOST]
                summary.locals = {f"local {name}": reprs(value) for name, value in names}
