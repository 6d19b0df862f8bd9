"""Errors of the SDK: refused hostcalls, failed callouts, sources without a filter, and invalid configurations.

`HostcallError` has one subclass for each status, for `except NotFound`. The messages of refused hostcalls are made in
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
        Name without its prefix: `get_header_map_value`.
    status
        The status that it returned.
    """

    def __init__(self, message: str, hostcall: str = "", status: Status = Status.INTERNAL_FAILURE) -> None:
        super().__init__(message)
        self.hostcall = hostcall
        self.status = status


class ContentError(ValueError):
    """A body is not the text, the coding or the messages that the filter asked for. In a body callback, it ends that stream."""


class NotFound(HostcallError):
    """It does not exist (status 1)."""


class BadArgument(HostcallError):
    """An argument is invalid, or it is not available in this callback (status 2)."""


class SerializationFailure(HostcallError):
    """The value cannot be serialised (status 3)."""


class ParseFailure(HostcallError):
    """The proxy could not parse the arguments (status 4)."""


class Empty(HostcallError):
    """The queue is empty (status 7)."""


class CasMismatch(HostcallError):
    """Another worker wrote the shared value first (status 8)."""


class InternalFailure(HostcallError):
    """The hostcall failed inside the proxy (status 10)."""


class BrokenConnection(HostcallError):
    """The connection broke (status 11)."""


class Unimplemented(HostcallError):
    """The proxy does not implement it (status 12)."""


#: Status -> class; other statuses raise `HostcallError` itself.
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
    """A stream cannot be continued, closed or given a local response now; a real Envoy would misbehave or crash."""


class CalloutError(Exception):
    """A callout ended without a response of the cluster."""


class CalloutTimeout(CalloutError):
    """The response did not arrive in time."""


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
        The gRPC status; a `GrpcStatus` if it has a name.
    details
        The message that came with it.
    """

    def __init__(self, message: str, status: int, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class ConfigurationError(ValueError):
    """The plugin or VM configuration is invalid."""


class FilterSourceError(Exception):
    """The source loads, but does not define a filter.

    Parameters
    ----------
    message
        The text of the error.

    Attributes
    ----------
    filename, lineno
        Place in the source; `lineno` is None for the whole source.
    hint
        Advice, as one sentence.
    """

    def __init__(self, message: str, *, filename: str = "<filter>", lineno: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.filename = filename
        self.lineno = lineno
        self.hint = hint

    def __str__(self) -> str:
        """Return message, place and hint."""
        where = f" ({self.filename}, line {self.lineno})" if self.lineno else ""
        return f"{self.args[0]}{where}" + (f"\n{self.hint}" if self.hint else "")


#: Hostcalls that start a callout. Their failure is a `CalloutError`, so that one `except` catches every failure.
_CALLOUTS = frozenset({"http_call", "grpc_call", "grpc_stream"})


def error_class(hostcall: str, status: Status) -> type[HostcallError]:
    """Return the exception class for a hostcall's status."""
    if status is Status.INTERNAL_FAILURE and hostcall in _CALLOUTS:
        return CalloutNotStarted
    return _CLASSES.get(status, HostcallError)
