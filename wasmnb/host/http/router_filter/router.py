"""The router, which is the last filter of the request's chain and the source of the response's chain.

In Envoy 1.40, the router replies with status 404 if no route matches. If the route's cluster doesn't exist, the status is 503.
The router reads and removes the `x-envoy-*` headers with which filters configure timeouts, retries and hedging. If the
upstream's codec refuses the request's headers, the router replies with status 503. It adds `x-envoy-upstream-service-time` to
the response if the request was complete. The timeout is counted from the end of the request over all attempts. A request is
retried only if its whole body is buffered and no response has been passed to the filters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....abi.text import encode_text
from ...contexts.stream_info import ResponseFlag
from ..codec.codec import upstream_header_problem
from ..route_table.retry_policy import RetryPolicy, RetryState
from .header_changes import add_service_time, change_request, change_response, remove_retry_headers
from .request_timeouts import RequestTimeouts
from .resets import REFUSED, UpstreamReset
from .route_response import response_of_route
from .upstream_request import UpstreamRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....messages import Response
    from ...clusters.cluster import Cluster
    from ..codec.response_encoder import ResponseEncoder
    from ..filter_manager import FilterManager
    from ..header_map import HeaderMap, ResponseHeaderMap, ResponseTrailerMap
    from ..local_reply_sender import LocalReplySender
    from ..route_table.route_cache import RouteCache
    from ..stream_state import StreamState
    from ..timeouts import Timeouts

__all__ = ["Router"]

_SENT_TWICE = (
    "A filter called continue_stream(REQUEST) in on_request_headers and also returned Continue, so Envoy sends the request to"
    " the upstream twice. Don't call continue_stream if the callback returns Continue."
)


class Router:
    """The router of one stream.

    Parameters
    ----------
    state
        The stream's state.
    routes
        The stream's route cache.
    filters
        The stream's filter chains.
    replies
        Sender of local replies.
    timeouts
        The stream's timeouts.
    encoder
        Writer of the response to the client.
    reset
        Function that resets the stream.

    Attributes
    ----------
    tries
        The attempts to send the request upstream, in order.
    """

    def __init__(
        self,
        state: StreamState,
        routes: RouteCache,
        filters: FilterManager,
        replies: LocalReplySender,
        timeouts: Timeouts,
        encoder: ResponseEncoder,
        reset: Callable[[], None],
    ) -> None:
        self._state = state
        self._routes = routes
        self._filters = filters
        self._replies = replies
        self._stream_timeouts = timeouts
        self._encoder = encoder
        self.on_upstream_error = reset
        self.tries: list[UpstreamRequest] = []
        self._accepted: UpstreamRequest | None = None  # the attempt whose response is sent to the client
        self._done = self._complete = False
        self._headers: HeaderMap | None = None
        self._chunks: list[bytes] = []
        self._trailers: HeaderMap | None = None
        self._sent_at: float | None = None
        self._began = 0.0
        self._timers = state.timer_group()
        self._timeouts = RequestTimeouts()
        self._retry: RetryState | None = None

    # -- the request's headers --------------------------------------------------------------------------------------

    def headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Route the request by its headers. `end` is True if the request ends with them."""
        state, info = self._state, self._state.info
        again = bool(self.tries)
        if again:
            state.exchange.notes.append(_SENT_TWICE)
        route = self._routes.route(headers)
        if route is None:
            info.flags |= ResponseFlag.NO_ROUTE_FOUND
            self._replies.send(404, b"", details="route_not_found")
            return
        direct = response_of_route(route, headers, info)
        if direct is not None:
            self._replies.send(direct.status, direct.body, direct.headers, details="direct_response")
            return
        cluster: Cluster | None = state.worker.server.clusters.get(route.cluster)
        if cluster is None:
            info.flags |= ResponseFlag.NO_CLUSTER_FOUND
            status = route.entry.not_found_status if route.entry is not None else 503
            self._replies.send(status, b"", details="cluster_not_found")
            return
        info.cluster = cluster
        self._timeouts = RequestTimeouts.read(route, headers, state.limits.route_timeout)
        self._began = state.now()
        self._set_timeout_headers(headers)
        info.attempts = 1
        if not cluster.endpoints:
            info.flags |= ResponseFlag.NO_HEALTHY_UPSTREAM
            self._replies.send(503, b"no healthy upstream", details="no_healthy_upstream")
            return
        change_request(route, headers, info)
        policy = (route.retry or RetryPolicy()).with_headers(headers)
        remove_retry_headers(headers)
        self._retry = RetryState(policy, state.worker.server.random, headers, self._wall_clock)
        self._send(headers, cluster, end=end, at_once=again)

    def _send(self, headers: HeaderMap, cluster: Cluster, *, end: bool, at_once: bool) -> None:
        problem = upstream_header_problem(headers) if cluster.alive else None
        if problem is not None:
            self._state.info.flags |= ResponseFlag.DOWNSTREAM_PROTOCOL_ERROR
            details = f"filter_removed_required_request_headers{{{problem}}}".replace(" ", "_")
            self._replies.send(503, encode_text(problem), details=details)
            return
        self._headers = headers
        self._state.info.host_chosen = True
        self._new_try(cluster).headers(headers, end=end, at_once=at_once)
        if end:
            self._on_request_complete()

    def _new_try(self, cluster: Cluster) -> UpstreamRequest:
        upstream = UpstreamRequest(self._state, cluster, self, lambda: self._encoder.upgraded)
        self.tries.append(upstream)
        return upstream

    def _wall_clock(self) -> float:
        clock = self._state.worker.clock
        return clock.start + clock.time()

    def _set_timeout_headers(self, headers: HeaderMap) -> None:
        if not self._state.manager.suppress_envoy_headers:
            self._timeouts.set_timeout_headers(headers, self._state.now() - self._began)

    # -- the rest of the request ------------------------------------------------------------------------------------

    def data(self, data: bytes, *, end: bool) -> None:
        """Send a chunk of the request's body. `end` is True if the request ends with it."""
        if data:
            self._chunks.append(data)
        if self._retry is not None and sum(map(len, self._chunks)) > self._state.limits.buffer:
            self._retry.enabled = False
        for upstream in self._live:
            upstream.data(data, end=end)
        if end:
            self._on_request_complete()

    def trailers(self, trailers: HeaderMap) -> None:
        """Send the trailers, which end the request."""
        self._trailers = trailers
        for upstream in self._live:
            upstream.trailers(trailers)
        self._on_request_complete()

    @property
    def _live(self) -> list[UpstreamRequest]:
        return [upstream for upstream in self.tries if not upstream.done]

    def _on_request_complete(self) -> None:
        """Start the timeouts that are counted from the end of the request."""
        if self._complete or self._done or not self.tries:
            return
        state = self._state
        self._complete = True
        self._sent_at = state.info.upstream_sent = state.now()
        if self._timeouts.whole:
            self._timers.call_later(self._timeouts.whole, self._on_timeout)
        for upstream in self._live:
            if upstream.connected:
                self._start_try(upstream)

    def _start_try(self, upstream: UpstreamRequest) -> None:
        timeouts = self._timeouts
        if timeouts.per_try:
            details = "upstream_per_try_timeout"
            upstream.start_try_timer(timeouts.per_try, lambda: self._on_try_timeout(upstream, details))
        elif timeouts.per_try_idle:
            idle_details = "upstream_per_try_idle_timeout"
            upstream.start_try_timer(timeouts.per_try_idle, lambda: self._on_try_timeout(upstream, idle_details))

    # -- events of the upstream requests ----------------------------------------------------------------------------

    def on_connected(self, upstream: UpstreamRequest) -> None:
        """Start the timeouts that are counted from the connection to the upstream."""
        self._state.info.upstream_protocol = "HTTP/2" if upstream.cluster.http2 else "HTTP/1.1"
        if self._timeouts.duration and len(self.tries) == 1:
            self._timers.call_later(self._timeouts.duration, self._on_duration)
        if self._complete:
            self._start_try(upstream)

    def on_interim(self, response: Response) -> None:
        """Pass on an interim response of the upstream if the connection manager is configured to do so."""
        if self._state.manager.proxy_100_continue and not self._encoder.headers_sent:
            self._encoder.interim(response.status, response.headers.raw)

    def on_response_headers(
        self, upstream: UpstreamRequest, headers: ResponseHeaderMap, *, end: bool, status: int
    ) -> bool:
        """Pass the response's headers to the filters, or retry. Return False if the rest of the response isn't needed."""
        state = self._state
        if self._accepted is not None:
            upstream.cancel()
            return False
        upstream.stop_try_timer()
        if self._retry is not None and self._complete:
            wait = self._retry.after_response(headers)
            if wait is not None:
                upstream.cancel()
                self._retry_later(wait)
                return False
            if self._retry.denied and any(other is not upstream for other in self._live):
                upstream.cancel()  # an earlier attempt can still succeed
                return False
        self._flag_exhausted()
        self._accepted = upstream
        for other in self._live:
            if other is not upstream:
                other.cancel()
        state.info.upstream_responded = state.now()
        state.info.details, state.info.upstream_code = "via_upstream", status
        if (
            state.upgrade not in ("", "connect") and 200 <= status < 300
        ):  # the upstream refused the upgrade, and its body is dropped
            headers.remove(b"content-length")
            headers.remove(b"transfer-encoding")
            state.info.details = "websocket_handshake_unsuccessful"
            end = True
        elif self._sent_at is not None and not state.manager.suppress_envoy_headers:
            add_service_time(headers, state.now() - self._sent_at)
        change_response(state.info, self._filters.request.headers, headers, status)
        if end:
            self._on_response_complete(upstream)
        self._stream_timeouts.reset_idle_timer()
        if not state.done:
            self._filters.response.receive_headers(headers, end=end)
        return not end

    def on_response_data(self, upstream: UpstreamRequest, data: bytes, *, end: bool) -> None:
        """Pass a chunk of the response's body to the filters."""
        if end:
            self._on_response_complete(upstream)
        self._stream_timeouts.reset_idle_timer()
        if not self._state.done:
            self._filters.response.receive_data(data, end=end)

    def on_response_trailers(self, upstream: UpstreamRequest, trailers: ResponseTrailerMap) -> None:
        """Pass the response's trailers to the filters."""
        self._on_response_complete(upstream)
        self._stream_timeouts.reset_idle_timer()
        if not self._state.done:
            self._filters.response.receive_trailers(trailers)

    def on_upstream_reset(self, upstream: UpstreamRequest, reset: UpstreamReset) -> None:
        """Retry, or send a local reply. If the client has already received the response's headers, reset the stream."""
        if self._done:
            return
        if self._accepted is None and self._retry is not None:
            wait = self._retry.after_reset(
                before_request=reset is REFUSED, refused=False, connect_failure=reset is REFUSED
            )
            if wait is not None:
                self._retry_later(wait)
                return
            if self._live:
                return
            self._flag_exhausted()
        self._done = True
        self._timers.cancel()
        self._state.info.flags |= reset.flag
        body = reset.retried_body if len(self.tries) > 1 else reset.body
        details = reset.code_details(response_started=self._accepted is not None or upstream.interim)
        self._replies.send(reset.status, body, details=details)

    def _on_response_complete(self, upstream: UpstreamRequest) -> None:
        self._done = True
        upstream.complete()
        self._state.info.upstream_done = self._state.now()
        self._timers.cancel()

    # -- retries and timeouts ---------------------------------------------------------------------------------------

    def _retry_later(self, seconds: float, *, timeout: bool = False) -> None:
        self._timers.call_later(seconds, lambda: self._retry_now(timeout=timeout))

    def _retry_now(self, *, timeout: bool) -> None:
        state, headers, cluster = self._state, self._headers, self._state.info.cluster
        if self._done or headers is None or cluster is None:
            return
        state.info.attempts += 1
        state.note("retry", attempt=state.info.attempts)
        route = state.info.route
        if b"x-envoy-attempt-count" in headers and route and route.host and route.host.attempt_count:
            headers.put(b"x-envoy-attempt-count", b"%d" % state.info.attempts)
        if route and route.host and route.host.timeout_retry:
            headers.put(b"x-envoy-is-timeout-retry", b"true" if timeout else b"false")
        self._set_timeout_headers(headers)
        upstream = self._new_try(cluster)
        upstream.headers(headers, end=self._complete and not self._chunks and self._trailers is None)
        last = len(self._chunks) - 1 if self._complete and self._trailers is None else -1
        for index, chunk in enumerate(self._chunks):
            upstream.data(chunk, end=index == last)
        if self._trailers is not None:
            upstream.trailers(self._trailers)

    def _flag_exhausted(self) -> None:
        if self._retry is not None and self._retry.exhausted:
            self._state.info.flags |= ResponseFlag.UPSTREAM_RETRY_LIMIT_EXCEEDED

    def _on_try_timeout(self, upstream: UpstreamRequest, details: str) -> None:
        """Retry an attempt that takes too long. With hedging, this attempt continues during the retry."""
        if self._done or self._accepted is not None or upstream.done:
            return
        retry, wait = self._retry, None
        if retry is not None:
            wait = retry.after_reset(before_request=False, refused=False, connect_failure=False)
            self._flag_exhausted()
        if not self._timeouts.hedge:
            upstream.cancel()
        if wait is not None:
            self._retry_later(wait, timeout=True)
        elif not self._timeouts.hedge:
            self._give_up(details)

    def _on_timeout(self) -> None:
        if not self._done:
            self._give_up("response_timeout")

    def _give_up(self, details: str) -> None:
        self._state.info.flags |= ResponseFlag.UPSTREAM_REQUEST_TIMEOUT
        self.cancel()
        if self._timeouts.alternative:
            self._replies.send(204, b"", details=details)
        else:
            self._replies.send(504, b"upstream request timeout", details=details)

    def _on_duration(self) -> None:
        if not self._done:
            self._state.info.flags |= ResponseFlag.UPSTREAM_MAX_STREAM_DURATION_REACHED
            self.cancel()
            body, details = b"upstream max stream duration reached", "upstream_max_stream_duration_reached"
            self._replies.send(504, body, details=details)

    # -- flow and end -----------------------------------------------------------------------------------------------

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the upstream, or start reading again."""
        for upstream in self.tries:
            upstream.read_disable(disable=disable)

    def cancel(self) -> None:
        """Reset the upstream requests because the stream ends."""
        self._done = True
        for upstream in self.tries:
            upstream.cancel()
        self._timers.cancel()
