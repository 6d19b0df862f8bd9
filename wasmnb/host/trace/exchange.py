"""Exchanges: a request or a connection through the proxy, as client and upstream saw it, with its events and log lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..._display import Shown, visible
from ...abi.crashes import Crash
from ...errors import UsageError
from ...messages import Request, Response
from ..vm.fuel import Fuel, fuel_of
from .trace import END_CALLBACKS

if TYPE_CHECKING:
    from ..callouts.record import Callout
    from ..server_context import ServerContext
    from ..vm.failure import Failure
    from .access_log import AccessLogRecord
    from .events import Event
    from .log import LogLine

__all__ = ["REFUSED_LATE", "Exchange", "ExchangeBase", "TcpExchange"]

#: Note of an exchange whose filter sent a local response while the request was on its way to the upstream.
REFUSED_LATE = (
    "The upstream had received the request's headers before the filter sent its local response, and got an incomplete request. "
    "To respond earlier, hold the headers: allow_on_headers_stop_iteration (%%wasmfilter --hold-headers)."
)


class ExchangeBase(Shown):
    """Common part of HTTP and TCP exchanges.

    Attributes
    ----------
    number
        Counts from 1 in each proxy.
    worker
        Number of the worker that served it, from 1.
    state
        `open`, `paused` (a filter holds it), `done`, `failed` (a filter trapped), `reset` (closed before its end), `refused`
        (rejected before the first filter), `crashed` (Envoy would have crashed).
    paused
        While paused, the direction and the filter that holds it: `request held by auth`. Otherwise an empty string.
    started, finished
        Virtual seconds; `finished` is None while it lasts.
    began
        Virtual seconds at which its worker began with it; later than `started` if the worker was busy, for example with its
        own start.
    failure
        The failure of the filter that ended it, or None: callback, message and a Python filter's traceback.
    crash
        How a filter would have crashed Envoy, or None.
    notes
        Warnings of the simulator: calls that would crash Envoy, missing plugins, bodies that don't match content-length.
    """

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
        """Name of the worker's thread: `worker-1`."""
        return f"worker-{self.worker}"

    @property
    def done(self) -> bool:
        """Whether it has ended, in any state."""
        return self.finished is not None

    @property
    def duration(self) -> float:
        """Virtual seconds from the first byte of the request to the end; 0 while it lasts."""
        return self.finished - self.started if self.finished is not None else 0.0

    @property
    def elapsed(self) -> float:
        """Virtual seconds from the first byte of the request to the end, or to this moment while it lasts."""
        end = self._server.clock.now if self.finished is None else self.finished
        return max(0.0, end - self.started)

    @property
    def waited(self) -> float:
        """Virtual seconds of `elapsed` in which its worker was busy with something else."""
        return max(0.0, self.began - self.started)

    @property
    def events(self) -> list[Event]:
        """Events of the trace that belong to it, including those of its callouts."""
        return self._server.trace.of_exchange(self.number, self._first)

    def first_events(self, limit: int) -> list[Event]:
        """Return its first events.

        Parameters
        ----------
        limit
            Number of events at most.
        """
        return self._server.trace.of_exchange(self.number, self._first, limit)

    @property
    def log(self) -> list[LogLine]:
        """Log lines written during it."""
        return self._server.log.of_exchange(self.number)

    @property
    def callouts(self) -> list[Callout]:
        """Callouts that filters sent for it."""
        return self._server.callouts.of_exchange(self.number)

    @property
    def filter_ns(self) -> int:
        """Nanoseconds inside guests until its end, so without `on_log`, `on_done` and `on_delete`; never more than its duration.

        A proxy with a fixed `guest_time` counts that time for each callback, as its clock does.
        """
        return self.filter_time((e.time, e.guest_ns) for e in self.events if _counts(e))

    def filter_time(self, callbacks: Iterable[tuple[float, int]], *, measured: bool = False) -> int:
        """Return the sum of its callbacks' times, for code that has already read the trace.

        Parameters
        ----------
        callbacks
            Virtual seconds at the start, and nanoseconds inside the guest, of each callback that it waited for.
        measured
            Add up measured times even if the proxy has a fixed `guest_time` (default False).

        Returns
        -------
        int
            Nanoseconds, as `filter_ns`.
        """
        fixed, end = self._server.guest_time, self.finished
        own = [ns for time, ns in callbacks if end is None or time < end]
        if measured and fixed is not None:
            return sum(own)
        total = sum(own) if fixed is None else round(len(own) * fixed * 1e9)
        return total if end is None else min(total, int(self.duration * 1e9))

    @property
    def fuel(self) -> Fuel:
        """Instructions of Wasm that its callbacks ran, by callback.

        Raises
        ------
        UsageError
            The proxy doesn't count them (`fuel=True`), or a native filter ran.
        """
        if not self._server.engine.fuel:
            raise UsageError("This proxy doesn't count instructions. Create it with Proxy(..., fuel=True).")
        events = self.events
        if any(e.kind == "callback" and e.fuel is None for e in events):
            raise UsageError(
                "A native filter doesn't run Wasm instructions, so they can't be counted. Compile it first: Plugin.in_wasm."
            )
        return fuel_of(events)

    @property
    def traceback(self) -> str:
        """Python traceback of the filter that failed, or an empty string."""
        return self.failure.traceback if self.failure is not None else ""


