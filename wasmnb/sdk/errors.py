"""Exceptions of the SDK: failed hostcalls and callouts, sources that define no filter, and invalid configurations.

`HostcallError` has one subclass for each status, so that a filter can write `except NotFound`. The messages of failed
hostcalls, with their likely causes, are written in `diagnostics.hostcall_causes`.
"""

from ..abi import Status

__all__ = [
    "BadArgument",
    "BrokenConnection",
    "CalloutError",
    "CalloutNotStarted",
    "CalloutReset",
    "CalloutTimeout",
    "CalloutUnreachable",
    "CasMismatch",
    "ConfigurationError",
    "ContentError",
    "Empty",
    "FilterSourceError",
    "GrpcError",
    "HostcallError",
    "InternalFailure",
    "NotFound",
    "ParseFailure",
    "SerializationFailure",
    "StreamStateError",
    "Unimplemented",
    "error_class",
]


class HostcallError(Exception):
    """A hostcall returned a status other than OK.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    hostcall
        Name of the hostcall without its prefix: `get_header_map_value` (default "").
    status
        The status that the hostcall returned (default INTERNAL_FAILURE).
    """

    def __init__(self, message: str, hostcall: str = "", status: Status = Status.INTERNAL_FAILURE) -> None:
        super().__init__(message)
        self.hostcall = hostcall
        self.status = status


class ContentError(ValueError):
    """A body isn't text, or can't be decoded or parsed as requested. An uncaught ContentError ends only its stream."""


class NotFound(HostcallError):
    """The requested entry, property, queue or function doesn't exist (status 1)."""


class BadArgument(HostcallError):
    """An argument is invalid, or the hostcall isn't allowed in the running callback (status 2)."""


class SerializationFailure(HostcallError):
    """The proxy can't serialise the requested value (status 3)."""


class ParseFailure(HostcallError):
    """The proxy couldn't parse the arguments (status 4)."""


class Empty(HostcallError):
    """The queue is empty (status 7)."""


class CasMismatch(HostcallError):
    """Another worker has changed the shared value since it was read (status 8)."""


class InternalFailure(HostcallError):
    """The hostcall failed inside the proxy (status 10)."""


class BrokenConnection(HostcallError):
    """The connection is broken (status 11)."""


class Unimplemented(HostcallError):
    """The proxy doesn't implement the hostcall (status 12)."""


#: Status -> exception class. All other statuses raise `HostcallError` itself.
_CLASSES = {
    Status.NOT_FOUND: NotFound,
    Status.BAD_ARGUMENT: BadArgument,
    Status.SERIALIZATION_FAILURE: SerializationFailure,
    Status.PARSE_FAILURE: ParseFailure,
    Status.EMPTY: Empty,
    Status.CAS_MISMATCH: CasMismatch,
    Status.INTERNAL_FAILURE: InternalFailure,
    Status.BROKEN_CONNECTION: BrokenConnection,
    Status.UNIMPLEMENTED: Unimplemented,
}


class StreamStateError(RuntimeError):
    """A stream was continued, closed or responded to in a state in which Envoy would misbehave or crash."""


class CalloutError(Exception):
    """An HTTP or gRPC call to a cluster failed. Its subclasses name the reason."""


class CalloutTimeout(CalloutError):
    """The response to a callout didn't arrive within its timeout."""


class CalloutUnreachable(CalloutError):
    """The connection to the cluster failed, or was closed before the response to a callout."""


class CalloutNotStarted(InternalFailure, CalloutUnreachable):
    """The proxy refused to start a callout, because the cluster has no healthy endpoint (status 10)."""


class CalloutReset(CalloutError):
    """The connection was reset in the middle of the response to a callout."""


class GrpcError(CalloutError):
    """A gRPC call ended with a status other than OK.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    status
        The gRPC status, as an int.
    details
        The server's error message (default "").
    """

    def __init__(self, message: str, status: int, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class ConfigurationError(ValueError):
    """The plugin or VM configuration is invalid."""


class FilterSourceError(Exception):
    """The source runs without an error, but doesn't define a valid filter.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    filename, lineno
        Place of the error. `lineno` is None if the error is not about one line (defaults "<filter>" and None).
    hint
        One sentence of advice (default "": none).
    """

    def __init__(self, message: str, *, filename: str = "<filter>", lineno: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.filename = filename
        self.lineno = lineno
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, the place and the hint."""
        where = f" ({self.filename}, line {self.lineno})" if self.lineno else ""
        return f"{self.args[0]}{where}" + (f"\n{self.hint}" if self.hint else "")


#: Hostcalls that start a callout. They raise a `CalloutError`, so that one `except` clause catches all failures of a callout.
_CALLOUTS = frozenset({"http_call", "grpc_call", "grpc_stream"})


def error_class(hostcall: str, status: Status) -> type[HostcallError]:
    """Return the exception class to raise if a hostcall returned this status."""
    if status is Status.INTERNAL_FAILURE and hostcall in _CALLOUTS:
        return CalloutNotStarted
    return _CLASSES.get(status, HostcallError)
