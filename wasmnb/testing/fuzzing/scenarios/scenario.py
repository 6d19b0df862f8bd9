"""A scenario as plain values: actions of clients and responses of upstreams, which can be mutated, shrunk and written as code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ....host import GrpcReply, TcpReply
from ....messages import Headers, Response
from ...upstreams import refused

__all__ = [
    "STREAM_STEPS",
    "Body",
    "Close",
    "Connect",
    "Data",
    "Enqueue",
    "GrpcResponse",
    "HttpResponse",
    "Leave",
    "Open",
    "Pairs",
    "Pass",
    "Reconfigure",
    "Scenario",
    "Script",
    "Send",
    "Settle",
    "Step",
    "TcpResponse",
    "Trailers",
    "UpstreamResponse",
]  # fmt: skip

Pairs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class HttpResponse:
    """Response of an HTTP upstream or service.

    With status 0 and `reset` the server closes the connection without a response; with `refused` it refuses the connection.
    """

    status: int = 200
    headers: Pairs = ()
    body: bytes = b""
    trailers: Pairs = ()
    latency: float = 0.0
    reset: bool = False
    refused: bool = False

    def as_step(self) -> Any:
        """Return the response as a step of a scripted upstream."""
        if self.refused:
            return refused
        return Response(
            self.status, Headers(self.headers), self.body, Headers(self.trailers), None, self.latency, self.reset
        )


@dataclass(frozen=True)
class GrpcResponse:
    """Response of a service to a gRPC message: messages, and optionally the status that ends the call."""

    messages: tuple[bytes, ...] = ()
    status: int | None = None
    message: str = ""
    latency: float = 0.0
    reset: bool = False

    def as_step(self) -> GrpcReply:
        """Return the response as a step of a scripted upstream."""
        return GrpcReply(list(self.messages), self.status, self.message, self.reset, self.latency)


@dataclass(frozen=True)
class TcpResponse:
    """Response of a TCP upstream to received bytes."""

    data: bytes = b""
    close: bool = False
    latency: float = 0.0

    def as_step(self) -> TcpReply:
        """Return the response as a step of a scripted upstream."""
        return TcpReply(self.data, self.close, self.latency)


#: Responses of all kinds of upstreams.
UpstreamResponse = HttpResponse | GrpcResponse | TcpResponse


@dataclass(frozen=True)
class Send:
    """Send a whole request and wait until the proxy is idle at the current virtual time."""

    method: str = "GET"
    path: str = "/"
    headers: Pairs = ()
    body: bytes = b""
    chunks: tuple[bytes, ...] | None = None
    trailers: Pairs = ()
    http2: bool = False
    worker: int = 1


@dataclass(frozen=True)
class Open:
    """Open a stream with its headers. Later steps refer to it by its number."""

    stream: int
    method: str = "POST"
    path: str = "/"
    headers: Pairs = ()
    end: bool = False
    http2: bool = False
    worker: int = 1


@dataclass(frozen=True)
class Body:
    """Send a chunk of an open stream's body."""

    stream: int
    data: bytes = b""
    end: bool = False


@dataclass(frozen=True)
class Trailers:
    """Send the trailers of an open stream, which end it."""

    stream: int
    headers: Pairs = ()


@dataclass(frozen=True)
class Leave:
    """Reset an open stream or connection as the client."""

    stream: int


@dataclass(frozen=True)
class Connect:
    """Open a TCP connection. Later steps refer to it by its number."""

    stream: int
    worker: int = 1


@dataclass(frozen=True)
class Data:
    """Send bytes on a TCP connection. With `end` the client then closes its side."""

    stream: int
    data: bytes = b""
    end: bool = False


@dataclass(frozen=True)
class Close:
    """Close both sides of a TCP connection as the client."""

    stream: int


@dataclass(frozen=True)
class Pass:
    """Advance virtual time, in seconds."""

    seconds: float


@dataclass(frozen=True)
class Script:
    """Set the responses of upstream and services, in order; the last one repeats. Without `hosts`, services have no endpoint."""

    responses: tuple[UpstreamResponse, ...] = ()
    services: tuple[UpstreamResponse, ...] = ()
    hosts: bool = True


@dataclass(frozen=True)
class Reconfigure:
    """Update the plugin's configuration while traffic runs. A configuration that it refuses has no effect."""

    config: bytes = b""


@dataclass(frozen=True)
class Enqueue:
    """Put an item into a shared queue of the filter, as another plugin does."""

    queue: str
    item: bytes = b""


@dataclass(frozen=True)
class Settle:
    """End all open streams as their clients, and advance time until all are done."""


Step = Send | Open | Body | Trailers | Leave | Connect | Data | Close | Pass | Script | Reconfigure | Enqueue | Settle


@dataclass(frozen=True)
class Scenario:
    """Steps in order. Every scenario ends with an implicit `Settle`.

    Parameters
    ----------
    steps
        The steps; none by default.
    """

    steps: tuple[Step, ...] = ()

    def with_steps(self, *parts: Sequence[Step]) -> Scenario:
        """Return a scenario of the given steps."""
        return Scenario(tuple(step for part in parts for step in part))

    @property
    def size(self) -> int:
        """Approximate length as code, which shrinking minimizes."""
        return sum(_size(step) for step in self.steps)

    def __add__(self, other: Scenario) -> Scenario:
        """Return both scenarios, one after the other, with the second one's streams renumbered."""
        shift = 1 + max((s.stream for s in self.steps if isinstance(s, STREAM_STEPS)), default=-1)
        between: tuple[Step, ...] = (Settle(), Script()) if self.steps else ()
        moved = (replace(s, stream=s.stream + shift) if isinstance(s, STREAM_STEPS) else s for s in other.steps)
        return Scenario((*self.steps, *between, *moved))


def _size(part: Any) -> int:
    """Return the number of characters of non-default fields. Steps of a stream weigh more than a whole request."""
    changed = (f for f in fields(part) if f.name != "stream" and getattr(part, f.name) != f.default)
    return (10 if isinstance(part, Send | UpstreamResponse) else 40) + sum(
        _width(getattr(part, f.name)) for f in changed
    )


def _width(value: Any) -> int:
    if isinstance(value, tuple) and value and isinstance(value[0], UpstreamResponse):
        return sum(map(_size, value))
    return 5 + len(repr(value))


#: Steps that belong to a stream.
STREAM_STEPS = (Open, Body, Trailers, Leave, Connect, Data, Close)