def _counts(event: Event) -> bool:
    """Return whether an event is a callback that its exchange waited for."""
    return event.kind == "callback" and event.name not in END_CALLBACKS


_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class Exchange(ExchangeBase):
    """One request and its response.

    Attributes
    ----------
    request
        The request that the client sent.
    upstream_requests
        The requests that the upstream received; more than one if Envoy sends it twice.
    upstream_complete
        Whether the upstream received the whole request.
    upstream_response
        The upstream's response, or None.
    response
        The response that the client received, or None if it still waits. Its status is 0 if the connection was closed instead.
    details
        Envoy's response code details: `via_upstream`, `wasm_fail_stream`, the filter's own.
    http2
        Whether the client sent it over HTTP/2.
    timeout
        Seconds after which the client leaves; None for a patient one.
    options
        Keyword arguments with which the client sent the request: `http2`, `timeout`, `properties`, `metadata`.
    wire
        The bytes that went to a client over HTTP/1, with their framing.
    access_log
        The record that Envoy's access log has of it: flags, cluster, bytes, details, durations; None until it has ended.
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
        """The first request that the upstream received, or None."""
        return self.upstream_requests[0] if self.upstream_requests else None

    @property
    def body_bytes(self) -> int:
        """Bytes of all bodies, headers and paths in memory."""
        messages = [self.request, *self.upstream_requests, self.upstream_response, self.response]
        return sum(m.size for m in messages if m is not None)

    def __repr__(self) -> str:
        response = "no response" if self.response is None or not self.response.status else str(self.response.status)
        state = "" if self.state == "done" else f" ({self.paused or self.state})"
        line = visible(f"{self.request.method} {self.request.path}")
        return f"<Exchange {self.number}: {line} -> {response}{state}>"


class TcpExchange(ExchangeBase):
    """One TCP connection.

    Attributes
    ----------
    sent, received
        Bytes that the client sent and received.
    sent_chunks
        The client's bytes, one entry for each write.
    half_closed
        Whether the client closed its side and kept reading.
    upstream_sent, upstream_chunks
        Bytes that the upstream sent, and the chunks that it received.
    upstream_connected
        Whether the proxy connected to the upstream.
    upstream_end
        How that connection ended for the upstream: `end` (the proxy closed it), `reset`, `closed` (the upstream closed it), or an
        empty string while it lasts.
    ended
        Whether the connection has ended for the client.
    closed_by_proxy
        Whether the client saw the end before it closed the connection itself.
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
        """Bytes of both directions in memory."""
        return len(self.sent) + len(self.received) + len(self.upstream_sent) + sum(map(len, self.upstream_chunks))

    @property
    def upstream_received(self) -> bytes:
        """All bytes that the upstream received."""
        return b"".join(self.upstream_chunks)

    def __repr__(self) -> str:
        sizes = f"{len(self.sent)} bytes sent, {len(self.received)} received"
        return f"<TcpExchange {self.number}: {sizes}, {self.paused or self.state}>"
