"""Exchanges: records of requests and connections as seen by the client and the upstream, with their events and log lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ..._display import Shown, visible
from ...abi import END_CALLBACKS
from ...abi.crashes import Crash
from ...errors import UsageError
from ...messages import Request, Response
from ..vm.fuel import Fuel, fuel_of

if TYPE_CHECKING:
    from ..callouts.record import Callout
    from ..server_context import ServerContext
    from ..vm.failure import Failure
    from .access_log import AccessLogRecord
    from .events import Event
    from .log import LogLine

__all__ = ["FAILED", "REFUSED_LATE", "Exchange", "ExchangeBase", "TcpExchange"]

#: Envoy's response code details if a filter has failed.
FAILED = "wasm_fail_stream"

#: Note about a filter that sent its local response after the upstream had received the request's headers.
REFUSED_LATE = (
    "The upstream received an incomplete request, because it had the headers before the filter sent its local response. "
    "To respond earlier, hold the headers: allow_on_headers_stop_iteration (%%wasmfilter --hold-headers)."
)


class ExchangeBase(Shown):
    """Base class of HTTP and TCP exchanges.

    Attributes
    ----------
    number
        Number of the exchange. All requests and connections of a proxy are counted from 1.
    worker
        Number of the worker that handled the exchange, from 1.
    state
        `open`, `paused` (held back by a filter), `done`, `failed` (a filter trapped), `reset` (closed before its end),
        `refused` (rejected before the first filter), or `crashed` (Envoy would have crashed). `ExchangeInterface.state` has the
        exact meanings.
    paused
        Description of the filter that holds back the exchange, such as `request paused by auth`. Empty if there is none.
    started, finished
        Virtual times of the start and the end in seconds. `finished` is None until the exchange has ended.
    began
        Virtual time in seconds when the worker began to handle the exchange. This is later than `started` if the worker was
        busy, for example because it was still starting.
    failure
        Failure of a filter that ended the exchange, with callback, message and (for Python filters) traceback, or None.
    crash
        Description of how a filter would have crashed Envoy, or None.
    notes
        Warnings of the simulation: calls that would crash Envoy, missing plugins, bodies that don't match content-length.
    """

    #: Whether `events` has the callbacks and hostcalls of filters.
    reports_callbacks: ClassVar[bool] = True

    def __init__(self, number: int, worker: int, server: ServerContext) -> None:
        self.number = number
        self.worker = worker
        self.state = "open"
        self.paused = ""
        self.started = server.clock.time()
        self.began = self.started
        self.finished: float | None = None
        self.failure: Failure | None = None
        self.crash: Crash | None = None
        self.notes: list[str] = []
        self._server = server
        self._first = 0

    def _note_start(self, name: str, **args: Any) -> None:
        self._first = self._server.trace.note(
            "stream", name, args, time=self.started, thread=self.thread, exchange=self.number
        )

    @property
    def thread(self) -> str:
        """Name of the worker's thread, such as `worker-1`."""
        return f"worker-{self.worker}"

    @property
    def started_at(self) -> float:
        """Time of the start by the proxy's virtual clock, in seconds since 1970."""
        return self.clock_start + self.started

    @property
    def clock_start(self) -> float:
        """Time at which the proxy's virtual clock started, in seconds since 1970."""
        return self._server.clock.start

    @property
    def now(self) -> float:
        """Current virtual time of the proxy in seconds."""
        return self._server.clock.now

    @property
    def done(self) -> bool:
        """Whether the exchange has ended, in any state."""
        return self.finished is not None

    @property
    def duration(self) -> float:
        """Virtual seconds from the first byte of the request to the end of the exchange. 0 until the exchange has ended."""
        return self.finished - self.started if self.finished is not None else 0.0

    @property
    def elapsed(self) -> float:
        """Virtual seconds from the first byte of the request to the end of the exchange, or until now if it hasn't ended."""
        end = self._server.clock.now if self.finished is None else self.finished
        return max(0.0, end - self.started)

    @property
    def waited(self) -> float:
        """Virtual seconds from `started` to `began`, while the worker was busy with something else."""
        return max(0.0, self.began - self.started)

    @property
    def events(self) -> list[Event]:
        """Events of the exchange and its callouts in the trace."""
        return self._server.trace.of_exchange(self.number, self._first)

    def first_events(self, limit: int) -> list[Event]:
        """Return the first events of the exchange.

        Parameters
        ----------
        limit
            Maximum number of events to return.
        """
        return self._server.trace.of_exchange(self.number, self._first, limit)

    @property
    def log(self) -> list[LogLine]:
        """Log lines written during the exchange."""
        return self._server.log.of_exchange(self.number)

    @property
    def callouts(self) -> list[Callout]:
        """Callouts that filters made for the exchange."""
        return self._server.callouts.of_exchange(self.number)

    @property
    def filter_ns(self) -> int:
        """Nanoseconds that filters used until the exchange ended, without `on_log`, `on_done` and `on_delete`.

        The value is never greater than the duration. With a fixed `guest_time`, each callback counts as `guest_time`.
        """
        return self.filter_time((e.time, e.guest_ns) for e in self.events if _counts(e))

    def filter_time(self, callbacks: Iterable[tuple[float, int]], *, measured: bool = False) -> int:
        """Return the sum of the callbacks' times in nanoseconds, for code that has already read the trace.

        Parameters
        ----------
        callbacks
            One pair for each callback that delayed the exchange: its virtual start time in seconds, and its nanoseconds
            inside the filter.
        measured
            Whether to add up measured times even if the proxy has a fixed `guest_time` (default False).

        Returns
        -------
        int
            Nanoseconds, as in `filter_ns`.
        """
        fixed, end = self._server.guest_time, self.finished
        own = [ns for time, ns in callbacks if end is None or time < end]
        if measured and fixed is not None:
            return sum(own)
        total = sum(own) if fixed is None else round(len(own) * fixed * 1e9)
        return total if end is None else min(total, int(self.duration * 1e9))

    @property
    def fuel(self) -> Fuel:
        """Number of Wasm instructions run during the exchange, by callback.

        Raises
        ------
        UsageError
            The proxy was started without `fuel=True`, or a native filter ran.
        """
        if not self._server.engine.fuel:
            raise UsageError("This proxy doesn't count instructions. Create it with Proxy(..., fuel=True).")
        events = self.events
        if any(e.kind == "callback" and e.fuel is None for e in events):
            raise UsageError(
                "Instructions can't be counted, because a filter of this exchange is native. Compile it with Plugin.in_wasm."
            )
        return fuel_of(events)

    @property
    def traceback(self) -> str:
        """Python traceback of the filter that failed. Empty if no filter failed or there is no traceback."""
        return self.failure.traceback if self.failure is not None else ""


