"""Exceptions and warnings of wasmnb. All exceptions derive from `WasmnbError`.

    SourceError     The filter's source has an error: a syntax error, a missing import, no filter class.
    ModuleError     Envoy can't load the module: no ABI marker, a missing import, a truncated file.
    FilterTrap      The filter failed while it ran: an exception in a callback, a trap, a missed deadline.
    UsageError      wasmnb was used incorrectly: an unknown filter name, a closed proxy.
    BuildError      The toolchain failed: componentize-py, no disk space, a cache that can't be written.
    NativeWarning   Warning: a native filter does something that Wasm doesn't allow.
    CacheWarning    Warning: a cache can't be used, or was reduced because it was too large.

Each message states what happened, where (callback, line of the cell), and what to do about it.
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
    "set_last_exception",
]


def set_last_exception(error: BaseException) -> None:
    """Set the exception that `%debug` and `pdb.pm` inspect, as Python does for uncaught exceptions.

    Exceptions without a traceback are ignored, because debuggers fail on them.
    """
    if error.__traceback__ is None:
        return
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
    vars(sys)["last_exc"] = error  # from Python 3.12 on


class WasmnbError(Exception):
    """Base class of all exceptions that wasmnb raises.

    Attributes
    ----------
    log
        Log lines from before the error: the log of a proxy that failed to start (`wasmnb.host.LogLine`), the lines that Envoy
        would log when it rejects the module, or the texts that the source logged before it failed to load.
    trace
        Callbacks, hostcalls and events of a proxy that failed to start (`wasmnb.host.Trace`). Empty for all other errors.
    """

    log: list[object] | tuple[object, ...] = ()
    trace: Sequence[Any] = ()

    def __str__(self) -> str:
        """Return the message. Control characters are escaped, so that they have no effect on a terminal."""
        return visible(super().__str__(), keep=NEWLINES)

    def _render_traceback_(self) -> list[str]:
        """Return the lines of the traceback that IPython prints. Frames of wasmnb itself are omitted."""
        lines = _hooks.error_lines(self, colour=True)
        if self.__cause__ is not None and isinstance(self, FilterTrap | SourceError):
            set_last_exception(self.__cause__)  # so that debuggers inspect the native filter's exception
        return lines


class UsageError(WasmnbError):
    """wasmnb was used incorrectly: an unknown name, an invalid argument, a closed proxy."""


class BuildError(WasmnbError):
    """The toolchain, the cache or the disk failed. The filter's source is not the cause."""


class ModuleError(WasmnbError):
    """The module can't be loaded. Envoy would reject it as well.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    envoy_log
        Lines that Envoy would log. Each line is also a note of the exception.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.envoy_log: list[str] = []

    def add_envoy_log(self, *lines: str) -> None:
        """Add `lines`, which Envoy would log, also as notes of the exception."""
        self.envoy_log += lines
        self.log = [*self.log, *lines]
        for line in lines:
            self.add_note(f"Envoy logs: {line}")


class SourceError(WasmnbError):
    """The filter's source has an error.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    filename, lineno, offset
        Name of the cell or file, line and column of the error. Lines and columns count from 1. By default, the name is
        "<filter>", and line and column are None, because the error concerns the whole source.
    hint
        What to do about the error, in one sentence (default "": nothing).
    traceback
        The Python traceback from inside the module (default "": none).
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
        """Return the message, the position of the error, and the hint."""
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
        The callback that failed, for example `proxy_on_request_headers` (default "").
    context_id
        Id of the context that the callback was called on (default 0).
    traceback
        The Python traceback from inside the module (default "": none).
    thread
        Name of the thread that the callback ran on: `main`, `worker-2` (default "").
    exchange
        Number of the request or connection, or None (the default) if the callback doesn't belong to one.
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
        """Context, exchange and thread of the failed callback, for example `on context 4, for exchange 3, on worker-2`."""
        about = f", for exchange {self.exchange}" if self.exchange is not None else ""
        return f"on context {self.context_id}{about}{', on ' if self.thread else ''}{self.thread}"


class NativeWarning(UserWarning):
    """A native filter does something that behaves differently in Wasm or isn't possible there."""


class CacheWarning(UserWarning):
    """The cache can't be written, is too large, or isn't trusted. Filters work, but take more time or disk space."""
