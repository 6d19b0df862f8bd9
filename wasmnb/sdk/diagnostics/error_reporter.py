"""Logging of exceptions raised by a filter."""

import re
from collections.abc import Callable
from typing import Any

from ...abi import LogLevel
from .hints import hint_for
from .tracebacks import format_exception

__all__ = ["ErrorReporter", "is_user_interrupt"]

#: Memory address in the repr of an object. It is removed from log lines, because it differs between VMs.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


class ErrorReporter:
    """Object that writes exceptions raised by a VM's filter to the proxy's log.

    Attributes
    ----------
    show_locals
        Whether tracebacks contain local variables.
    on_error
        Function that a native filter calls with every exception after it has been logged. None inside Wasm.
    """

    __slots__ = ("_log", "on_error", "show_locals")

    def __init__(self, binding: Any) -> None:
        self._log = binding.log
        self.on_error: Callable[[BaseException], object] | None = getattr(binding, "raised", None)
        self.show_locals = False

    def report(self, error: BaseException) -> None:
        """Log an exception with its traceback. In a native filter, an interrupt by the user is raised instead of logged."""
        if self.on_error is not None and is_user_interrupt(error):
            raise error
        self._write(error, "")
        if self.on_error is not None:
            self.on_error(error)

    def report_ignored(self, error: BaseException, message: str | None, where: object) -> None:
        """Log an exception that Python can't raise, such as one from a `__del__` method."""
        head = message or "Exception ignored in"
        self._write(error, _ADDRESS.sub("", head if where is None else f"{head} {where!r}") + ":\n")

    def _write(self, error: BaseException, head: str) -> None:
        hint = hint_for(error)
        if hint is not None:
            error.add_note(hint)
        text = head + format_exception(error, show_locals=self.show_locals)
        self._log(int(LogLevel.CRITICAL), text.encode("utf-8", "backslashreplace"))


def is_user_interrupt(error: BaseException) -> bool:
    """Return whether an exception means that the user stopped a native filter, with the stop button or in the debugger."""
    return type(error).__name__ in ("KeyboardInterrupt", "BdbQuit")