def _counts(event: Event) -> bool:
    """Return whether an event is a callback that delayed its exchange."""
    return event.kind == "callback" and event.name not in END_CALLBACKS


_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class Exchange(ExchangeBase):
    """Record of an HTTP request and its response.

    Attributes
    ----------
    request
        The request that the client sent.
    upstream_requests
        The requests that the upstream received. Retries of Envoy are separate entries.
    upstream_complete
        Whether the upstream received the whole request.
    upstream_response
        The response that the upstream sent, or None.
    response
        The response that the client received, or None if the client is still waiting. Its status is 0 if the connection was
        closed without a response.
    details
        Envoy's response code details: `via_upstream`, `wasm_fail_stream`, or the details of a filter's local response.
    http2
        Whether the client sent the request over HTTP/2.
    timeout
        Virtual seconds after which the client disconnects, or None if it waits without limit.
    options
        Keyword arguments used to send the request: `http2`, `timeout`, `properties`, `metadata`.
    wire
        The raw bytes, including framing, that an HTTP/1 client received.
    access_log
        Envoy's access log record, with flags, cluster, bytes, details and durations. None until the exchange has ended.
    """

    def __init__(self, number: int, worker: int, server: ServerContext, request: Request) -> None:
        super().__init__(number, worker, server)
        self.request = request
        self.upstream_requests: list[Request] = []
        self.upstream_complete = False
        self.upstream_response: Response | None = None
        self.response: Response | None = None
        self.details = ""
        self.http2 = False
        self.timeout: float | None = None
        self.options: Mapping[str, Any] = _NO_OPTIONS
        self.wire = b""
        self.access_log: AccessLogRecord | None = None
        self._note_start("request", method=request.method, path=request.path)

    @property
    def upstream_request(self) -> Request | None:
        """The first request that the upstream received, or None if the upstream received no request."""
        return self.upstream_requests[0] if self.upstream_requests else None

    @property
    def body_bytes(self) -> int:
        """Size in bytes of all bodies, headers and paths of the exchange that are kept in memory."""
        messages = [self.request, *self.upstream_requests, self.upstream_response, self.response]
        return sum(m.size for m in messages if m is not None)

    def __repr__(self) -> str:
        response = "no response" if self.response is None or not self.response.status else str(self.response.status)
        state = "" if self.state == "done" else f" ({self.paused or self.state})"
        line = visible(f"{self.request.method} {self.request.path}")
        return f"<Exchange {self.number}: {line} -> {response}{state}>"


class TcpExchange(ExchangeBase):
    """Record of a TCP connection.

    Attributes
    ----------
    sent, received
        Bytes that the client has sent and received.
    sent_chunks
        Bytes that the client has sent, with one entry for each `send`.
    half_closed
        Whether the client has closed its side but continues to read.
    upstream_sent, upstream_chunks
        Bytes that the upstream has sent, and chunks that the upstream has received.
    upstream_connected
        Whether the proxy connected to the upstream.
    upstream_end
        End of the upstream connection: `end` (closed by the proxy), `reset`, or `closed` (closed by the upstream). Empty
        while the connection is open.
    ended
        Whether the client has received the end of the connection, or the proxy has closed it after the client did.
    closed_by_proxy
        Whether the client received the end of the connection before it closed the connection itself. False until the client
        closes or resets it.
    """

    def __init__(self, number: int, worker: int, server: ServerContext) -> None:
        super().__init__(number, worker, server)
        self.sent = self.received = b""
        self.sent_chunks: list[bytes] = []
        self.half_closed = False
        self.upstream_sent = b""
        self.upstream_chunks: list[bytes] = []
        self.upstream_connected = self.ended = self.closed_by_proxy = False
        self.upstream_end = ""
        self._note_start("connection")

    @property
    def body_bytes(self) -> int:
        """Size in bytes of the data that the connection keeps in memory, in both directions."""
        return len(self.sent) + len(self.received) + len(self.upstream_sent) + sum(map(len, self.upstream_chunks))

    @property
    def upstream_received(self) -> bytes:
        """All bytes that the upstream has received."""
        return b"".join(self.upstream_chunks)

    def __repr__(self) -> str:
        sizes = f"{len(self.sent)} bytes sent, {len(self.received)} received"
        return f"<TcpExchange {self.number}: {sizes}, {self.paused or self.state}>"
