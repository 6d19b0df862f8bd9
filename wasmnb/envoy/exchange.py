"""One request through the real Envoy, seen at its four stations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..messages import Headers, Request, Response
from .log import LogLine, worker_of
from .network.client import Answer
from .network.upstream import Seen

__all__ = ["EnvoyExchange"]

_FRAMING = frozenset((b"transfer-encoding", b"connection", b"keep-alive"))
_STATES = {"complete": "done", "timeout": "paused", "closed": "failed", "reset": "failed"}


@dataclass
class EnvoyExchange:
    """What the client sent and got, and what the upstream saw and answered.

    The names are the simulated proxy's. Envoy does not tell which callbacks ran: `events` is empty, and what the filter
    did shows in `log`.

    Attributes
    ----------
    number
        Counts this proxy's requests, from 1.
    upstream_request, upstream_response
        None if the request never reached the upstream.
    response
        None if the client got no answer.
    state
        "done"; "paused" if no answer came in time; "failed" if the connection ended in the middle of one.
    duration
        Wall-clock seconds until the answer was complete.
    raw
        The answer's bytes as they came.
    """

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

    @property
    def worker(self) -> int | None:
        """Number of the worker that served it, from 1; None if it has no log lines, which alone show it."""
        return worker_of(self.log)

    @classmethod
    def of(cls, number: int, request: Request, answer: Answer, seen: Seen | None, duration: float) -> EnvoyExchange:
        """Put the stations together."""
        return cls(
            number, request, upstream_view(seen) if seen else None, seen.response if seen else None, answer.response,
            state=_STATES[answer.end], duration=duration, raw=answer.raw,
        )  # fmt: skip

    def __repr__(self) -> str:
        got = self.response.status if self.response else "no answer"
        return f"<EnvoyExchange {self.number}: {self.request.method} {self.request.path} -> {got}, {self.state}>"


def upstream_view(seen: Seen) -> Request:
    """The upstream's request in the model's terms: `host` is the authority, framing is no header."""
    request = seen.request
    kept = [(n, v) for n, v in request.headers.raw if n != b"host" and n not in _FRAMING]
    chunks = list(seen.chunks) if "transfer-encoding" in request.headers else None
    view = Request(
        request.method, request.path, Headers(kept), request.body, authority=request.authority, chunks=chunks
    )
    view.trailers = request.trailers
    return view
