"""The SDK's log functions, and redirection of `logging` and `print` to the proxy's log. All of them call `proxy_log`.

The proxy silently drops lines below its log level. `proxy_log` is the only hostcall allowed while the module loads.
"""

import io
import logging
import sys

from ..abi import LogLevel
from .vm import current_vm

__all__ = [
    "LogStream",
    "ProxyLogHandler",
    "log",
    "log_critical",
    "log_debug",
    "log_error",
    "log_info",
    "log_level",
    "log_trace",
    "log_warn",
    "take_over_output",
]


def log(level: LogLevel, message: object, *args: object) -> None:
    """Write a line to the proxy's log.

    Parameters
    ----------
    level
        Severity.
    message
        The line, or a format string with %-placeholders.
    args
        Values for the placeholders (default none).
    """
    text = str(message) % args if args else str(message)
    current_vm().call("log", int(level), text.encode("utf-8", "backslashreplace"))


def log_trace(message: object, *args: object) -> None:
    """Write a line to the proxy's log at level TRACE.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.TRACE, message, *args)


def log_debug(message: object, *args: object) -> None:
    """Write a line to the proxy's log at level DEBUG.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.DEBUG, message, *args)


def log_info(message: object, *args: object) -> None:
    """Write a line to the proxy's log at level INFO.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.INFO, message, *args)


def log_warn(message: object, *args: object) -> None:
    """Write a line to the proxy's log at level WARN.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.WARN, message, *args)


def log_error(message: object, *args: object) -> None:
    """Write a line to the proxy's log at level ERROR.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.ERROR, message, *args)


def log_critical(message: object, *args: object) -> None:
    """Write a line to the proxy's log at level CRITICAL.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.CRITICAL, message, *args)


def log_level() -> LogLevel:
    """Return the proxy's log level. Lines below it are dropped. Can't be called while the module loads."""
    return LogLevel(current_vm().call("get_log_level"))


#: Minimum level of the `logging` module -> the proxy's log level.
_LEVELS = (
    (logging.CRITICAL, LogLevel.CRITICAL),
    (logging.ERROR, LogLevel.ERROR),
    (logging.WARNING, LogLevel.WARN),
    (logging.INFO, LogLevel.INFO),
    (logging.DEBUG, LogLevel.DEBUG),
)


class ProxyLogHandler(logging.Handler):
    """A `logging` handler that writes records to the proxy's log, and converts their levels to the proxy's."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record to the proxy's log."""
        level = next((level for lowest, level in _LEVELS if record.levelno >= lowest), LogLevel.TRACE)
        log(level, self.format(record))


class LogStream(io.TextIOBase):
    """A text stream that writes each complete line to the proxy's log. It replaces stdout and stderr."""

    def __init__(self, level: LogLevel) -> None:
        super().__init__()
        self._level = level
        self._line = ""

    def writable(self) -> bool:
        """Return True, since the stream can be written."""
        return True

    def write(self, text: str) -> int:
        """Log every complete line, and keep an incomplete last line for the next call."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            log(self._level, line)
        return len(text)

    def finish(self) -> None:
        """Log the remaining text that doesn't end with a newline."""
        if self._line:
            log(self._level, self._line)
            self._line = ""


def take_over_output() -> None:
    """Redirect stdout, stderr and the `logging` module to the proxy's log. Used inside Wasm, where only the filter runs."""
    sys.stdout = LogStream(LogLevel.INFO)
    sys.stderr = LogStream(LogLevel.ERROR)
    root = logging.getLogger()
    root.handlers[:] = [ProxyLogHandler()]
    # The proxy drops lines below its own level.
    root.setLevel(logging.NOTSET + 1)
