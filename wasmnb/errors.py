"""Errors by cause. All of them derive from `WasmnbError`.

    SourceError     the filter's source is wrong: a syntax error, a missing import, no filter class
    ModuleError     Envoy can't load the module: no ABI marker, a missing import, a truncated file
    FilterTrap      the filter failed while it ran: an exception in a callback, a trap, a missed deadline
    UsageError      wasmnb was used incorrectly: an unknown filter name, a closed proxy
    NativeWarning   a warning: a native filter does something that Wasm doesn't allow
    CacheWarning    a warning: a cache can't be used, or grew too large and was reduced
    BuildError      the tool chain failed: componentize-py, no disk space, a cache that can't be written

A message says what happened, where (callback, line of the cell), and how to solve it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from . import _hooks
from ._display import NEWLINES, visible

__all__ = [
    "BuildError",
    "CacheWarning",
    "FilterTrap",
    "ModuleError",
    "NativeWarning",
    "SourceError",
    "UsageError",
    "WasmnbError",
    "conclusion_of",
    "set_last_exception",
]


#: Characters of an exception's message that a headline shows.
_LONGEST = 500


def set_last_exception(error: BaseException) -> None:
    """Set the exception that `%debug` and `pdb.pm` open, as the interpreter does for uncaught exceptions.

    An exception without a frame is ignored, since debuggers would fail on it.
    """
    if error.__traceback__ is None:
        return
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    vars(sys)["last_exc"] = error  # from Python 3.12 on


class WasmnbError(Exception):
    """Base of every error that wasmnb raises.

    Attributes
    ----------
    log
        If a proxy failed to start, the lines of its log (`wasmnb.host.LogLine`). If Envoy would refuse the module, the lines
        that Envoy would log. If the source failed to load, the texts that it logged before.
    trace
        If a proxy failed to start, its callbacks, hostcalls and events (`wasmnb.host.Trace`); otherwise empty.
    """

    log: list[object] | tuple[object, ...] = ()
    trace: Sequence[Any] = ()

    def __str__(self) -> str:
        """Return the message, with control characters escaped, which a terminal would act on."""
        return visible(super().__str__(), keep=NEWLINES)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython prints: the filter's code and the caller's, without wasmnb's own frames."""
        lines = _hooks.error_lines(self, colour=True)
        if self.__cause__ is not None and isinstance(self, FilterTrap | SourceError):
            set_last_exception(self.__cause__)  # a debugger then opens the exception of the native filter
        return lines


class UsageError(WasmnbError):
    """wasmnb was used incorrectly: an unknown name, an invalid argument, a closed proxy."""


class BuildError(WasmnbError):
    """A failure of the tool chain, the cache or the disk, independent of the filter's source."""


class ModuleError(WasmnbError):
    """A module that can't be loaded. Envoy would refuse it as well.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    envoy_log
        Lines that Envoy would log. Each is also added to the exception as a note.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.envoy_log: list[str] = []

    def add_envoy_log(self, *lines: str) -> None:
        """Add lines of Envoy's log."""
        self.envoy_log += lines
        self.log = [*self.log, *lines]
        for line in lines:
            self.add_note(f"Envoy's log says: {line}")


class SourceError(WasmnbError):
    """An error in the filter's source.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    filename, lineno, offset
        File name of the cell or module, line, and column. Lines and columns count from 1; they are None if the error concerns
        the whole source.
    hint
        A sentence that says how to solve the problem, or an empty string.
    traceback
        The Python traceback from inside the module, or an empty string.
    """

    def __init__(
        self,
        message: str,
        *,
        filename: str = "<filter>",
        lineno: int | None = None,
        offset: int | None = None,
        hint: str = "",
        traceback: str = "",
    ) -> None:
        super().__init__(message)
        self.filename = filename
        self.lineno = lineno
        self.offset = offset
        self.hint = hint
        self.traceback = traceback

    def __str__(self) -> str:
        """Return the message, the place and the hint."""
        where = f" ({self.filename}, line {self.lineno})" if self.lineno else ""
        return visible(f"{self.args[0]}{where}" + (f"\n{self.hint}" if self.hint else ""), keep=NEWLINES)


class FilterTrap(WasmnbError):
    """The filter failed in a callback: an exception, a Wasm trap, or a missed deadline.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    callback
        The export that failed, for example `proxy_on_request_headers`.
    context_id
        The id of its context.
    traceback
        The Python traceback from inside the module, or an empty string.
    thread, exchange
        Name of the thread (`main`, `worker-2`), and number of the request or connection; the number is None outside of both.
    """

    def __init__(
        self,
        message: str,
        *,
        callback: str = "",
        context_id: int = 0,
        traceback: str = "",
        thread: str = "",
        exchange: int | None = None,
    ) -> None:
        super().__init__(message)
        self.callback = callback
        self.context_id = context_id
        self.traceback = traceback
        self.thread = thread
        self.exchange = exchange

    @property
    def where(self) -> str:
        """Context, exchange and thread: `on context 4, for exchange 3, on worker-2`."""
        about = f", for exchange {self.exchange}" if self.exchange is not None else ""
        return f"on context {self.context_id}{about}{', on ' if self.thread else ''}{self.thread}"


class NativeWarning(UserWarning):
    """A native filter does something that behaves differently in Wasm, or isn't possible there."""


class CacheWarning(UserWarning):
    """A problem with the cache that costs time or disk space: it can't be written, is too large, or isn't trusted."""


def conclusion_of(traceback: str) -> str:
    """Return the line of a Python traceback that names the exception, shortened. In a chain, it's the last exception."""
    line = _conclusion(traceback)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}… ({len(line) - _LONGEST:,} more)"


def _conclusion(traceback: str) -> str:
    lines = traceback.strip("\n").split("\n")
    starts = [
        i
        for i, line in enumerate(lines)
        if line.lstrip(" +").startswith(("Traceback (", "Exception Group Traceback ("))
    ]
    plain = [line for line in lines[starts[-1] + 1 :] if line and not line.startswith(" ")] if starts else lines[-1:]
    if plain:
        return plain[0]
    return next((line[4:] for line in lines if line.startswith("  | ") and not line.startswith("  |  ")), lines[-1])
