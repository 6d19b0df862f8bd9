"""The error of a source that doesn't load, as plain data for the compiler."""

import traceback
from typing import Any

from ..diagnostics.hints import hint_for, missing_variable
from ..diagnostics.tracebacks import format_exception
from ..errors import FilterSourceError

__all__ = ["load_error"]


def load_error(error: BaseException, filenames: list[str]) -> dict[str, Any]:
    """Return the exception that a source raised while it was loaded, with its place in the source.

    Parameters
    ----------
    error
        The exception of `Dispatcher.load_parts`, without the frames of its callers.
    filenames
        File names of the source's modules and parts. Without a better place, the error is in the last one.

    Returns
    -------
    dict
        `type`, `message`, `filename`, `lineno`, `offset`, `hint`, `name` (an undefined name), `variable` (a missing environment
        variable) and `traceback`.
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
    """Return file name and line of the innermost frame in the source's own parts and modules."""
    if isinstance(error, SyntaxError | FilterSourceError) and error.filename:
        return error.filename, error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in filenames]
    return (frames[-1].filename, frames[-1].lineno) if frames else (filenames[-1], None)


def _message(error: BaseException) -> str:
    """Return the message without the place."""
    plain = isinstance(error, SyntaxError | FilterSourceError) and error.args
    return str(error.args[0]) if plain else str(error)
