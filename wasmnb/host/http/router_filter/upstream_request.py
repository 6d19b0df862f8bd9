"""One attempt to send a request to an upstream, from the connection to the end of the response.

In Envoy 1.40, a request waits for a new connection if there is no idle one. If a local reply is sent before the connection is
open, the upstream doesn't receive the request, and the connection is used for another request. Chunks of a response that arrive
together are read together. Later chunks wait while reading is disabled. An HTTP/1 upstream waits until the body has as many
bytes as its content-length. A response that the codec can't read is a protocol error. Trailers require HTTP/2 or a chunked
body.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from ...clusters.raw_response import RawResponse
from ..codec.codec import MAX_RESPONSE_HEADERS, is_malformed, request_to_upstream, response_from_upstream
from ..header_map import HeaderMap, ResponseHeaderMap, ResponseTrailerMap
from .resets import CLOSED, CUT, REFUSED, RESET, UpstreamReset

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....messages import Headers, Request, Response
    from ...clock import Timer
    from ...clusters.cluster import Cluster
    from ..stream_state import StreamState

__all__ = ["UpstreamCallbacks", "UpstreamRequest"]

_SWITCHING_PROTOCOLS = 101
_NO_BODY = (204, 304)


class UpstreamCallbacks(Protocol):
    """Interface through which an upstream request reports events to the router."""

    def on_connected(self, upstream: UpstreamRequest) -> None:
        """Handle the connection to the upstream, which now receives everything that has been sent so far."""
        ...

    def on_interim(self, response: Response) -> None:
        """Handle the first interim response (1xx)."""
        ...

    def on_response_headers(
        self, upstream: UpstreamRequest, headers: ResponseHeaderMap, *, end: bool, status: int
    ) -> bool:
        """Handle the response's headers, and return False if the rest of the response isn't needed.

        `end` is True if the response ends with its headers.
        """
        ...

    def on_response_data(self, upstream: UpstreamRequest, data: bytes, *, end: bool) -> None:
        """Handle a chunk of the response's body. `end` is True if the response ends with it."""
        ...

    def on_response_trailers(self, upstream: UpstreamRequest, trailers: ResponseTrailerMap) -> None:
        """Handle the response's trailers."""
        ...

    def on_upstream_reset(self, upstream: UpstreamRequest, reset: UpstreamReset) -> None:
        """Handle the failure of the upstream request."""
        ...

    def on_upstream_error(self) -> None:
        """Handle an exception raised by the upstream's function."""
        ...


