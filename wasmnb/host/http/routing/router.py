"""The router: last filter of the request's chain, source of the response's.

Facts (Envoy 1.40): without a route it replies 404, without the route's cluster 503. `x-envoy-expected-rq-timeout-ms` is
added to the request. Request headers that the upstream's codec refuses give 503. `x-envoy-upstream-service-time` is added
to the response if the request was complete. The route timeout runs from the end of the request. An upstream that closes
before responding gives 503.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....abi.text import encode_text
from ...contexts.stream_info import ResponseFlag
from ..codec.codec import upstream_header_problem
from .upstream_request import UpstreamRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...clock import Timer
    from ...upstream.cluster import Cluster
    from ..filter_chain import FilterChain
    from ..header_map import HeaderMap, ResponseHeaders, ResponseTrailers
    from ..local_replies import LocalReplies
    from ..stream_state import StreamState
    from ..timeouts import Timeouts
    from .resets import UpstreamReset
    from .routes import RouteCache

__all__ = ["Router"]

_SENT_TWICE = "continue_stream in on_request_headers together with Continue: Envoy sends the request upstream twice"


class Router:
    """The router of one stream.

    Parameters
    ----------
    state
        The stream's state.
    routes
        The stream's route cache.
    response
        The response's filter chain.
    replies
        Sends local replies.
    timeouts
        The stream's timeouts.
    reset
        Resets the stream.

    Attributes
    ----------
    upstream
        The request to the upstream, or None before there is one.
    """

    def __init__(
        self,
        state: StreamState,
        routes: RouteCache,
        response: FilterChain,
        replies: LocalReplies,
        timeouts: Timeouts,
        reset: Callable[[], None],
    ) -> None:
        self._state = state
        self._routes = routes
        self._response = response
        self._replies = replies
        self._timeouts = timeouts
        self.on_upstream_error = reset
        self.upstream: UpstreamRequest | None = None
        self._route_timer: Timer | None = None
        self._sent_at: float | None = None

    # -- the request ------------------------------------------------------------------------------------------------

    def headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Route the request's headers; `end` if nothing follows."""
        state = self._state
        cluster = self._choose_cluster(headers)
        if cluster is None:
            return
        timeout = state.limits.route_timeout
        if timeout:
            headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % int(timeout * 1000))
        problem = upstream_header_problem(headers) if cluster.alive else None
        if problem is not None:
            state.info.flags |= ResponseFlag.DOWNSTREAM_PROTOCOL_ERROR
            details = f"filter_removed_required_request_headers{{{problem}}}".replace(" ", "_")
            self._replies.send(503, encode_text(problem), details=details)
            return
        if self.upstream is None:
            self.upstream = UpstreamRequest(state, self)
        else:
            state.exchange.notes.append(_SENT_TWICE)
        self.upstream.headers(headers, cluster, end=end)

    def data(self, data: bytes, *, end: bool) -> None:
        """Send a chunk of the request's body; `end` if nothing follows."""
        if self.upstream is not None:
            self.upstream.data(data, end=end)

    def trailers(self, trailers: HeaderMap) -> None:
        """Send the request's trailers, which end it."""
        if self.upstream is not None:
            self.upstream.trailers(trailers)

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the upstream, or go on."""
        if self.upstream is not None:
            self.upstream.read_disable(disable=disable)

    def cancel(self) -> None:
        """Reset the upstream request when the stream ends."""
        self._cancel_route_timer()
        if self.upstream is not None:
            self.upstream.cancel()

    @property
    def request_sent(self) -> bool:
        """Whether the whole request has gone to the upstream."""
        return self._sent_at is not None

    def _choose_cluster(self, headers: HeaderMap) -> Cluster | None:
        """Return the cluster of the request, or send a local reply and return None."""
        state = self._state
        route = self._routes.route(headers)
        if route is None:
            state.info.flags |= ResponseFlag.NO_ROUTE_FOUND
            self._replies.send(404, b"", details="route_not_found")
            return None
        cluster: Cluster | None = state.worker.server.clusters.get(route.cluster)
        if cluster is None:
            state.info.flags |= ResponseFlag.NO_CLUSTER_FOUND
            self._replies.send(503, b"", details="cluster_not_found")
            return None
        state.info.cluster = cluster
        if not cluster.endpoints:
            state.info.flags |= ResponseFlag.NO_HEALTHY_UPSTREAM
            self._replies.send(503, b"no healthy upstream", details="no_healthy_upstream")
            return None
        return cluster

    # -- events of the upstream request -----------------------------------------------------------------------------

    def on_request_complete(self) -> None:
        """Start the route timeout: the whole request has been sent."""
        state = self._state
        self._sent_at = state.info.upstream_sent = state.now()
        if state.limits.route_timeout:
            self._route_timer = state.call_later(state.limits.route_timeout, self._on_route_timeout)

    def on_response_headers(self, headers: ResponseHeaders, *, end: bool, status: int) -> None:
        """Pass the response's headers to the filters."""
        state = self._state
        state.info.upstream_answered = state.now()
        state.info.details = "via_upstream"
        state.note("upstream_response", status=status)
        if self._sent_at is not None:
            milliseconds = int((state.now() - self._sent_at) * 1000 + 1e-6)
            headers.put(b"x-envoy-upstream-service-time", b"%d" % milliseconds)
        if end:
            self._on_response_complete()
        self._timeouts.reset_idle_timer()
        if not state.done:
            self._response.receive_headers(headers, end=end)

    def on_response_data(self, data: bytes, *, end: bool) -> None:
        """Pass a chunk of the response's body to the filters."""
        if end:
            self._on_response_complete()
        self._timeouts.reset_idle_timer()
        if not self._state.done:
            self._response.receive_data(data, end=end)

    def on_response_trailers(self, trailers: ResponseTrailers) -> None:
        """Pass the response's trailers to the filters."""
        self._on_response_complete()
        self._timeouts.reset_idle_timer()
        if not self._state.done:
            self._response.receive_trailers(trailers)

    def on_upstream_reset(self, reset: UpstreamReset, *, response_started: bool) -> None:
        """Reply for a lost upstream; after the response's headers have gone to the client this resets the stream."""
        self._cancel_route_timer()
        self._state.info.flags |= reset.flag
        details = reset.code_details(response_started=response_started)
        self._replies.send(reset.status, reset.body, details=details)

    def _on_response_complete(self) -> None:
        assert self.upstream is not None
        self.upstream.complete()
        self._state.info.upstream_finished = self._state.now()
        self._cancel_route_timer()

    def _on_route_timeout(self) -> None:
        self._state.info.flags |= ResponseFlag.UPSTREAM_REQUEST_TIMEOUT
        self.cancel()
        self._replies.send(504, b"upstream request timeout", details="response_timeout")

    def _cancel_route_timer(self) -> None:
        if self._route_timer is not None:
            self._route_timer.cancel()
            self._route_timer = None
