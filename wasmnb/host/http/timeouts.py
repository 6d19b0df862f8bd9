"""Limits of a listener, and the timeouts of a stream.

Facts (Envoy 1.40): request and idle timeouts answer 504, or 408 if the request is not complete; they also apply to streams that a filter holds. The idle timeout
counts from the last piece in either direction. (The route's timeout is the router's.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..contexts.stream_info import ResponseFlag

if TYPE_CHECKING:
    from ..clock import Timer
    from .stream import HttpStream

__all__ = ["Limits", "Timeouts"]


@dataclass(frozen=True)
class Limits:
    """What a listener allows: bytes that a filter may hold, and seconds (0 for no limit)."""

    buffer: int = 1 << 20
    route_timeout: float = 15.0
    idle_timeout: float = 300.0
    request_timeout: float = 0.0


class Timeouts:
    """A stream's request and idle timeouts."""

    def __init__(self, stream: HttpStream) -> None:
        self.stream = stream
        self._active = stream.now()
        self._timers: list[Timer] = []

    def start(self) -> None:
        """The request has begun."""
        stream, limits = self.stream, self.stream.limits
        if limits.idle_timeout:
            self._timers.append(stream.call_later(limits.idle_timeout, self._idle))
        if limits.request_timeout:
            self._timers.append(stream.call_later(limits.request_timeout, self._request_timed_out))

    def touch(self) -> None:
        """Something has come or gone."""
        self._active = self.stream.now()

    def cancel(self) -> None:
        """The stream is over."""
        for timer in self._timers:
            timer.cancel()

    def _idle(self) -> None:
        stream = self.stream
        left = self._active + stream.limits.idle_timeout - stream.now()
        if left > 1e-9:
            self._timers.append(stream.call_later(left, self._idle))
        elif not stream.finished:
            stream.info.flags |= ResponseFlag.STREAM_IDLE_TIMEOUT
            stream.replies.send(self._code, b"stream timeout", details="stream_idle_timeout")

    @property
    def _code(self) -> int:
        return 504 if self.stream.received else 408

    def _request_timed_out(self) -> None:
        request = self.stream.request
        if not request.ended or any(s.stopped for s in request.slots):
            self.stream.replies.send(self._code, b"request timeout", details="request_overall_timeout")
