"""Why a source does not load, in plain data: for whoever builds the filter."""

import traceback
from typing import Any

from ..diagnostics.tracebacks import format_exception
from ..errors import FilterSourceError

__all__ = ["refusal"]


def refusal(error: BaseException, filenames: list[str]) -> dict[str, Any]:
    """What was raised while a source was loaded, and where.

    Parameters
    ----------
    error
        As `Dispatcher.load_parts` raised it, without frames of who called that.
    filenames
        Names of the source's modules and parts; the last one is what the user asked for.
    """
    filename, lineno = _place(error, filenames)
    return {
        "type": type(error).__name__,
        "message": _message(error),
        "filename": filename,
        "lineno": lineno,
        "offset": error.offset if isinstance(error, SyntaxError) else None,
        "hint": getattr(error, "hint", ""),
        "traceback": format_exception(error),
    }


def _place(error: BaseException, filenames: list[str]) -> tuple[str, int | None]:
    """Where it happened: the innermost line of the source's own parts and modules."""
    if isinstance(error, SyntaxError | FilterSourceError) and error.filename:
        return error.filename, error.lineno
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in filenames]
    return (frames[-1].filename, frames[-1].lineno) if frames else (filenames[-1], None)


def _message(error: BaseException) -> str:
    """What it says, without the place, which is told apart."""
    plain = isinstance(error, SyntaxError | FilterSourceError) and error.args
    return str(error.args[0]) if plain else str(error)
