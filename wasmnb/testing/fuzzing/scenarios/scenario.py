"""Scenarios and their steps as plain values, which can be mutated, shrunk and written as code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ....host import GrpcReply, TcpReply
from ....messages import Headers, Response
from ...upstreams import refused

__all__ = [
    "STREAM_STEPS",
    "BodyChunk",
    "Close",
    "Connect",
    "Data",
    "Enqueue",
    "GrpcServiceResponse",
    "HttpServiceResponse",
    "Leave",
    "Open",
    "Pairs",
    "Pass",
    "Reconfigure",
    "Scenario",
    "Script",
    "Send",
    "ServiceResponse",
    "Settle",
    "Step",
    "TcpServiceResponse",
    "Trailers",
]  # fmt: skip

Pairs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class HttpServiceResponse:
    """A response of an HTTP upstream or service.

    With status 0 and `reset`, the server closes the connection without a response. With `refused`, it refuses the connection.
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
class GrpcServiceResponse:
    """A response to a gRPC message, which consists of messages and, optionally, the status with which the call ends."""

    messages: tuple[bytes, ...] = ()
    status: int | None = None
    message: str = ""
    latency: float = 0.0
    reset: bool = False

    def as_step(self) -> GrpcReply:
        """Return the response as a step of a scripted upstream."""
        return GrpcReply(list(self.messages), self.status, self.message, self.reset, self.latency)


@dataclass(frozen=True)
class TcpServiceResponse:
    """A response of a TCP upstream to received bytes."""

    data: bytes = b""
    close: bool = False
    latency: float = 0.0

    def as_step(self) -> TcpReply:
        """Return the response as a step of a scripted upstream."""
        return TcpReply(self.data, self.close, self.latency)


#: Type of a response of any kind of upstream.
ServiceResponse = HttpServiceResponse | GrpcServiceResponse | TcpServiceResponse


@dataclass(frozen=True)
class Send:
    """Step: send a complete request, and wait until the proxy has nothing more to do at the current virtual time."""

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
    """Step: open a stream by sending its headers. Later steps refer to the stream by its number."""

    stream: int
    method: str = "POST"
    path: str = "/"
    headers: Pairs = ()
    end: bool = False
    http2: bool = False
    worker: int = 1


@dataclass(frozen=True)
class BodyChunk:
    """Step: send a chunk of the body on an open stream."""

    stream: int
    data: bytes = b""
    end: bool = False


@dataclass(frozen=True)
class Trailers:
    """Step: send the trailers of an open stream, which end the request."""

    stream: int
    headers: Pairs = ()


@dataclass(frozen=True)
class Leave:
    """Step: the client resets an open stream or connection."""

    stream: int


@dataclass(frozen=True)
class Connect:
    """Step: open a TCP connection. Later steps refer to the connection by its number."""

    stream: int
    worker: int = 1


@dataclass(frozen=True)
class Data:
    """Step: send bytes on a TCP connection. With `end`, the client then closes its side."""

    stream: int
    data: bytes = b""
    end: bool = False


@dataclass(frozen=True)
class Close:
    """Step: the client closes both sides of a TCP connection."""

    stream: int


@dataclass(frozen=True)
class Pass:
    """Step: advance virtual time by a number of seconds."""

    seconds: float


@dataclass(frozen=True)
class Script:
    """Step: set the responses of the upstream and the services, in order. The last response is repeated.

    Without `hosts`, the services' clusters have no endpoint.
    """

    responses: tuple[ServiceResponse, ...] = ()
    services: tuple[ServiceResponse, ...] = ()
    hosts: bool = True


@dataclass(frozen=True)
class Reconfigure:
    """Step: change the configuration of the running plugin. Nothing changes if the plugin refuses the configuration."""

    config: bytes = b""


@dataclass(frozen=True)
class Enqueue:
    """Step: add an item to one of the filter's shared queues, in place of another plugin."""

    queue: str
    item: bytes = b""


@dataclass(frozen=True)
class Settle:
    """Step: the clients end all open streams, and virtual time advances until all exchanges have ended."""


Step = (
    Send | Open | BodyChunk | Trailers | Leave | Connect | Data | Close | Pass | Script | Reconfigure | Enqueue | Settle
)


@dataclass(frozen=True)
class Scenario:
    """A sequence of steps. Every scenario ends with an implicit `Settle`.

    Parameters
    ----------
    steps
        The steps, in order (default none).
    """

    steps: tuple[Step, ...] = ()

    def with_steps(self, *parts: Sequence[Step]) -> Scenario:
        """Return a copy of this scenario with other steps, joined from the sequences `parts`."""
        return Scenario(tuple(step for part in parts for step in part))

    @property
    def size(self) -> int:
        """Approximate length of the scenario as code. Shrinking minimizes this number."""
        return sum(_size(step) for step in self.steps)

    def __add__(self, other: Scenario) -> Scenario:
        """Join two scenarios. The streams of the second scenario get new numbers."""
        shift = 1 + max((s.stream for s in self.steps if isinstance(s, STREAM_STEPS)), default=-1)
        between: tuple[Step, ...] = (Settle(), Script()) if self.steps else ()
        moved = (replace(s, stream=s.stream + shift) if isinstance(s, STREAM_STEPS) else s for s in other.steps)
        return Scenario((*self.steps, *between, *moved))


def _size(part: Any) -> int:
    """Return the approximate number of characters of the fields that aren't defaults.

    The steps of a stream count more than a complete request.
    """
    changed = (f for f in fields(part) if f.name != "stream" and getattr(part, f.name) != f.default)
    return (10 if isinstance(part, Send | ServiceResponse) else 40) + sum(
        _width(getattr(part, f.name)) for f in changed
    )


def _width(value: Any) -> int:
    if isinstance(value, tuple) and value and isinstance(value[0], ServiceResponse):
        return sum(map(_size, value))
    return 5 + len(repr(value))


#: Types of steps that act on a numbered stream or connection.
STREAM_STEPS = (Open, BodyChunk, Trailers, Leave, Connect, Data, Close)
