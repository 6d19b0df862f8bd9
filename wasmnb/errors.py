"""Errors by cause. All of them derive from `WasmnbError`.

    SourceError     the filter's source: syntax, a missing import, no filter class (a SyntaxError knows its line)
    ModuleError     the module cannot be loaded by Envoy: no ABI marker, a missing import, a truncated file
    FilterTrap      the filter failed while it ran: an exception in a callback, a trap, the deadline
    UsageError      wasmnb was called wrongly: an unknown filter name, a closed proxy
    NativeWarning   a warning: a native filter does something that Wasm doesn't allow
    CacheWarning    a warning: a cache cannot be used, or had to be made smaller
    BuildError      the tool chain failed: componentize-py, no disk space, a cache that cannot be written

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
    """Set the exception that `%debug` and `pdb.pm` open, as an interpreter does with uncaught ones.

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
        Lines that a proxy wrote before its start failed (`wasmnb.host.LogLine`); for a module that Envoy would not load, the
        lines that Envoy would write; for a source that doesn't load, the texts that it has logged.
    trace
        Callbacks, hostcalls and events of the proxy whose start failed (`wasmnb.host.Trace`); empty otherwise.
    """

    log: list[object] | tuple[object, ...] = ()
    trace: Sequence[Any] = ()

    def __str__(self) -> str:
        """Return the message, with escapes for characters that would steer a terminal."""
        return visible(super().__str__(), keep=NEWLINES)

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython prints: the filter's code and the caller's, without wasmnb's own frames."""
        lines = _hooks.error_lines(self, colour=True)
        if self.__cause__ is not None and isinstance(self, FilterTrap | SourceError):
            set_last_exception(self.__cause__)  # a debugger then opens the exception of the native filter
        return lines


class UsageError(WasmnbError):
    """A wrong use of wasmnb: an unknown name, a wrong argument, a closed proxy."""


class BuildError(WasmnbError):
    """A failure of the tool chain, the cache or the disk, independent of the filter's source."""


class ModuleError(WasmnbError):
    """A module that Envoy would refuse as well.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    envoy_log
        Lines that Envoy would log; they are also notes of the exception.
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
        Place in the source, counted from 1; None if the error concerns the whole source. `filename` is that of the cell.
    hint
        A sentence on how to solve it, or an empty string.
    traceback
        The guest's traceback, or an empty string.
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
        """Return message, place and hint."""
        where = f" ({self.filename}, line {self.lineno})" if self.lineno else ""
        return visible(f"{self.args[0]}{where}" + (f"\n{self.hint}" if self.hint else ""), keep=NEWLINES)


class FilterTrap(WasmnbError):
    """A failure of the filter in a callback: an exception, a Wasm trap or the deadline.

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
        The thread (`main` or `worker-2`), and the number of the request or connection; None outside of one.
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
    """Something about the cache that costs time or room: it cannot be written, or others may have written to it."""


def conclusion_of(traceback: str) -> str:
    """Return the line of a Python traceback that names the exception, shortened; in a chain, that of the last exception."""
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
