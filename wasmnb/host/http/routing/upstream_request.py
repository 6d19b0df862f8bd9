"""One request to an upstream, from the connection to the end of the response.

Facts (Envoy 1.40): a request waits for a connection if none is idle; a local reply before that keeps it from the
upstream. An HTTP/1 upstream waits for as many bytes as content-length says. Trailers need HTTP/2 or a chunked body.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from ..codec.codec import request_to_upstream, response_from_upstream
from ..header_map import HeaderMap, ResponseHeaders, ResponseTrailers
from .resets import CLOSED, CUT, REFUSED, RESET, UpstreamReset

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....messages import Request, Response
    from ...upstream.cluster import Cluster
    from ..stream_state import StreamState

__all__ = ["UpstreamCallbacks", "UpstreamRequest"]


class UpstreamCallbacks(Protocol):
    """Events of an upstream request; the router handles them."""

    def on_request_complete(self) -> None:
        """Handle the end of the request: the upstream may respond."""
        ...

    def on_response_headers(self, headers: ResponseHeaders, *, end: bool, status: int) -> None:
        """Handle the response's headers; `end` if nothing follows."""
        ...

    def on_response_data(self, data: bytes, *, end: bool) -> None:
        """Handle a chunk of the response's body; `end` if nothing follows."""
        ...

    def on_response_trailers(self, trailers: ResponseTrailers) -> None:
        """Handle the response's trailers."""
        ...

    def on_upstream_reset(self, reset: UpstreamReset, *, response_started: bool) -> None:
        """Handle the loss of the upstream."""
        ...

    def on_upstream_error(self) -> None:
        """Handle an exception in the upstream function."""
        ...


