"""A request through the real Envoy: messages of the client and the upstream, and the filters' log lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ..host.http.connection_manager.problem import is_refusal
from ..host.trace.exchange import FAILED, REFUSED_LATE
from ..messages import Headers, Request, Response
from ..parsing.header_block import HOP_BY_HOP
from .log import EnvoyCrash, LogLine, worker_of
from .sockets.upstream import UpstreamExchange

if TYPE_CHECKING:
    from ..host.trace.access_log import AccessLogRecord
    from .session import Outcome

__all__ = ["EnvoyExchange", "paused_direction"]

_NOT_RECORDED = HOP_BY_HOP | {b"host"}

#: How a response ended for the client -> state of the exchange.
_ENDS = {"complete": "done", "timeout": "open", "closed": "reset", "reset": "reset"}


@dataclass
class EnvoyExchange:
    """Record of a request through the real Envoy. It satisfies `ExchangeInterface`, which the simulated proxy's `Exchange` also
    does.

    Envoy doesn't report callbacks, so `events` is empty. The attributes of `Exchange` that need callbacks or virtual time, such as
    `callouts`, `fuel` and `started`, don't exist here. The record describes the time when the client stopped waiting, and isn't
    updated afterwards.

    Attributes
    ----------
    number
        Position among the proxy's requests and connections, from 1.
    request
        Request as the client sent it.
    upstream_requests
        Requests that upstreams received, in order of arrival. Retries of Envoy are separate entries.
    upstream_complete
        Whether the upstream received the whole request.
    upstream_response
        Response that the upstream sent, or None.
    response
        Response that the client received. Its status is 0 if Envoy closed the connection or the stream without a response. None
        if the client was still waiting, or disconnected itself.
    log
        Log lines written by filters and Envoy's Wasm host during the request.
    end
        State of the exchange as the client saw it: `done`, `open`, `paused` or `reset`.
    paused
        Direction that a filter has paused, such as `request paused by a filter`. Empty unless the exchange is paused.
    elapsed
        Wall-clock seconds until the response ended, or until the client stopped waiting.
    started_at
        Time of the start in seconds since 1970.
    wire
        Bytes of the response as the client received them.
    http2, timeout, options
        Whether the client used HTTP/2, the seconds after which it disconnects, and the keyword arguments used to send the request.
    crash
        Crash of Envoy that the request caused, or None.
    notes
        Warnings as in the simulated proxy, for example that the upstream received only a part of a request that a filter
        responded to.
    find_record, vm_failed
        Functions without parameters that return the request's record in the access log, and whether Envoy has logged the failure of
        a VM.
    """

    #: Whether `events` has the filter's callbacks and hostcalls.
    reports_callbacks: ClassVar[bool] = False

    #: Events of the exchange in the trace. Envoy doesn't record a trace.
    events: ClassVar[Sequence[Any]] = ()

    #: Failure of a filter, which Envoy reports only in its log.
    failure: ClassVar[None] = None

    #: Seconds during which the worker was busy, which Envoy doesn't report.
    waited: ClassVar[float] = 0.0

    number: int
    request: Request
    upstream_requests: list[Request] = field(default_factory=list)
    upstream_complete: bool = False
    upstream_response: Response | None = None
    response: Response | None = None
    log: list[LogLine] = field(default_factory=list)
    end: str = "done"
    paused: str = ""
    elapsed: float = 0.0
    started_at: float = 0.0
    wire: bytes = b""
    http2: bool = False
    timeout: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    crash: EnvoyCrash | None = None
    notes: list[str] = field(default_factory=list)
    find_record: Callable[[], AccessLogRecord | None] = field(default=lambda: None, repr=False, compare=False)
    vm_failed: Callable[[], bool] = field(default=lambda: True, repr=False, compare=False)

    @property
    def upstream_request(self) -> Request | None:
        """The first request that the upstream received, or None if the upstream received no request."""
        return self.upstream_requests[0] if self.upstream_requests else None

    @property
    def state(self) -> str:
        """State of the exchange, as described in `ExchangeInterface`. Reading it can wait for Envoy's access log."""
        if self.crash is not None:
            return "crashed"
        record = self.access_log
        if record is None:
            return self.end
        if record.response_code_details == FAILED and self.vm_failed():  # filters can send these details, too
            return "failed"
        return "refused" if is_refusal(record.response_code_details, record.response_flags) else self.end

    @property
    def done(self) -> bool:
        """Whether the exchange has ended, in any state."""
        return self.end not in ("open", "paused")

    @property
    def details(self) -> str:
        """Envoy's response code details, from the access log. Empty until the exchange has ended."""
        return self.access_log.response_code_details if self.access_log is not None else ""

    @cached_property
    def access_log(self) -> AccessLogRecord | None:
        """Record of the request in Envoy's access log. None if the exchange hasn't ended, or if Envoy doesn't write the record
        within a second.
        """
        return self.find_record() if self.done else None

    @property
    def duration(self) -> float:
        """Wall-clock seconds until the response ended, or until the client disconnected. 0 if the exchange hasn't ended."""
        return self.elapsed if self.done else 0.0

    @property
    def body_bytes(self) -> int:
        """Total size of bodies, headers and paths of all messages in bytes."""
        messages = [self.request, *self.upstream_requests, self.upstream_response, self.response]
        return len(self.wire) + sum(m.size for m in messages if m is not None)

    @property
    def worker(self) -> int | None:
        """Number of the worker that served the request, from 1, according to the log lines. None if they don't show it."""
        return worker_of(self.log)

    @classmethod
    def of(cls, number: int, outcome: Outcome, upstream: Sequence[UpstreamExchange], paused: str) -> EnvoyExchange:
        """Create an exchange from the results of the client and of the upstreams.

        Parameters
        ----------
        number
            Number of the exchange.
        outcome
            Result of the request as the client sees it.
        upstream
            Requests that the upstreams have received, in order of arrival.
        paused
            Direction that a filter has paused when the client stopped waiting. Empty if none.
        """
        delivery, result = outcome.delivery, outcome.result
        last = upstream[-1] if upstream else None
        unread = last is not None and last.response is None and last.end != "complete"
        response = result.response
        if response is None and result.end in ("closed", "reset") and not outcome.left:
            response = Response(0, reset=True)
        return cls(
            number, outcome.request, [_upstream_request(u) for u in upstream], last is not None and last.end == "complete",
            last.response if last is not None else None, response,
            end="reset" if outcome.left else "paused" if paused else _ENDS[result.end], paused=paused, elapsed=outcome.duration, started_at=outcome.started_at,
            wire=result.raw, http2=delivery.http2, timeout=delivery.timeout, options=delivery.repeated,
            notes=[REFUSED_LATE] if unread and result.end == "complete" else [],
        )  # fmt: skip

    def __repr__(self) -> str:
        status = str(self.response.status) if self.response and self.response.status else "no response"
        return f"<EnvoyExchange {self.number}: {self.request.method} {self.request.path} -> {status}, {self.end}>"


def paused_direction(upstream: UpstreamExchange | None, *, complete: bool) -> str:
    """Return which direction a filter has paused, judging from what the upstream has received and sent. Empty if none.

    Parameters
    ----------
    upstream
        Last request that an upstream has received, or None.
    complete
        Whether the client has sent the whole request.
    """
    if upstream is None or (upstream.end == "open" and complete and upstream.response is None):
        return "request paused by a filter"
    return "response paused by a filter" if upstream.sent else ""


def _upstream_request(exchange: UpstreamExchange) -> Request:
    """Return the request that the upstream received, without `host` and framing headers, as in the simulated proxy."""
    request = exchange.request
    kept = [(n, v) for n, v in request.headers.raw if n not in _NOT_RECORDED]
    chunks = list(exchange.chunks) if "transfer-encoding" in request.headers else None
    view = Request(
        request.method, request.path, Headers(kept), request.body, authority=request.authority, chunks=chunks
    )
    view.trailers = request.trailers
    return view
