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
    """Write one line to the proxy's log (`proxy_log`).

    Parameters
    ----------
    level
        Severity.
    message
        The line.

    Raises
    ------
    BadArgument
        The number of the level is above 5.
    """
    current_vm().call("log", int(level), encode(message))


def get_log_level() -> LogLevel:
    """Return the proxy's log level (`proxy_get_log_level`). Lines below it are dropped.

    Raises
    ------
    HostcallError
        The proxy refused the hostcall. Envoy always returns OK.
    """
    return LogLevel(current_vm().call("get_log_level"))


def get_current_time_nanoseconds() -> int:
    """Return the current time in nanoseconds since 1970-01-01 UTC (`proxy_get_current_time_nanoseconds`).

    Raises
    ------
    HostcallError
        The proxy refused the hostcall. Envoy always returns OK.
    """
    return current_vm().call("get_current_time_nanoseconds")  # type: ignore[no-any-return]


def set_tick_period_milliseconds(period: int) -> None:
    """Set how often the plugin's `on_tick` is called (`proxy_set_tick_period_milliseconds`).

    Parameters
    ----------
    period
        Milliseconds between two ticks. 0 stops the ticks.

    Raises
    ------
    HostcallError
        The proxy refused the hostcall. Envoy always returns OK.
    """
    current_vm().call("set_tick_period_milliseconds", period, subject=str(period))


def call_foreign_function(name: Text, arguments: Value = b"") -> bytes:
    """Call a foreign function of the proxy by name (`proxy_call_foreign_function`).

    Parameters
    ----------
    name
        Name of the function.
    arguments
        Serialised arguments, in the format that the function expects (default empty).

    Returns
    -------
    bytes
        Result of the function, in its own format.

    Raises
    ------
    NotFound
        No function has this name.
    HostcallError
        The function returned another status than OK.
    """
    return current_vm().call("call_foreign_function", encode(name), encode(arguments), subject=repr(name))  # type: ignore[no-any-return]
