"""An exchange: one request through the proxy, as each of the four parties saw it, and all that happened on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..messages import Request, Response
from ._display import Shown

if TYPE_CHECKING:
    from .log import LogLine
    from .trace import Event, Trace
    from .vm import Failure

__all__ = ["Exchange"]


class Exchange(Shown):
    """One request and its response.

    Attributes
    ----------
    number
        Counts from 1 in each proxy.
    worker
        Name of the worker that served it: `worker-1`.
    request
        What the client sent.
    upstream_request
        What the upstream received; None if nothing got there. `upstream_requests` has all, if it was sent twice.
    upstream_response
        What the upstream answered, or None.
    response
        What the client received, or None if it is still waiting. Its status is 0 if the connection was closed instead.
    state
        `open`, `paused` (a filter holds it), `done`, `failed` (a filter trapped), `reset` (closed without a proper end),
        `refused` (it never got to the filters).
    paused
        While paused, what is held and by whom: `request held by auth`.
    started, finished
        Virtual seconds.
    failure
        Why a filter failed, if one did: callback, message and a Python filter's traceback.
    details, code_details
        Envoy's response code details: `via_upstream`, `wasm_fail_stream`, the filter's own.
    notes
        What the simulator has to say: usage that would crash Envoy, body lengths that do not fit.
    """

    def __init__(self, number: int, worker: str, request: Request, trace: Trace, log: Any, started: float) -> None:
        self.number = number
        self.worker = worker
        self.request = request
        self.upstream_requests: list[Request] = []
        self.upstream_response: Response | None = None
        self.response: Response | None = None
        self.state = "open"
        self.paused = ""
        self.started = started
        self.finished: float | None = None
        self.failure: Failure | None = None
        self.details = ""
        self.notes: list[str] = []
        self._trace = trace
        self._log = log
        self._first = trace.note(
            "stream", "request", {"method": request.method, "path": request.path},
            time=started, thread=worker, exchange=number,
        )  # fmt: skip

    @property
    def upstream_request(self) -> Request | None:
        """What the upstream received, or None."""
        return self.upstream_requests[0] if self.upstream_requests else None

    @property
    def code_details(self) -> str:
        """Envoy's response code details."""
        return self.details

    @property
    def done(self) -> bool:
        """Whether it is over, one way or another."""
        return self.finished is not None

    @property
    def duration(self) -> float:
        """Virtual seconds from the first byte in to the end (so far)."""
        end = self.finished if self.finished is not None else self.started
        return end - self.started

    @property
    def events(self) -> list[Event]:
        """Its part of the trace, callouts made for it included."""
        return self._trace.of_exchange(self.number, self._first)

    @property
    def log(self) -> list[LogLine]:
        """Lines written during it."""
        found: list[LogLine] = self._log.of_exchange(self.number)
        return found

    @property
    def filter_ns(self) -> int:
        """Nanoseconds inside guests."""
        return sum(e.guest_ns for e in self.events if e.kind == "callback")

    @property
    def traceback(self) -> str:
        """The Python traceback of the filter that failed, or an empty string."""
        return self.failure.traceback if self.failure is not None else ""

    def __repr__(self) -> str:
        answer = "no answer" if self.response is None or not self.response.status else str(self.response.status)
        state = "" if self.state == "done" else f" ({self.paused or self.state})"
        return f"<Exchange {self.number}: {self.request.method} {self.request.path} -> {answer}{state}>"
