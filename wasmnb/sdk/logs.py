"""Logging with functions, with the `logging` module, and with `print`. All of them call `proxy_log`.

Facts: levels above 5 are invalid; the proxy drops lines below its level and returns OK. `proxy_log` is the only hostcall
that is allowed while the module loads.
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
    """Log at TRACE.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.TRACE, message, *args)


def log_debug(message: object, *args: object) -> None:
    """Log at DEBUG.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.DEBUG, message, *args)


def log_info(message: object, *args: object) -> None:
    """Log at INFO.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.INFO, message, *args)


def log_warn(message: object, *args: object) -> None:
    """Log at WARN.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.WARN, message, *args)


def log_error(message: object, *args: object) -> None:
    """Log at ERROR.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.ERROR, message, *args)


def log_critical(message: object, *args: object) -> None:
    """Log at CRITICAL.

    Parameters
    ----------
    message, args
        As for `log`.
    """
    log(LogLevel.CRITICAL, message, *args)


def log_level() -> LogLevel:
    """Return the lowest level that the proxy writes to its log. Not available while the module loads."""
    return LogLevel(current_vm().call("get_log_level"))


#: Lowest level of the `logging` module -> level of the proxy.
_LEVELS = (
    (logging.CRITICAL, LogLevel.CRITICAL),
    (logging.ERROR, LogLevel.ERROR),
    (logging.WARNING, LogLevel.WARN),
    (logging.INFO, LogLevel.INFO),
    (logging.DEBUG, LogLevel.DEBUG),
)


class ProxyLogHandler(logging.Handler):
    """A `logging` handler that writes records to the proxy's log, at the corresponding level."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        level = next((level for lowest, level in _LEVELS if record.levelno >= lowest), LogLevel.TRACE)
        log(level, self.format(record))


class LogStream(io.TextIOBase):
    """A text stream whose lines become lines of the proxy's log. `print` writes text and newline separately."""

    def __init__(self, level: LogLevel) -> None:
        super().__init__()
        self._level = level
        self._line = ""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Log every complete line, and keep the rest for the next call."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            log(self._level, line)
        return len(text)

    def finish(self) -> None:
        """Log the text after the last newline."""
        if self._line:
            log(self._level, self._line)
            self._line = ""


def take_over_output() -> None:
    """Send `print`, stderr and the `logging` module to the proxy's log, in an interpreter that runs only filters."""
    sys.stdout = LogStream(LogLevel.INFO)
    sys.stderr = LogStream(LogLevel.ERROR)
    root = logging.getLogger()
    root.handlers[:] = [ProxyLogHandler()]
    # The proxy drops lines below its own level.
    root.setLevel(logging.NOTSET + 1)
