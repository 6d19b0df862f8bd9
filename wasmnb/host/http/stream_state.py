"""State of one stream that all its parts share, and the limits of its listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ..clock import TimerGroup
from ..contexts.stream_info import StreamInfo
from ..properties.filter_state import FilterState

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from ..clock import Clock, Thread, Timer
    from ..contexts.stream_info import Connection
    from ..server_context import ServerContext
    from ..trace.exchange import Exchange
    from .connection.http1 import Head
    from .header_map import HeaderMap

__all__ = ["Limits", "StreamState", "StreamThread"]


@dataclass(frozen=True)
class Limits:
    """Limits that a listener sets for its streams.

    Parameters
    ----------
    buffer
        Bytes of a body that a filter may hold (default 1 MiB).
    route_timeout
        Seconds from the end of the request to the end of the response (default 15; 0 for no limit).
    idle_timeout
        Seconds without a chunk in either direction (default 300; 0 for no limit).
    request_timeout
        Seconds until the whole request has passed the filters (default 0, no limit).
    """

    buffer: int = 1 << 20
    route_timeout: float = 15.0
    idle_timeout: float = 300.0
    request_timeout: float = 0.0


class StreamThread(Protocol):
    """The worker of a stream, with the attributes that every part of the stream needs."""

    clock: Clock
    thread: Thread
    server: ServerContext
    #: Idle upstream connections by cluster name.
    idle: Counter[str]


class StreamState:
    """Facts about one stream, and its clock.

    Parameters
    ----------
    worker
        The worker that serves it.
    exchange
        The record that its user sees.
    connection
        The downstream connection.
    limits
        Limits of the listener.
    http2
        The downstream connection speaks HTTP/2.

    Attributes
    ----------
    info
        Facts for properties and access logs.
    manager
        Switches of the connection manager.
    head
        The request's head as the codec read it; None before, and if it could not.
    request_complete
        The client has sent the whole request.
    done
        The stream has ended.
    destroy_later
        Runs the end of the filters after the rest of what the running callback asked for; None to end them at once.
    now
        Returns the virtual time in seconds.
    """

    def __init__(
        self, worker: StreamThread, exchange: Exchange, connection: Connection, limits: Limits, *, http2: bool
    ) -> None:
        self.worker = worker
        self.exchange = exchange
        self.limits = limits
        self.http2 = http2
        self.request_complete = False
        self.manager = worker.server.manager
        self.head: Head | None = None
        self.done = False
        self.destroy_later: Callable[[Callable[[], None]], None] | None = None
        clock = worker.clock
        self.now = clock.time
        self.info = StreamInfo(
            connection, clock.time(), clock.wall_ns(), FilterState(connection.state), "HTTP/2" if http2 else "HTTP/1.1"
        )

    @property
    def upgrade(self) -> str:
        """Type of the upgrade that the request asks for, or an empty string."""
        return self.head.upgrade if self.head is not None else ""

    def is_upgraded(self, headers: HeaderMap) -> bool:
        """Return whether a response turns the connection into a tunnel."""
        status = headers.get(b":status")
        return bool(self.upgrade) and (status == b"101" or (self.upgrade == "connect" and status == b"200"))

    def timer_group(self) -> TimerGroup:
        """Return a group for timers of one owner."""
        return TimerGroup(self.worker.clock, self.worker.thread)

    def call_soon(self, action: Callable[[], None]) -> Timer:
        """Run `action` as the next event of the worker."""
        return self.worker.clock.call_soon(self.worker.thread, action)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` on the worker after `seconds` of virtual time."""
        return self.worker.clock.call_later(seconds, self.worker.thread, action)

    def note(self, name: str, **args: Any) -> None:
        """Add an event of the stream to the trace."""
        self.worker.server.trace.note(
            "stream", name, args, time=self.now(), thread=self.worker.thread.name, exchange=self.exchange.number
        )
