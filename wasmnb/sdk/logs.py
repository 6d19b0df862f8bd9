"""Logging: by function, through the `logging` module, and by `print`; all of it ends in `proxy_log`.

Facts: levels above 5 are refused; a line below the proxy's level is dropped there and still answered OK. `proxy_log` is
one of the few hostcalls that may be made while the module loads.
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
    """Write a line to the proxy's log; `args`, if any, fill the message's %-placeholders."""
    text = str(message) % args if args else str(message)
    current_vm().call("log", int(level), text.encode("utf-8", "backslashreplace"))


def log_trace(message: object, *args: object) -> None:
    """Log at TRACE."""
    log(LogLevel.TRACE, message, *args)


def log_debug(message: object, *args: object) -> None:
    """Log at DEBUG."""
    log(LogLevel.DEBUG, message, *args)


def log_info(message: object, *args: object) -> None:
    """Log at INFO."""
    log(LogLevel.INFO, message, *args)


def log_warn(message: object, *args: object) -> None:
    """Log at WARN."""
    log(LogLevel.WARN, message, *args)


def log_error(message: object, *args: object) -> None:
    """Log at ERROR."""
    log(LogLevel.ERROR, message, *args)


def log_critical(message: object, *args: object) -> None:
    """Log at CRITICAL."""
    log(LogLevel.CRITICAL, message, *args)


def log_level() -> LogLevel:
    """The level from which on the proxy writes lines; not to be had while the module loads."""
    return LogLevel(current_vm().call("get_log_level"))


#: From which level of the `logging` module on a record is at least this severe.
_LEVELS = (
    (logging.CRITICAL, LogLevel.CRITICAL),
    (logging.ERROR, LogLevel.ERROR),
    (logging.WARNING, LogLevel.WARN),
    (logging.INFO, LogLevel.INFO),
    (logging.DEBUG, LogLevel.DEBUG),
)


class ProxyLogHandler(logging.Handler):
    """A `logging` handler that writes records to the proxy's log, at the level that fits."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        level = next((ours for theirs, ours in _LEVELS if record.levelno >= theirs), LogLevel.TRACE)
        log(level, self.format(record))


class LogStream(io.TextIOBase):
    """A text stream whose lines become log lines: `print` writes a line's text and its newline apart."""

    def __init__(self, level: LogLevel) -> None:
        super().__init__()
        self._level = level
        self._line = ""

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, text: str) -> int:
        """Log every line that `text` completes; keep the rest."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            log(self._level, line)
        return len(text)

    def finish(self) -> None:
        """Log what has no newline yet."""
        if self._line:
            log(self._level, self._line)
            self._line = ""


def take_over_output() -> None:
    """Send `print`, stderr and the `logging` module to the proxy's log. For an interpreter that serves filters alone."""
    sys.stdout = LogStream(LogLevel.INFO)
    sys.stderr = LogStream(LogLevel.ERROR)
    root = logging.getLogger()
    root.handlers[:] = [ProxyLogHandler()]
    # The proxy has a level of its own, and drops what is below it.
    root.setLevel(logging.NOTSET + 1)
