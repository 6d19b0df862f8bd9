"""Description of an exception raised while a source was loaded, as plain data for the compiler."""

import traceback
from typing import Any

from ..diagnostics.hints import hint_for, missing_variable
from ..diagnostics.tracebacks import format_exception
from ..errors import FilterSourceError

__all__ = ["load_error"]


def load_error(error: BaseException, filenames: list[str]) -> dict[str, Any]:
    """Describe an exception raised while a source was loaded, with its place in the source.

    Parameters
    ----------
    error
        The exception raised by `Dispatcher.load_parts`, without the frames of its callers.
    filenames
        File names of the source's modules and parts. If the place of the error is unknown, the last file is used.

    Returns
    -------
    dict
        `type`, `message`, `filename`, `lineno`, `offset`, `hint`, `traceback`, `name` (an undefined name), and `variable` (a
        missing environment variable).
    """
    filename, lineno = _place(error, filenames)
    return {
        "type": type(error).__name__,
        "message": _message(error),
        "filename": filename,
        "lineno": lineno,
        "offset": error.offset if isinstance(error, SyntaxError) else None,
        "hint": getattr(error, "hint", "") or hint_for(error) or "",
        "name": error.name if isinstance(error, NameError) else None,
        "variable": missing_variable(error),
        "traceback": format_exception(error),
    }


def _place(error: BaseException, filenames: list[str]) -> tuple[str, int | None]:
    """Return file name and line of the error: the innermost traceback frame in one of the source's parts and modules."""
    if isinstance(error, SyntaxError | FilterSourceError) and error.filename:
        return error.filename, error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in filenames]
    return (frames[-1].filename, frames[-1].lineno) if frames else (filenames[-1], None)


def _message(error: BaseException) -> str:
    """Return the exception's message without the file name and line."""
    plain = isinstance(error, SyntaxError | FilterSourceError) and error.args
    return str(error.args[0]) if plain else str(error)
