"""Errors of the SDK: a hostcall that the proxy refused, a source that is no filter, a configuration that does not fit.

`HostcallError` has one subclass for each status, so that `except NotFound` reads as it should. Messages are made in
`explain`, which knows the likely causes.
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
    """The proxy answered a hostcall with a status other than OK.

    Attributes
    ----------
    hostcall
        Name without its prefix: `get_header_map_value`.
    status
        What the proxy answered (specification, "Status").
    """

    def __init__(self, message: str, hostcall: str = "", status: Status = Status.INTERNAL_FAILURE) -> None:
        super().__init__(message)
        self.hostcall = hostcall
        self.status = status


class NotFound(HostcallError):
    """The thing asked for does not exist (status 1)."""


class BadArgument(HostcallError):
    """An argument does not fit, or the thing is not available in this callback (status 2)."""


class SerializationFailure(HostcallError):
    """A value has no serialised form (status 3)."""


class ParseFailure(HostcallError):
    """The proxy could not read what it was given (status 4)."""


class Empty(HostcallError):
    """The queue has no item (status 7)."""


class CasMismatch(HostcallError):
    """Somebody else wrote the shared value first (status 8)."""


class InternalFailure(HostcallError):
    """The proxy could not do it (status 10)."""


class BrokenConnection(HostcallError):
    """The connection broke (status 11)."""


class Unimplemented(HostcallError):
    """The proxy does not offer this (status 12)."""


#: The class for each status; the others get plain `HostcallError`.
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
    """A stream was continued, closed or answered when it cannot be; a real Envoy would misbehave or crash."""


class CalloutError(Exception):
    """A callout ended without an answer from the other side."""


class CalloutTimeout(CalloutError):
    """The other side did not answer in time."""


class CalloutUnreachable(CalloutError):
    """No connection to the other side, or it closed before it answered."""


class CalloutNotStarted(InternalFailure, CalloutUnreachable):
    """No endpoint of the cluster is up, so that the call was refused at once (status 10)."""


class CalloutReset(CalloutError):
    """The other side broke off in the middle of its answer."""


class GrpcError(CalloutError):
    """A gRPC call ended with a status other than OK.

    Attributes
    ----------
    status
        The gRPC status (`GrpcStatus` where it has a name).
    details
        The message that came with it.
    """

    def __init__(self, message: str, status: int, details: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.details = details


class ConfigurationError(ValueError):
    """The plugin or VM configuration is not what the filter expects."""


class FilterSourceError(Exception):
    """The source loads, but is no filter.

    Attributes
    ----------
    filename, lineno
        Where in the source; `lineno` is None if the whole source is meant.
    hint
        What to try, as one sentence.
    """

    def __init__(self, message: str, *, filename: str = "<filter>", lineno: int | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.filename = filename
        self.lineno = lineno
        self.hint = hint

    def __str__(self) -> str:
        """Message, place and hint."""
        where = f" ({self.filename}, line {self.lineno})" if self.lineno else ""
        return f"{self.args[0]}{where}" + (f"\n{self.hint}" if self.hint else "")


#: Hostcalls that start a callout: who catches what a callout may come to should catch that it did not start, too.
_CALLOUTS = frozenset({"http_call", "grpc_call", "grpc_stream"})


def error_class(hostcall: str, status: Status) -> type[HostcallError]:
    """The exception class that stands for a hostcall's status."""
    if status is Status.INTERNAL_FAILURE and hostcall in _CALLOUTS:
        return CalloutNotStarted
    return _CLASSES.get(status, HostcallError)
