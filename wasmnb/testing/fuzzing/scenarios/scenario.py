"""A scenario: what clients do and what upstreams answer, as plain values that can be changed, shrunk and written as code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ....host import GrpcReply, TcpReply
from ....messages import Headers, Response
from ...upstreams import refused

__all__ = [
    "OF_STREAM", "Answer", "Body", "Close", "Connect", "Data", "Enqueue", "GrpcAnswer", "Leave", "Open", "Pairs", "Pass",
    "Reconfigure", "Reply", "Scenario", "Script", "Send", "Settle", "Step", "TcpAnswer", "Trailers",
]  # fmt: skip

Pairs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True)
class Answer:
    """What an upstream or a called service answers.

    Status 0 with `reset` closes the connection instead; `refused`, nobody listens.
    """

    status: int = 200
    headers: Pairs = ()
    body: bytes = b""
    trailers: Pairs = ()
    latency: float = 0.0
    reset: bool = False
    refused: bool = False

    def scripted(self) -> Any:
        """As a step of a scripted upstream."""
        if self.refused:
            return refused
        return Response(
            self.status, Headers(self.headers), self.body, Headers(self.trailers), None, self.latency, self.reset
        )


@dataclass(frozen=True)
class GrpcAnswer:
    """What a service answers to a gRPC message: messages, and perhaps the call's end with a status."""

    messages: tuple[bytes, ...] = ()
    status: int | None = None
    message: str = ""
    latency: float = 0.0
    reset: bool = False

    def scripted(self) -> GrpcReply:
        """As a step of a scripted upstream."""
        return GrpcReply(list(self.messages), self.status, self.message, self.reset, self.latency)


@dataclass(frozen=True)
class TcpAnswer:
    """What a TCP upstream does when bytes arrive."""

    data: bytes = b""
    close: bool = False
    latency: float = 0.0

    def scripted(self) -> TcpReply:
        """As a step of a scripted upstream."""
        return TcpReply(self.data, self.close, self.latency)


#: What an upstream may do.
Reply = Answer | GrpcAnswer | TcpAnswer


@dataclass(frozen=True)
class Send:
    """A whole request, waited for until nothing more happens at this moment."""

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
    """Headers only; the stream goes on in later steps under its name."""

    stream: int
    method: str = "POST"
    path: str = "/"
    headers: Pairs = ()
    end: bool = False
    http2: bool = False
    worker: int = 1


@dataclass(frozen=True)
class Body:
    """A piece of an open stream's body."""

    stream: int
    data: bytes = b""
    end: bool = False


@dataclass(frozen=True)
class Trailers:
    """Trailers of an open stream, its end."""

    stream: int
    headers: Pairs = ()


@dataclass(frozen=True)
class Leave:
    """The client of an open stream or connection goes away: a reset."""

    stream: int


@dataclass(frozen=True)
class Connect:
    """A TCP connection is opened; it goes on in later steps under its name."""

    stream: int
    worker: int = 1


@dataclass(frozen=True)
class Data:
    """Bytes on a TCP connection; with `end` the client closes its side after them."""

    stream: int
    data: bytes = b""
    end: bool = False


@dataclass(frozen=True)
class Close:
    """The client closes both sides of a TCP connection."""

    stream: int


@dataclass(frozen=True)
class Pass:
    """Virtual time passes."""

    seconds: float


@dataclass(frozen=True)
class Script:
    """From now on upstream and services answer this, in turn; the last answer stays. Services may have no host left."""

    answers: tuple[Reply, ...] = ()
    services: tuple[Reply, ...] = ()
    hosts: bool = True


@dataclass(frozen=True)
class Reconfigure:
    """The plugin gets another configuration while traffic runs; one that it refuses changes nothing."""

    config: bytes = b""


@dataclass(frozen=True)
class Enqueue:
    """Another plugin puts an item into a shared queue that the filter has registered."""

    queue: str
    item: bytes = b""


@dataclass(frozen=True)
class Settle:
    """Open streams are ended by their clients, and time passes until all are over."""


Step = Send | Open | Body | Trailers | Leave | Connect | Data | Close | Pass | Script | Reconfigure | Enqueue | Settle


@dataclass(frozen=True)
class Scenario:
    """Steps in order. A scenario ends as if `Settle` stood there."""

    steps: tuple[Step, ...] = ()

    def with_steps(self, *parts: Sequence[Step]) -> Scenario:
        """A scenario of these steps."""
        return Scenario(tuple(step for part in parts for step in part))

    @property
    def size(self) -> int:
        """How much there is to read: what shrinking makes smaller."""
        return sum(_size(step) for step in self.steps)

    def __add__(self, other: Scenario) -> Scenario:
        """Both, one after the other, the streams of the other renamed."""
        shift = 1 + max((s.stream for s in self.steps if isinstance(s, OF_STREAM)), default=-1)
        between: tuple[Step, ...] = (Settle(), Script()) if self.steps else ()
        moved = (replace(s, stream=s.stream + shift) if isinstance(s, OF_STREAM) else s for s in other.steps)
        return Scenario((*self.steps, *between, *moved))


def _size(part: Any) -> int:
    """Characters of what is not as by default; a stream sent piece by piece weighs more than a request."""
    told = (f for f in fields(part) if f.name != "stream" and getattr(part, f.name) != f.default)
    return (10 if isinstance(part, Send | Reply) else 40) + sum(_width(getattr(part, f.name)) for f in told)


def _width(value: Any) -> int:
    if isinstance(value, tuple) and value and isinstance(value[0], Reply):
        return sum(map(_size, value))
    return 5 + len(repr(value))


#: Steps that belong to a stream.
OF_STREAM = (Open, Body, Trailers, Leave, Connect, Data, Close)
