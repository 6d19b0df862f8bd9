"""A filter's exception as text: its own lines, with source and carets, and none of the SDK's frames."""

# Inside Wasm nothing can be imported after the snapshot: what `traceback` imports late has to be there before.
import ast as _ast  # noqa: F401
import os.path
import traceback
import unicodedata as _unicodedata  # noqa: F401
from types import CodeType

__all__ = ["format_exception", "hidden_folders"]

#: Floors whose frames nobody wants to see; what runs filters natively is on the way, too.
_FLOORS = ("sdk", "abi", "build")


def _folder(code: CodeType) -> str:
    """Folder of the SDK, wherever it lies: inside Wasm it is not a real one."""
    return os.path.dirname(os.path.dirname(code.co_filename))  # noqa: PTH120 - no pathlib in the guest's start


def hidden_folders() -> tuple[str, ...]:
    """Beginnings of file names that are ours."""
    folder = _folder(format_exception.__code__)
    return tuple(os.path.join(folder, floor, "") for floor in _FLOORS)  # noqa: PTH118


def format_exception(error: BaseException) -> str:
    """The exception with its chain of causes, as Python prints it, without frames of ours."""
    try:
        summary = traceback.TracebackException.from_exception(error)
        _hide(summary, hidden_folders(), set())
        return "".join(summary.format()).rstrip("\n")
    except Exception:  # noqa: BLE001 - a hostile __str__, no memory: what is left is the type
        return f"{type(error).__name__} (its traceback cannot be shown)"


def _hide(summary: traceback.TracebackException, ours: tuple[str, ...], seen: set[int]) -> None:
    """Drop our frames from an exception and from those it is chained to."""
    if id(summary) in seen:
        return
    seen.add(id(summary))
    kept = [frame for frame in summary.stack if not frame.filename.startswith(ours)]
    summary.stack[:] = kept
    for other in (summary.__cause__, summary.__context__, *(summary.exceptions or ())):
        if other is not None:
            _hide(other, ours, seen)
