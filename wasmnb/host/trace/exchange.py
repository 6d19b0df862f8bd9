"""An exchange: one request or connection through the proxy, as each party saw it, and all that happened on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..._display import Shown, visible
from ...errors import UsageError
from ...messages import Request, Response
from ..vm.fuel import Fuel, fuel_of
from .trace import AFTER_THE_END

if TYPE_CHECKING:
    from ..callouts.record import Callout
    from ..server_context import ServerContext
    from ..vm.failure import Failure
    from .events import Event
    from .log import LogLine

__all__ = ["Exchange", "ExchangeBase", "TcpExchange"]


class ExchangeBase(Shown):
    """What exchanges of HTTP and TCP have in common.

    Attributes
    ----------
    number
        Counts from 1 in each proxy.
    worker
        Number of the worker that served it, from 1.
    state
        `open`, `paused` (a filter holds it), `done`, `failed` (a filter trapped), `reset` (closed without a proper end),
        `refused` (it never got to the filters).
    paused
        While paused, what is held and by whom: `request held by auth`.
    started, finished
        Virtual seconds.
    failure
        Why a filter failed, if one did: callback, message and a Python filter's traceback.
    """

    def __init__(self, number: int, worker: int, server: ServerContext) -> None:
        self.number = number
        self.worker = worker
        self.state = "open"
        self.paused = ""
        self.started = server.clock.time()
        self.finished: float | None = None
        self.failure: Failure | None = None
        self._server = server
        self._first = 0

    def _began(self, name: str, **args: Any) -> None:
        self._first = self._server.trace.note(
            "stream", name, args, time=self.started, thread=self.thread, exchange=self.number
        )

    @property
    def thread(self) -> str:
        """Name of the worker's thread: `worker-1`."""
        return f"worker-{self.worker}"

    @property
    def done(self) -> bool:
        """Whether it is over, one way or another."""
        return self.finished is not None

    @property
    def duration(self) -> float:
        """Virtual seconds from the first byte in to the end; 0 while it lasts."""
        return self.finished - self.started if self.finished is not None else 0.0

    @property
    def events(self) -> list[Event]:
        """Its part of the trace, callouts made for it included."""
        return self._server.trace.of_exchange(self.number, self._first)

    def first_events(self, limit: int) -> list[Event]:
        """The beginning of `events`, for one whose filter makes a hundred thousand hostcalls."""
        return self._server.trace.of_exchange(self.number, self._first, limit)

    @property
    def log(self) -> list[LogLine]:
        """Lines written during it."""
        return self._server.log.of_exchange(self.number)

    @property
    def callouts(self) -> list[Callout]:
        """Callouts that filters made for it."""
        return self._server.callouts.of_exchange(self.number)

    @property
    def filter_ns(self) -> int:
        """Nanoseconds inside guests until it was over; `on_log`, `on_done` and `on_delete` come after that."""
        return sum(e.guest_ns for e in self.events if e.kind == "callback" and e.name not in AFTER_THE_END)

    @property
    def fuel(self) -> Fuel:
        """Instructions of Wasm that its callbacks ran, by callback; only if the proxy was made with `fuel=True`."""
        if not self._server.engine.fuel:
            raise UsageError("Instructions are counted only if the proxy is made for it: Proxy(..., fuel=True).")
        events = self.events
        if any(e.kind == "callback" and e.fuel is None for e in events):
            raise UsageError("A native filter runs no instructions of Wasm; there is no fuel to be counted.")
        return fuel_of(events)

    @property
    def traceback(self) -> str:
        """The Python traceback of the filter that failed, or an empty string."""
        return self.failure.traceback if self.failure is not None else ""


class Exchange(ExchangeBase):
    """One request and its response.

    Attributes
    ----------
    request
        What the client sent.
    upstream_requests
        What the upstream received; more than one if it was sent twice.
    upstream_complete
        Whether the upstream received all of it.
    upstream_response
        What the upstream answered, or None.
    response
        What the client received, or None if it is still waiting. Its status is 0 if the connection was closed instead.
    details
        Envoy's response code details: `via_upstream`, `wasm_fail_stream`, the filter's own.
    notes
        What the simulator has to say: usage that would crash Envoy, body lengths that do not fit.
    """

    def __init__(self, number: int, worker: int, server: ServerContext, request: Request) -> None:
        super().__init__(number, worker, server)
        self.request = request
        self.upstream_requests: list[Request] = []
        self.upstream_complete = False
        self.upstream_response: Response | None = None
        self.response: Response | None = None
        self.details = ""
        self.notes: list[str] = []
        self._began("request", method=request.method, path=request.path)

    @property
    def upstream_request(self) -> Request | None:
        """What the upstream received, or None."""
        return self.upstream_requests[0] if self.upstream_requests else None

    @property
    def body_bytes(self) -> int:
        """Bytes of all bodies that it keeps."""
        messages = [self.request, *self.upstream_requests, self.upstream_response, self.response]
        return sum(len(m.body) for m in messages if m is not None)

    @property
    def client_state(self) -> str:
        """How it looks to the client: `complete`, `closed` (without a proper end), or `waiting` for more."""
        response = self.response
        if response is None:
            return "closed" if self.done else "waiting"
        if response.reset:
            return "closed"
        length = response.headers.get("content-length")
        if length is None or not length.isdigit() or self.request.method == "HEAD" or response.status in (204, 304):
            return "complete" if self.done else "waiting"
        return "complete" if len(response.body) >= int(length) else "waiting"

    @property
    def code_details(self) -> str:
        """Envoy's response code details."""
        return self.details

    def __repr__(self) -> str:
        answer = "no answer" if self.response is None or not self.response.status else str(self.response.status)
        state = "" if self.state == "done" else f" ({self.paused or self.state})"
        asked = visible(f"{self.request.method} {self.request.path}")
        return f"<Exchange {self.number}: {asked} -> {answer}{state}>"


class TcpExchange(ExchangeBase):
    """One TCP connection.

    Attributes
    ----------
    sent, received
        Bytes that the client sent and received.
    upstream_sent, upstream_chunks
        Bytes that the upstream sent, and those that it received, piece by piece.
    upstream_connected
        Whether the upstream was connected to.
    upstream_end
        How that connection ended for the upstream: `end` (the proxy closed it), `reset`, `closed` (it closed itself), or an
        empty string while it lasts.
    ended
        The client has seen the end.
    """

    def __init__(self, number: int, worker: int, server: ServerContext) -> None:
        super().__init__(number, worker, server)
        self.sent = self.received = b""
        self.upstream_sent = b""
        self.upstream_chunks: list[bytes] = []
        self.upstream_connected = self.ended = False
        self.upstream_end = ""
        self._began("connection")

    @property
    def body_bytes(self) -> int:
        """Bytes that it keeps."""
        return len(self.sent) + len(self.received) + len(self.upstream_sent) + sum(map(len, self.upstream_chunks))

    @property
    def upstream_received(self) -> bytes:
        """Bytes that the upstream received."""
        return b"".join(self.upstream_chunks)

    def __repr__(self) -> str:
        sizes = f"{len(self.sent)} bytes sent, {len(self.received)} received"
        return f"<TcpExchange {self.number}: {sizes}, {self.paused or self.state}>"
