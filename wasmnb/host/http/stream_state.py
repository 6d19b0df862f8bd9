"""State shared by all parts of a stream, and the limits of its listener."""

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
    from .codec.http1 import RequestHead
    from .header_map import HeaderMap

__all__ = ["StreamLimits", "StreamState", "StreamThread"]


@dataclass(frozen=True)
class StreamLimits:
    """Limits of a listener for its streams.

    Parameters
    ----------
    buffer
        Maximum number of bytes of a body that a filter can buffer (default 1 MiB).
    route_timeout
        Maximum seconds from the end of the request to the end of the response (default 15). 0: no limit.
    idle_timeout
        Maximum seconds without a chunk in either direction (default 300). 0: no limit.
    request_timeout
        Maximum seconds until the whole request has passed the filters. 0 (the default): no limit.
    """

    buffer: int = 1 << 20
    route_timeout: float = 15.0
    idle_timeout: float = 300.0
    request_timeout: float = 0.0


class StreamThread(Protocol):
    """The attributes of a worker that all parts of a stream use."""

    clock: Clock
    thread: Thread
    server: ServerContext
    #: Number of idle upstream connections by cluster name.
    idle: Counter[str]


class StreamState:
    """State of one stream, with access to the clock.

    Parameters
    ----------
    worker
        The worker that handles the stream.
    exchange
        Record of the request for the user.
    connection
        The downstream connection.
    limits
        Limits of the listener.
    http2
        Whether the downstream connection uses HTTP/2.

    Attributes
    ----------
    info
        Information for properties and access logs.
    manager
        Options of the connection manager.
    head
        The request's head, decoded by the codec. None if it hasn't arrived or is invalid.
    request_complete
        Whether the client has sent the whole request.
    done
        Whether the stream has ended.
    destroy_later
        Function that schedules the end of the filters after the running callback. None (the default): they end immediately.
    now
        Function that returns the virtual time in seconds.
    """

    def __init__(
        self, worker: StreamThread, exchange: Exchange, connection: Connection, limits: StreamLimits, *, http2: bool
    ) -> None:
        self.worker = worker
        self.exchange = exchange
        self.limits = limits
        self.http2 = http2
        self.request_complete = False
        self.manager = worker.server.manager
        self.head: RequestHead | None = None
        self.done = False
        self.destroy_later: Callable[[Callable[[], None]], None] | None = None
        clock = worker.clock
        self.now = clock.time
        self.info = StreamInfo(
            connection, clock.time(), clock.wall_ns(), FilterState(connection.state), "HTTP/2" if http2 else "HTTP/1.1"
        )

    @property
    def upgrade(self) -> str:
        """Protocol to which the request asks to switch, or an empty string."""
        return self.head.upgrade if self.head is not None else ""

    def is_upgraded(self, headers: HeaderMap) -> bool:
        """Return whether response headers switch the connection to another protocol."""
        status = headers.get(b":status")
        return bool(self.upgrade) and (status == b"101" or (self.upgrade == "connect" and status == b"200"))

    def timer_group(self) -> TimerGroup:
        """Create a group of timers that can be cancelled together."""
        return TimerGroup(self.worker.clock, self.worker.thread)

    def call_soon(self, action: Callable[[], None]) -> Timer:
        """Run `action` as the next event of the worker."""
        return self.worker.clock.call_soon(self.worker.thread, action)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Run `action` on the worker after `seconds` of virtual time."""
        return self.worker.clock.call_later(seconds, self.worker.thread, action)

    def note(self, name: str, **args: Any) -> None:
        """Add an event about the stream to the trace."""
        self.worker.server.trace.note(
            "stream", name, args, time=self.now(), thread=self.worker.thread.name, exchange=self.exchange.number
        )
