"""The router: the end of the request's way and the start of the response's.

Facts (Envoy 1.40): the route is chosen when the headers arrive, again if a filter changed them; without `:path` or
`x-forwarded-proto` none is found (404). `x-envoy-expected-rq-timeout-ms` goes on the request. The upstream's codec refuses
headers that cannot be sent (503). `x-envoy-upstream-service-time` goes on the response if the request was complete. The
route timeout runs from the end of the request. An upstream that closes before answering makes a 503. A request for which
there is no idle connection waits for one: an answer before that keeps it from the upstream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...messages import Response
from ..contexts.stream_info import ResponseFlag
from .codec import from_upstream, refused_by_upstream, to_upstream
from .header_map import HeaderMap, ResponseHeaders, ResponseTrailers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...messages import Request
    from ..clock import Timer
    from ..upstream.cluster import Cluster
    from .stream import HttpStream

__all__ = ["BEFORE_HEADERS", "Router"]

#: What Envoy writes when an upstream gives no answer.
BEFORE_HEADERS = "upstream connect error or disconnect/reset before headers. reset reason: "


class _Loss(NamedTuple):
    """How an upstream can be lost: Envoy's reset reason, details, response flag, and status of the answer."""

    reason: str
    details: str
    flag: ResponseFlag
    status: int = 503


_REFUSED = _Loss(
    "remote connection failure",
    "remote_connection_failure|delayed_connect_error:_Connection_refused",
    ResponseFlag.UPSTREAM_CONNECTION_FAILURE,
)
_CLOSED = _Loss("connection termination", "connection_termination", ResponseFlag.UPSTREAM_CONNECTION_TERMINATION)
_RESET = _Loss("remote reset", "remote_reset", ResponseFlag.UPSTREAM_REMOTE_RESET)
_CUT = _Loss("protocol error", "protocol_error", ResponseFlag.UPSTREAM_PROTOCOL_ERROR, 502)


