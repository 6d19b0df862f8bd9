"""Idle, request and duration timeouts of a stream.

In Envoy 1.40, the response has status 504, or 408 if the request isn't complete. The timeouts also apply to streams that a
filter holds back. The idle timeout is counted from the last chunk in either direction. The route timeout is handled by the
router.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..contexts.stream_info import ResponseFlag

if TYPE_CHECKING:
    from .filter_chain import FilterChain
    from .local_reply_sender import LocalReplySender
    from .stream_state import StreamState

__all__ = ["Timeouts"]

#: Maximum seconds by which a timer can be early because of rounding.
_ROUNDING = 1e-9
#: Seconds after which a stream with a limit of 0 ends. The upstream has received its request by then.
_AT_ONCE = 1e-6
#: gRPC status of a stream that has exceeded its maximum duration.
_DEADLINE_EXCEEDED = 4


class Timeouts:
    """The timers of one stream.

    Parameters
    ----------
    state
        The stream's state.
    request
        The request's filter chain.
    replies
        Sender of local replies.
    """

    def __init__(self, state: StreamState, request: FilterChain, replies: LocalReplySender) -> None:
        self._state = state
        self._request = request
        self._replies = replies
        self._last_activity = state.now()
        self._timers = state.timer_group()

    def start(self) -> None:
        """Start the timers when the request's headers have arrived."""
        limits = self._state.limits
        if self._idle_timeout:
            self._timers.call_later(self._idle_timeout, self._on_idle_timeout)
        duration = self._duration()
        if duration is not None:
            self._timers.call_later(duration or _AT_ONCE, self._on_duration)
        if limits.request_timeout:
            self._timers.call_later(limits.request_timeout, self._on_request_timeout)

    def reset_idle_timer(self) -> None:
        """Restart the idle timeout because a chunk has arrived or was sent."""
        self._last_activity = self._state.now()

    def cancel(self) -> None:
        """Stop the timers when the stream ends."""
        self._timers.cancel()

    def _on_idle_timeout(self) -> None:
        state = self._state
        remaining = self._last_activity + self._idle_timeout - state.now()
        if remaining > _ROUNDING:
            self._timers.call_later(remaining, self._on_idle_timeout)
        elif not state.done:
            state.info.flags |= ResponseFlag.STREAM_IDLE_TIMEOUT
            self._replies.send(self._status, b"stream timeout", details="stream_idle_timeout")

    def _on_request_timeout(self) -> None:
        request = self._request
        if not request.complete or any(f.is_paused for f in request.active_filters):
            self._replies.send(self._status, b"request timeout", details="request_overall_timeout")

    def _on_duration(self) -> None:
        if not self._state.done:
            self._replies.send(
                self._status,
                b"downstream duration timeout",
                details="max_duration_timeout",
                grpc_status=_DEADLINE_EXCEEDED,
            )

    @property
    def _idle_timeout(self) -> float:
        """Idle timeout in seconds, from the route or otherwise from the listener."""
        route = self._state.info.route
        own = route.entry.idle_timeout if route is not None and route.entry is not None else None
        return self._state.limits.idle_timeout if own is None else own

    def _duration(self) -> float | None:
        """Return the maximum duration of the stream in seconds, or None for no limit.

        The route's limit has precedence over the limit of the connection manager.
        """
        route, headers = self._state.info.route, self._request.headers
        limits = route.entry.duration if route is not None and route.entry is not None else None
        default = self._state.manager.max_stream_duration
        return limits.of_request(headers, default) if limits is not None and headers is not None else default or None

    @property
    def _status(self) -> int:
        return 504 if self._state.request_complete else 408