class UpstreamRequest:
    """One attempt to send a request to an upstream.

    Parameters
    ----------
    state
        The stream's state.
    cluster
        The upstream's cluster.
    router
        Object that handles the events.
    upgraded
        Function that returns whether the client's connection has switched to another protocol.

    Attributes
    ----------
    connected
        Whether the request has a connection to the upstream.
    done
        Whether no more events come from the upstream, because the attempt has ended.
    interim
        Whether the upstream has sent an interim response.
    """

    _request: Request

    def __init__(
        self, state: StreamState, cluster: Cluster, router: UpstreamCallbacks, upgraded: Callable[[], bool]
    ) -> None:
        self.cluster = cluster
        self.connected = self.done = False
        self._state = state
        self._router = router
        self._upgraded = upgraded
        self._chunks: list[bytes] = []
        self._timers = state.timer_group()
        self._try_timer: Timer | None = None
        self._content_length: int | None = None
        self._sent = False  # whether the whole request was sent
        self._received = False  # whether the upstream has received all that it waits for
        self._endless = False
        self._response_started = False
        self.interim = False
        self._unread: deque[Callable[[], None]] = deque()  # events while reading is disabled
        self._read_disabled = False

    # -- to the upstream --------------------------------------------------------------------------------------------

    def headers(self, headers: HeaderMap, *, end: bool, at_once: bool = False) -> None:
        """Send the headers. `end` is True if the request ends with them.

        Parameters
        ----------
        at_once
            Whether to assume a connection even if there is no idle one (default False).
        """
        state, cluster = self._state, self.cluster
        if not cluster.alive:
            state.note("connection_refused", cluster=cluster.name)
            self._timers.call_soon(lambda: self._reset(REFUSED))
        request = self._request = request_to_upstream(
            headers, end=end, http2=cluster.http2, upgrade=bool(state.upgrade)
        )
        length = headers.get(b"content-length")
        chunked = (headers.get(b"transfer-encoding") or b"").lower().endswith(b"chunked")
        self._content_length = int(length) if length is not None and length.isdigit() else None
        sized = end or self._content_length is not None
        self._endless = sized and not cluster.http2 and chunked  # a filter has set transfer-encoding
        if cluster.alive and (state.worker.idle[cluster.name] or at_once):
            self._on_connected(request)
        elif cluster.alive:
            self._timers.call_soon(lambda: self._on_connected(request))
        if end:
            self._finish_request()

    def data(self, data: bytes, *, end: bool) -> None:
        """Send a chunk of the body. `end` is True if the request ends with it."""
        if data:
            self._chunks.append(data)
        if self._state.upgrade:
            self._request.body += data
        if end:
            self._finish_request()
        elif self._content_length is not None and sum(map(len, self._chunks)) >= self._content_length:
            self._check_received()

    def trailers(self, trailers: HeaderMap) -> None:
        """Send the trailers, which end the request."""
        if self._content_length is None or self.cluster.http2:
            self._request.trailers.raw = list(trailers.items)
        self._finish_request()

    def _on_connected(self, request: Request) -> None:
        """Record the request, with everything sent so far, as received by the upstream."""
        state, cluster = self._state, self.cluster
        self.connected = True
        idle = state.worker.idle
        if not cluster.http2 and idle[cluster.name]:
            idle[cluster.name] -= 1
        state.exchange.upstream_requests.append(request)
        state.note("upstream_request", method=request.method, path=request.path, cluster=cluster.name)
        self._router.on_connected(self)
        early = cluster.early(request) if cluster.early is not None else None
        if early is not None:
            self._timers.call_soon(lambda: self._respond(early))
        if state.upgrade:
            self._received = True
            self._timers.call_soon(self._call_upstream)

    def _finish_request(self) -> None:
        if not self._sent and not self.done:
            self._sent = True
            self._check_received()

    def _check_received(self) -> None:
        """Let the upstream respond if it has received everything that it waits for."""
        cluster, length = self.cluster, self._content_length
        if self._received or not cluster.alive or self._endless:
            return
        body = b"".join(self._chunks)
        self._record_body(body)
        if length is not None and len(body) != length and not cluster.http2:
            self._state.exchange.notes.append(
                f"The body sent to the upstream has {len(body)} bytes, but its content-length is {length}. Remove the header"
                " before you change the body."
            )
            if len(body) < length:
                return  # the upstream waits for the rest
        self._received = self._state.exchange.upstream_complete = True
        self._timers.call_soon(self._call_upstream)

    def _record_body(self, body: bytes) -> None:
        """Set the recorded request's body to the bytes that the upstream has received."""
        if self._state.upgrade or self._endless:
            return
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
        except BaseException:  # an error in the upstream's function is raised to the caller
            self._router.on_upstream_error()
            raise
        if response.latency > 0:
            self._timers.call_later(response.latency, lambda: self._respond(response))
        else:
            self._respond(response)

    def _respond(self, response: Response) -> None:
        """Deliver a response to the router. If the codec can't read it, reset the upstream request."""
        if self.done or self._response_started:
            return
        http2 = self.cluster.http2
        if isinstance(response, RawResponse):
            decoded = response.decode(self._request.method)
            if response.interim is not None:
                self.interim = True
                self._router.on_interim(response.interim)
            if decoded is None:
                self._reset(CUT)
                return
            response = decoded
        if response.reset and not response.status:
            self._reset(RESET if http2 else CLOSED)
            return
        headers, chunks = response_from_upstream(response, head=self._request.method == "HEAD", http2=http2)
        if not self._state.http2:
            headers.remove(b"keep-alive")
        if not http2 and is_malformed(response, headers):
            self._reset(CUT)
        elif not 100 <= response.status < 200 or response.status == _SWITCHING_PROTOCOLS:
            self._deliver(response, headers, chunks)

    def _deliver(self, response: Response, headers: ResponseHeaderMap, chunks: list[bytes]) -> None:
        """Deliver a response to the router.

        The headers are delivered now, and each chunk in a separate event after its delay.
        """
        self._response_started = True
        self._state.exchange.upstream_response = response
        head = self._request.method == "HEAD"
        trailers = response.trailers if len(response.trailers) and not head else None
        tunnel = response.status == _SWITCHING_PROTOCOLS and not head
        if tunnel and self._state.upgrade:
            chunks = response.chunks if response.chunks is not None else [response.body]
        # a response to HEAD ends with its headers
        reset = response.reset and not head and (bool(self._state.upgrade) or not tunnel)
        unsized = response.until_close or b"transfer-encoding" in headers
        open_end = not head and unsized and response.status not in _NO_BODY
        end = not (chunks or trailers or reset or open_end or tunnel)
        self._state.note("upstream_response", status=response.status)
        router, whole = self._router, response.chunks is None and not response.delays
        if not router.on_response_headers(self, headers, end=end, status=response.status):
            return
        elapsed = 0.0
        for number, chunk in enumerate(chunks):
            elapsed += response.delay(number)
            self._schedule(lambda c=chunk: router.on_response_data(self, c, end=False), elapsed, now=whole)  # type: ignore[misc]
        if chunks and trailers is None and not reset and not tunnel:
            self._schedule(lambda: router.on_response_data(self, b"", end=True), elapsed, now=whole)
        if trailers is not None:
            self._deliver_trailers(trailers, elapsed, now=whole)
        elif tunnel and chunks:
            self._schedule(lambda: router.on_response_data(self, b"", end=False), elapsed, now=whole)
        elif not chunks and (open_end or tunnel) and not reset:
            self._schedule(lambda: router.on_response_data(self, b"", end=not self._upgraded()), elapsed, now=whole)
        if tunnel and response.reset:
            self._schedule(lambda: self._reset(CLOSED), elapsed, now=whole)
        elif reset:
            self._schedule(lambda: self._reset(RESET if self.cluster.http2 else CUT), elapsed, now=whole)

    def _deliver_trailers(self, trailers: Headers, after: float, *, now: bool) -> None:
        if not self.cluster.http2 and len(trailers) > MAX_RESPONSE_HEADERS:
            self._schedule(lambda: self._reset(CUT), after, now=now)
        else:
            items = trailers.raw
            self._schedule(lambda: self._router.on_response_trailers(self, ResponseTrailerMap(items)), after, now=now)

    def _schedule(self, event: Callable[[], None], after: float, *, now: bool) -> None:
        """Deliver a part of the response now if it arrives together with the previous part, or otherwise in a separate event.

        Parameters
        ----------
        after
            Virtual seconds until the part arrives.
        """
        if after:
            self._timers.call_later(after, lambda: self._read(event))
        elif not now:
            self._timers.call_soon(lambda: self._read(event))
        elif not self.done:
            event()

    def _read(self, event: Callable[[], None]) -> None:
        if self.done:
            return
        if self._read_disabled or self._unread:
            self._unread.append(event)
        else:
            event()

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the upstream, or start reading again."""
        self._read_disabled = disable
        if not disable and self._unread:
            self._timers.call_soon(self._read_on)

    def _read_on(self) -> None:
        while self._unread and not self._read_disabled and not self._state.done:
            self._unread.popleft()()

    # -- the end ----------------------------------------------------------------------------------------------------

    def start_try_timer(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` if the response's headers don't arrive within `seconds` virtual seconds."""
        self._try_timer = self._state.call_later(seconds, action)

    def stop_try_timer(self) -> None:
        """Stop the timer started by `start_try_timer`."""
        if self._try_timer is not None:
            self._try_timer.cancel()

    def complete(self) -> None:
        """Mark the attempt as ended after the whole response has been read, and keep its connection for later requests."""
        self.done = True
        if self._sent:
            self._add_idle_connection()
        self._cancel_timers()

    def cancel(self) -> None:
        """Reset the request because the stream ends or a timeout has expired."""
        if not self.done:
            self.done = True
            if not self.connected and self.cluster.alive:
                self._state.call_soon(self._add_idle_connection)
            if not self._received:
                self._record_body(b"".join(self._chunks))
        self._cancel_timers()

    def _add_idle_connection(self) -> None:
        idle, name = self._state.worker.idle, self.cluster.name
        idle[name] = 1 if self.cluster.http2 else idle[name] + 1

    def _cancel_timers(self) -> None:
        self._timers.cancel()
        self.stop_try_timer()

    def _reset(self, reset: UpstreamReset) -> None:
        if self.done:
            return
        self.done = True
        self._cancel_timers()
        self._router.on_upstream_reset(self, reset)