class UpstreamRequest:
    """A request that is sent to one upstream.

    Parameters
    ----------
    state
        The stream's state.
    router
        Handles the events.
    """

    cluster: Cluster
    _request: Request

    def __init__(self, state: StreamState, router: UpstreamCallbacks) -> None:
        self._state = state
        self._router = router
        self._chunks: list[bytes] = []
        self._timers = state.timer_group()
        self._content_length: int | None = None
        self._sent = False  # the whole request
        self._received = False  # by the upstream, as much as it waits for
        self._response_started = False
        self._done = False
        self._unread: deque[Callable[[], None]] = deque()  # events while reading is disabled
        self._read_disabled = False

    # -- to the upstream --------------------------------------------------------------------------------------------

    def headers(self, headers: HeaderMap, cluster: Cluster, *, end: bool) -> None:
        """Send the headers on a connection to `cluster`; `end` if nothing follows."""
        state = self._state
        self.cluster = cluster
        request = self._request = request_to_upstream(headers, end=end, http2=cluster.http2)
        state.info.attempts += 1
        length = headers.get(b"content-length")
        self._content_length = int(length) if length is not None and length.isdigit() else None
        if not cluster.alive:
            self._timers.call_soon(lambda: self._reset(REFUSED))
        elif state.worker.idle[cluster.name]:
            self._on_connected(request, cluster)
        else:
            self._timers.call_soon(lambda: self._on_connected(request, cluster))
        if end:
            self._finish_request()

    def data(self, data: bytes, *, end: bool) -> None:
        """Send a chunk of the body; `end` if nothing follows."""
        if data:
            self._chunks.append(data)
        if end:
            self._finish_request()
        elif self._content_length is not None and sum(map(len, self._chunks)) >= self._content_length:
            self._check_received()

    def trailers(self, trailers: HeaderMap) -> None:
        """Send the trailers, which end the request."""
        if self._content_length is None or self.cluster.http2:
            self._request.trailers.raw = list(trailers.items)
        self._finish_request()

    def _on_connected(self, request: Request, cluster: Cluster) -> None:
        """Record the request at the upstream: what has been sent so far arrives."""
        state = self._state
        idle = state.worker.idle
        if not cluster.http2 and idle[cluster.name]:
            idle[cluster.name] -= 1
        state.exchange.upstream_requests.append(request)
        state.note("upstream_request", method=request.method, path=request.path, cluster=cluster.name)
        early = cluster.early(request) if cluster.early is not None else None
        if early is not None:
            self._timers.call_soon(lambda: self._respond(early))

    def _finish_request(self) -> None:
        if self._sent or self._done:
            return
        self._sent = True
        self._router.on_request_complete()
        self._check_received()

    def _check_received(self) -> None:
        """Let the upstream respond if it has as much of the request as it waits for."""
        cluster, length = self.cluster, self._content_length
        if self._received or not cluster.alive:
            return
        body = b"".join(self._chunks)
        self._record_body(body)
        if length is not None and len(body) != length and not cluster.http2:
            self._state.exchange.notes.append(
                f"The body sent upstream has {len(body)} bytes but content-length says {length}; remove the header"
                " before changing the body."
            )
            if len(body) < length:
                return  # the upstream waits for the rest
        self._received = self._state.exchange.upstream_complete = True
        self._timers.call_soon(self._call_upstream)

    def _record_body(self, body: bytes) -> None:
        """Set the recorded request's body to what the upstream has received."""
        limit = None if self.cluster.http2 else self._content_length
        self._request.chunks = list(self._chunks) if len(self._chunks) > 1 and limit is None else None
        self._request.body = body[:limit]

    # -- from the upstream ------------------------------------------------------------------------------------------

    def _call_upstream(self) -> None:
        try:
            response = self.cluster.respond(self._request)
        except ConnectionRefusedError:
            self._reset(REFUSED)
            return
        except ConnectionError:
            self._reset(CLOSED)
            return
        except BaseException:  # an error in the upstream function goes to the caller
            self._router.on_upstream_error()
            raise
        if response.latency > 0:
            self._timers.call_later(response.latency, lambda: self._respond(response))
        else:
            self._respond(response)

    def _respond(self, response: Response) -> None:
        """Deliver a response: headers now, each chunk of the body as an event of its own."""
        if self._done or self._response_started:
            return
        http2 = self.cluster.http2
        if response.reset and not response.status:
            self._reset(RESET if http2 else CLOSED)
            return
        self._response_started = True
        self._state.exchange.upstream_response = response
        head = self._request.method == "HEAD"
        headers, chunks = response_from_upstream(response, head=head, http2=http2)
        trailers = response.trailers if len(response.trailers) and not head else None
        reset = response.reset and not head  # a response to HEAD ends with its headers
        router, whole = self._router, response.chunks is None
        end = trailers is None and not reset
        router.on_response_headers(headers, end=end and not chunks, status=response.status)
        for chunk in chunks:
            self._deliver(lambda c=chunk: router.on_response_data(c, end=False), now=whole)  # type: ignore[misc]
        if chunks and end:
            self._deliver(lambda: router.on_response_data(b"", end=True), now=whole)
        if trailers is not None:
            items = trailers.raw
            self._deliver(lambda: router.on_response_trailers(ResponseTrailers(items)), now=whole)
        if reset:
            self._deliver(lambda: self._reset(RESET if http2 else CUT), now=whole)

    def _deliver(self, event: Callable[[], None], *, now: bool) -> None:
        """Deliver what arrives together in one go, even if reading is disabled meanwhile; the rest as events."""
        if not now:
            self._timers.call_soon(lambda: self._read(event))
        elif not self._done:
            event()

    def _read(self, event: Callable[[], None]) -> None:
        if self._done:
            return
        if self._read_disabled or self._unread:
            self._unread.append(event)
        else:
            event()

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the upstream, or go on."""
        self._read_disabled = disable
        if not disable and self._unread:
            self._timers.call_soon(self._read_on)

    def _read_on(self) -> None:
        while self._unread and not self._read_disabled and not self._state.done:
            self._unread.popleft()()

    # -- the end ----------------------------------------------------------------------------------------------------

    def complete(self) -> None:
        """Return the connection to the idle ones: the whole response has been read."""
        self._done = True
        if self._sent:
            idle, name = self._state.worker.idle, self.cluster.name
            idle[name] = 1 if self.cluster.http2 else idle[name] + 1
        self._timers.cancel()

    def cancel(self) -> None:
        """Reset the request because the stream ends or the route timeout has expired."""
        if not self._done:
            self._done = True
            if not self._received:
                self._record_body(b"".join(self._chunks))
        self._timers.cancel()

    def _reset(self, reset: UpstreamReset) -> None:
        if self._done:
            return
        self._done = True
        self._timers.cancel()
        self._router.on_upstream_reset(reset, response_started=self._response_started)
