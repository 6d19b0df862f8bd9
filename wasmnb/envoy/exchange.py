"""A request through the real Envoy: messages of the client and the upstream, and the filters' log lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from ..host.trace.exchange import REFUSED_LATE
from ..messages import Headers, Request, Response
from ..parsing.header_block import HOP_BY_HOP
from .log import LogLine, worker_of
from .sockets.upstream import UpstreamExchange

if TYPE_CHECKING:
    from ..host.trace.access_log import AccessLogRecord
    from .session import Outcome

__all__ = ["EnvoyExchange"]

_NOT_RECORDED = HOP_BY_HOP | {b"host"}
_STATES = {"complete": "done", "timeout": "paused", "closed": "failed", "reset": "failed"}


@dataclass
class EnvoyExchange:
    """A request through the real Envoy, with the messages of the client and of the upstream.

    It has the same attributes as the simulated proxy's `Exchange`. Envoy doesn't report callbacks, so `events` is empty. The
    filters' log lines are in `log`.

    Attributes
    ----------
    number
        Position among the proxy's requests and connections, from 1.
    request
        Request as the client sent it.
    upstream_request, upstream_response
        Request that the upstream received, and its response. None if no request reached the upstream.
    response
        Response that the client received, or None.
    log
        Log lines written by filters and Envoy's Wasm host during the request.
    state
        "done"; "paused" if the response wasn't complete in time; "failed" if the connection ended before the response did;
        "reset" if the client disconnected before the end of the response; "crashed" if Envoy crashed.
    duration
        Wall-clock seconds until the response was complete.
    raw
        Bytes of the response as the client received them.
    crash
        Envoy's log of a crash that the request caused, or ''.
    events
        Always empty.
    notes
        Warnings as in the simulated proxy, for example that the upstream received only a part of a request that a filter
        responded to.
    find_record
        Function that returns the request's record in the access log. It has no parameters.
    """

    #: Whether `events` has the filter's callbacks and hostcalls.
    reports_callbacks: ClassVar[bool] = False

    number: int
    request: Request
    upstream_request: Request | None = None
    upstream_response: Response | None = None
    response: Response | None = None
    log: list[LogLine] = field(default_factory=list)
    state: str = "done"
    duration: float = 0.0
    raw: bytes = b""
    events: Sequence[Any] = ()
    crash: str = ""
    notes: list[str] = field(default_factory=list)
    find_record: Callable[[], AccessLogRecord | None] = field(default=lambda: None, repr=False, compare=False)

    @cached_property
    def access_log(self) -> AccessLogRecord | None:
        """Record of the request in Envoy's access log, or None if Envoy doesn't write it within a second."""
        return self.find_record()

    @property
    def body_bytes(self) -> int:
        """Total size of bodies, headers and paths of all messages in bytes."""
        messages = [self.request, self.upstream_request, self.upstream_response, self.response]
        return len(self.raw) + sum(m.size for m in messages if m is not None)

    @property
    def worker(self) -> int | None:
        """Number of the worker that served the request, from 1, according to the log lines. None if they don't show it."""
        return worker_of(self.log)

    @classmethod
    def of(cls, number: int, outcome: Outcome, upstream: UpstreamExchange | None) -> EnvoyExchange:
        """Create an exchange from the results of the client and of the upstream."""
        result = outcome.result
        refused = upstream is not None and upstream.response is None and result.end == "complete"
        return cls(
            number, outcome.request, _upstream_request(upstream), upstream.response if upstream else None, result.response,
            state="reset" if outcome.left else _STATES[result.end], duration=outcome.duration, raw=result.raw,
            notes=[REFUSED_LATE] if refused else [],
        )  # fmt: skip

    def __repr__(self) -> str:
        status = self.response.status if self.response else "no response"
        return f"<EnvoyExchange {self.number}: {self.request.method} {self.request.path} -> {status}, {self.state}>"


def _upstream_request(exchange: UpstreamExchange | None) -> Request | None:
    """Return the request that the upstream received, without `host` and framing headers, as in the simulated proxy."""
    if exchange is None:
        return None
    request = exchange.request
    kept = [(n, v) for n, v in request.headers.raw if n not in _NOT_RECORDED]
    chunks = list(exchange.chunks) if "transfer-encoding" in request.headers else None
    view = Request(
        request.method, request.path, Headers(kept), request.body, authority=request.authority, chunks=chunks
    )
    view.trailers = request.trailers
    return view
