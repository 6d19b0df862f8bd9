"""Errors of the SDK: failed hostcalls, failed callouts, sources without a filter, and invalid configurations.

`HostcallError` has one subclass for each status, for `except NotFound`. The messages of failed hostcalls are made in
`diagnostics.hostcall_causes`, which knows the likely causes.
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
        Name of the hostcall without its prefix: `get_header_map_value`.
    status
        The status that the hostcall returned.
    """

    def __init__(self, message: str, hostcall: str = "", status: Status = Status.INTERNAL_FAILURE) -> None:
        super().__init__(message)
        self.hostcall = hostcall
        self.status = status


class ContentError(ValueError):
    """A body isn't text, or can't be decoded or parsed as the filter asked. If a stream's callback raises it, only that stream ends."""


class NotFound(HostcallError):
    """The requested entry, property or function doesn't exist (status 1)."""


class BadArgument(HostcallError):
    """An argument is invalid, or the hostcall isn't possible in this callback (status 2)."""


class SerializationFailure(HostcallError):
    """The value can't be serialised (status 3)."""


class ParseFailure(HostcallError):
    """The proxy couldn't parse the arguments (status 4)."""


class Empty(HostcallError):
    """The queue is empty (status 7)."""


class CasMismatch(HostcallError):
    """Another worker wrote the shared value first (status 8)."""


class InternalFailure(HostcallError):
    """The hostcall failed inside the proxy (status 10)."""


class BrokenConnection(HostcallError):
    """The connection broke (status 11)."""


class Unimplemented(HostcallError):
    """The proxy doesn't implement the hostcall (status 12)."""


#: Status -> class. Other statuses raise `HostcallError` itself.
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
    """A stream can't be continued, closed or given a local response now: a real Envoy would misbehave or crash."""


class CalloutError(Exception):
    """A callout ended without a response from the cluster."""


class CalloutTimeout(CalloutError):
    """The response didn't arrive in time."""


class CalloutUnreachable(CalloutError):
    """The connection failed, or was closed before the response."""


class CalloutNotStarted(InternalFailure, CalloutUnreachable):
    """The cluster has no healthy endpoint, so the call was refused at once (status 10)."""


class CalloutReset(CalloutError):
    """The connection was reset in the middle of the response."""


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
        The message that the server sent with the status.
    """

    def __init__(self, message: str, status: int, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class ConfigurationError(ValueError):
    """The plugin or VM configuration is invalid."""


class FilterSourceError(Exception):
    """The source loads, but doesn't define a filter.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    filename, lineno
        Place of the error in the source; `lineno` is None if it concerns the whole source.
    hint
        Advice, as one sentence; empty if there is none.
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


#: Hostcalls that start a callout. Their failure is a `CalloutError`, so that one `except` catches every failure.
_CALLOUTS = frozenset({"http_call", "grpc_call", "grpc_stream"})


def error_class(hostcall: str, status: Status) -> type[HostcallError]:
    """Return the exception class for a hostcall's status."""
    if status is Status.INTERNAL_FAILURE and hostcall in _CALLOUTS:
        return CalloutNotStarted
    return _CLASSES.get(status, HostcallError)