class Router:
    """The router of one stream.

    Attributes
    ----------
    request
        What the upstream receives, as far as it was sent.
    sent_all, answered, over
        The request is complete; the upstream has begun to answer; nothing more comes from it.
    """

    def __init__(self, stream: HttpStream) -> None:
        self.stream = stream
        self.cluster: Cluster | None = None
        self.request: Request | None = None
        self.answered = False
        self.sent_all = False
        self.over = False
        self._pieces: list[bytes] = []
        self._timers: list[Timer] = []
        self._sent_at: float | None = None
        self._waiting: list[Callable[[], None]] = []  # upstream events while reading is stopped
        self._stopped = False
        self._length: int | None = None
        self._asked = False

    # -- to the upstream ------------------------------------------------------------------------------------------

    def headers(self, headers: HeaderMap, *, end: bool) -> None:
        """The request's headers have passed all filters."""
        stream = self.stream
        route = stream.choose_route(headers)
        if route is None:
            stream.info.flags |= ResponseFlag.NO_ROUTE_FOUND
            stream.replies.send(404, b"", details="route_not_found")
            return
        cluster = stream.find_cluster(route.cluster)
        if cluster is None:
            stream.info.flags |= ResponseFlag.NO_CLUSTER_FOUND
            stream.replies.send(503, b"", details="cluster_not_found")
            return
        self.cluster = stream.info.cluster = cluster
        if not cluster.endpoints:
            stream.info.flags |= ResponseFlag.NO_HEALTHY_UPSTREAM
            stream.replies.send(503, b"no healthy upstream", details="no_healthy_upstream")
            return
        timeout = stream.limits.route_timeout
        if timeout:
            headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % int(timeout * 1000))
        self._send(headers, cluster, end=end)

    def _send(self, headers: HeaderMap, cluster: Cluster, *, end: bool) -> None:
        stream = self.stream
        refused = refused_by_upstream(headers)
        if not cluster.alive:
            self._timers.append(stream.call_soon(self._refused))
        elif refused is not None:
            stream.info.flags |= ResponseFlag.DOWNSTREAM_PROTOCOL_ERROR
            details = f"filter_removed_required_request_headers{{{refused}}}".replace(" ", "_")
            stream.replies.send(503, refused.encode(), details=details)
            return
        if self.request is not None:
            stream.exchange.notes.append(
                "continue_stream in on_request_headers together with Continue: Envoy sends the request upstream twice"
            )
        self.request = to_upstream(headers, end=end, http2=cluster.http2)
        stream.info.attempts += 1
        length = headers.get(b"content-length")
        self._length = int(length) if length is not None and length.isdigit() else None
        if cluster.alive and stream.worker.idle[cluster.name]:
            self._connected(self.request, cluster)
        elif cluster.alive:
            request = self.request
            self._timers.append(stream.call_soon(lambda: self._connected(request, cluster)))
        if end:
            self._complete()

    def _connected(self, request: Request, cluster: Cluster) -> None:
        """There is a connection: what has been sent so far arrives."""
        stream = self.stream
        idle = stream.worker.idle
        if not cluster.http2 and idle[cluster.name]:
            idle[cluster.name] -= 1
        stream.exchange.upstream_requests.append(request)
        stream.note("upstream_request", method=request.method, path=request.path, cluster=cluster.name)
        early = cluster.early(request) if cluster.early is not None else None
        if early is not None:
            self._timers.append(stream.call_soon(lambda: self.answer(early)))

    def data(self, data: bytes, *, end: bool) -> None:
        """A piece of the request's body."""
        if data:
            self._pieces.append(data)
        if end:
            self._complete()
        elif self._length is not None and sum(map(len, self._pieces)) >= self._length:
            self._arrived()

    def trailers(self, trailers: HeaderMap) -> None:
        """The request's trailers, its end."""
        if self.request is not None and (self._length is None or self.cluster is None or self.cluster.http2):
            self.request.trailers.raw = list(trailers.items)  # over HTTP/1 only a chunked body can have trailers
        self._complete()

    def _complete(self) -> None:
        """The request is complete: the upstream may answer, and the route timeout begins."""
        stream = self.stream
        if self.request is None or self.cluster is None or self.sent_all or self.over:
            return
        self.sent_all = True
        self._sent_at = stream.info.upstream_sent = stream.now()
        if stream.limits.route_timeout:
            self._timers.append(stream.call_later(stream.limits.route_timeout, self._timed_out))
        self._arrived()

    def _arrived(self) -> None:
        """As much of the request has been sent as the upstream waits for: over HTTP/1, what content-length says."""
        stream, request, cluster = self.stream, self.request, self.cluster
        if request is None or cluster is None or self._asked or not cluster.alive:
            return
        body = b"".join(self._pieces)
        self._show_body(body)
        if self._length is not None and len(body) != self._length and not cluster.http2:
            stream.exchange.notes.append(
                f"The body sent upstream has {len(body)} bytes but content-length says {self._length}; remove the header"
                " before changing the body."
            )
            if len(body) < self._length:
                return  # the upstream waits for the rest
        self._asked = stream.exchange.upstream_complete = True
        self._timers.append(stream.call_soon(self._ask))

    def _show_body(self, body: bytes) -> None:
        """What the upstream has received."""
        if self.request is None or self.cluster is None:
            return
        limit = None if self.cluster.http2 else self._length
        self.request.chunks = list(self._pieces) if len(self._pieces) > 1 and limit is None else None
        self.request.body = body[:limit]

    # -- from the upstream ----------------------------------------------------------------------------------------

    def _ask(self) -> None:
        request, cluster, stream = self.request, self.cluster, self.stream
        assert request is not None
        assert cluster is not None
        try:
            answer = cluster.answer(request)
        except ConnectionRefusedError:
            self._refused()
            return
        except ConnectionError:
            self._lost(_CLOSED)
            return
        except BaseException:  # the upstream function's own fault: the caller hears of it, the stream ends
            stream.reset()
            raise
        if answer.latency > 0:
            self._timers.append(stream.call_later(answer.latency, lambda: self.answer(answer)))
        else:
            self.answer(answer)

    def answer(self, answer: Response) -> None:
        """The upstream answers: headers now, the pieces of the body one event after the other."""
        stream = self.stream
        if self.over or self.answered:
            return
        if answer.reset and not answer.status:
            self._lost(_RESET if self.cluster and self.cluster.http2 else _CLOSED)
            return
        self.answered = True
        stream.exchange.upstream_response = answer
        head = self.request is not None and self.request.method == "HEAD"
        headers, pieces = from_upstream(answer, head=head, http2=bool(self.cluster and self.cluster.http2))
        trailers = answer.trailers if len(answer.trailers) and not head else None
        reset = answer.reset and not head  # an answer to HEAD ends with its headers
        end = not pieces and trailers is None and not reset
        self.begin(headers, end=end, status=answer.status)
        whole = answer.chunks is None
        for at, piece in enumerate(pieces):
            last = at == len(pieces) - 1 and trailers is None and not reset
            self._deliver(lambda p=piece: self.piece(p), now=whole)  # type: ignore[misc]
            if last:
                self._deliver(lambda: self.piece(b"", end=True), now=whole)
        if trailers is not None:
            self._deliver(lambda: self.finish(list(trailers.raw)), now=whole)
        if reset:
            lost = _RESET if self.cluster and self.cluster.http2 else _CUT
            self._deliver(lambda: self._lost(lost), now=whole)

    def _deliver(self, event: Callable[[], None], *, now: bool) -> None:
        """Pieces that arrive together are read in one go, even if reading is stopped meanwhile; others are events."""
        if now:
            if not self.over:
                event()
        else:
            self._timers.append(self.stream.call_soon(lambda: self._receive(event)))

    def _receive(self, event: Callable[[], None]) -> None:
        if self.over:
            return
        if self._stopped or self._waiting:
            self._waiting.append(event)
        else:
            event()

    def begin(self, headers: ResponseHeaders, *, end: bool, status: int) -> None:
        """Response headers."""
        stream = self.stream
        self.answered = True
        stream.info.upstream_answered = stream.now()
        stream.info.details = "via_upstream"
        stream.note("upstream_response", status=status)
        if self._sent_at is not None:
            waited = int((stream.now() - self._sent_at) * 1000 + 1e-6)
            headers.put(b"x-envoy-upstream-service-time", b"%d" % waited)
        if end:
            self._end()
        stream.respond_headers(headers, end=end)

    def piece(self, data: bytes, *, end: bool = False) -> None:
        """A piece of the response's body."""
        if end:
            self._end()
        self.stream.respond_data(data, end=end)

    def finish(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """Response trailers, the end."""
        self._end()
        self.stream.respond_trailers(ResponseTrailers(trailers))

    def _end(self) -> None:
        self.over = True
        if self.cluster is not None and self.sent_all:
            idle = self.stream.worker.idle
            idle[self.cluster.name] = 1 if self.cluster.http2 else idle[self.cluster.name] + 1
        self.stream.info.upstream_finished = self.stream.now()
        self._cancel()

    # -- what goes wrong ------------------------------------------------------------------------------------------

    def _refused(self) -> None:
        self._lost(_REFUSED)

    def _lost(self, how: _Loss) -> None:
        """The upstream is gone. After the response's headers have gone to the client this resets the stream."""
        if self.over:
            return
        self.over = True
        self._cancel()
        when = "after" if self.answered else "before"
        self.stream.info.flags |= how.flag
        text = (BEFORE_HEADERS + how.reason).encode()
        self.stream.replies.send(how.status, text, details=f"upstream_reset_{when}_response_started{{{how.details}}}")

    def _timed_out(self) -> None:
        if self.over:
            return
        self.stream.info.flags |= ResponseFlag.UPSTREAM_REQUEST_TIMEOUT
        self.cancel()
        self.stream.replies.send(504, b"upstream request timeout", details="response_timeout")

    # -- flow and end ---------------------------------------------------------------------------------------------

    def flow(self, *, stop: bool) -> None:
        """Stop or go on reading from the upstream."""
        self._stopped = stop
        if not stop and self._waiting:
            self._timers.append(self.stream.call_soon(self._go_on))

    def _go_on(self) -> None:
        while self._waiting and not self._stopped and not self.stream.over():
            self._waiting.pop(0)()

    def cancel(self) -> None:
        """The stream is over: reset the upstream request."""
        if not self.over:
            self.over = True
            self._cut()
        self._cancel()

    def _cut(self) -> None:
        """What the upstream had received when the request was reset."""
        if not self._asked:
            self._show_body(b"".join(self._pieces))

    def _cancel(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
