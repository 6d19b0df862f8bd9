"""Errors, split by whose fault they are; every one derives from `WasmnbError`.

    SourceError     the filter's source: syntax, a missing import, no filter class (a SyntaxError knows its line)
    ModuleError     the module cannot be loaded by Envoy: no ABI marker, a missing import, a truncated file
    FilterTrap      the filter failed while it ran: an exception in a callback, a trap, the deadline
    UsageError      wasmnb was called wrongly: an unknown filter name, a closed proxy
    NativeWarning   a warning: a native filter does what it could not do in Wasm
    BuildError      the tool chain failed: componentize-py, no disk space, a cache that cannot be written

A message says what happened, where (callback, cell line), and what to try.
"""

from __future__ import annotations

import sys

from . import _hooks

__all__ = [
    "BuildError",
    "FilterTrap",
    "ModuleError",
    "NativeWarning",
    "SourceError",
    "UsageError",
    "WasmnbError",
    "conclusion_of",
    "remember",
]


#: Characters of an exception's message that are worth a headline.
_LONGEST = 500


def remember(error: BaseException) -> None:
    """Make an exception the last one, as an interpreter does with what nobody has caught: `%debug` and `pdb.pm` open there.

    One without a frame to open stays out of it: debuggers would fail on it.
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
        Lines that a proxy had written when it would not start (`wasmnb.host.LogLine`).
    """

    log: list[object] | tuple[object, ...] = ()

    def _render_traceback_(self) -> list[str]:
        """Return the lines that IPython prints: the filter's code and the caller's, without wasmnb's own frames."""
        lines = _hooks.error_lines(self, colour=True)
        if self.__cause__ is not None and isinstance(self, FilterTrap | SourceError):
            remember(self.__cause__)  # what a native filter raised is what a debugger is to show
        return lines


class UsageError(WasmnbError):
    """wasmnb was asked for something that it does not have or cannot do."""


class BuildError(WasmnbError):
    """The tool chain or the cache failed; the filter's source is not at fault."""


class ModuleError(WasmnbError):
    """A module that Envoy would refuse as well.

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
        for line in lines:
            self.add_note(f"Envoy's log says: {line}")


class SourceError(WasmnbError):
    """The filter's source is at fault.

    Attributes
    ----------
    filename, lineno, offset
        Where in the source (1-based; None if the whole source is meant). `filename` is the cell's.
    hint
        What to try, as one sentence, or an empty string.
    traceback
        The guest's traceback as text, if one was made.
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
        """Message, place and hint as sentences."""
        where = f" ({self.filename}, line {self.lineno})" if self.lineno else ""
        return f"{self.args[0]}{where}" + (f"\n{self.hint}" if self.hint else "")


class FilterTrap(WasmnbError):
    """The filter stopped in mid-callback: an exception, a Wasm trap or the deadline.

    Attributes
    ----------
    callback
        Export that was running, e.g. `proxy_on_request_headers`.
    context_id
        Context it ran on.
    traceback
        Python traceback from inside the module, or an empty string.
    thread, exchange
        Where: `main` or `worker-2`, and the number of the request or connection, if it was about one.
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
        """Context, exchange and thread in words: `on context 4, for exchange 3, on worker-2`."""
        about = f", for exchange {self.exchange}" if self.exchange is not None else ""
        return f"on context {self.context_id}{about}{', on ' if self.thread else ''}{self.thread}"


class NativeWarning(UserWarning):
    """A filter that runs natively does what is not the same, or not possible, inside WebAssembly."""


def conclusion_of(traceback: str) -> str:
    """The line of a Python traceback that names the exception, cut; of a chain the last one's, of a group its own."""
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
