"""Hostcalls for the log, the clock, ticks and foreign functions."""

from ...abi import LogLevel
from ..messages.encoding import Text, Value, encode
from ..vm import current_vm

__all__ = [
    "call_foreign_function",
    "get_current_time_nanoseconds",
    "get_log_level",
    "log",
    "set_tick_period_milliseconds",
]


def log(level: LogLevel, message: Text) -> None:
    """Write one line to the proxy's log.

    Parameters
    ----------
    level
        Severity.
    message
        The line.
    """
    current_vm().call("log", int(level), encode(message))


def get_log_level() -> LogLevel:
    """Return the proxy's log level. Lines below it are dropped."""
    return LogLevel(current_vm().call("get_log_level"))


def get_current_time_nanoseconds() -> int:
    """Return the current time in nanoseconds since 1970-01-01 UTC."""
    return current_vm().call("get_current_time_nanoseconds")  # type: ignore[no-any-return]


def set_tick_period_milliseconds(period: int) -> None:
    """Set how often the plugin's `on_tick` is called.

    Parameters
    ----------
    period
        Milliseconds between two ticks. 0 stops the ticks.
    """
    current_vm().call("set_tick_period_milliseconds", period, subject=str(period))


def call_foreign_function(name: Text, arguments: Value = b"") -> bytes:
    """Call a foreign function of the proxy by name.

    Parameters
    ----------
    name
        Name of the function.
    arguments
        Serialised arguments, in the format that the function expects (default empty).
    """
    return current_vm().call("call_foreign_function", encode(name), encode(arguments), subject=repr(name))  # type: ignore[no-any-return]
