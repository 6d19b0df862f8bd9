"""HTTP callouts: requests that a filter sends to a cluster.

Facts (Envoy 1.40): the call belongs to the root context and outlives the stream. `:method`, `:path` and `:authority` (or
`host`) are needed. Upstream arrive the given headers, content-length if there is a body, `x-envoy-internal: true`, and
the timeout if there is one. The whole answer is buffered. A timeout comes as 504, a connection that fails or closes before
the headers as 503, both as ordinary answers with Envoy's text; a reset after the headers as an answer with nothing in it
and status 11 "reset". A call still pending when the root goes is dropped without a callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...abi import Pair, Status
from ...messages import Request, Response
from ..clock import TimerGroup
from ..http.codec.codec import request_to_upstream, response_from_upstream, upstream_header_problem
from ..http.header_map import HeaderMap, RequestHeaders, ResponseTrailers
from ..http.local_reply import build_local_reply
from ..http.routing.resets import CLOSED, REFUSED
from .record import Callout

if TYPE_CHECKING:
    from ..contexts.base import Context
    from ..contexts.root import RootContext
    from ..upstream.cluster import Cluster

__all__ = ["HttpCall", "start_http_call"]

_HEADERS, _TRAILERS = 6, 7
_BROKEN = int(Status.BROKEN_CONNECTION)


class HttpCall:
    """One call from its start to its answer.

    Attributes
    ----------
    exchange
        Exchange of the stream that made it, or None.
    """

    def __init__(self, root: RootContext, token: int, cluster: Cluster, exchange: int | None) -> None:
        self.root = root
        self.token = token
        self.cluster = cluster
        self.exchange = exchange
        vm = root.vm
        self._timers = TimerGroup(vm.clock, vm.thread)
        self.record = Callout(
            "http", cluster.name, token, vm.number, exchange, Request(), vm.clock.time(), root=root.id
        )

    def start(self, headers: RequestHeaders, body: bytes, timeout: float) -> None:
        """Send it; the answer comes as a later event."""
        cluster, record = self.cluster, self.record
        request = record.request = request_to_upstream(headers, end=not body, http2=cluster.http2)
        request.body = body
        self.root.vm.server.callouts.add(record)
        refused = upstream_header_problem(headers)
        self._note("http_call", cluster=cluster.name, method=request.method, path=request.path, token=self.token)
        if refused is not None:
            self._timers.call_soon(lambda: self._reply(503, refused.encode(), "failed"))
            return
        if timeout:
            self._timers.call_later(timeout, lambda: self._reply(504, b"upstream request timeout", "timeout"))
        length = headers.get(b"content-length") or b""
        record.complete = not length.isdigit() or int(length) <= len(body) or cluster.http2

        def ask() -> None:
            record.sent = cluster.alive
            if cluster.alive and not record.complete:
                return  # the upstream waits for the rest of the body
            try:
                answer = cluster.respond(request)
            except ConnectionRefusedError:
                self._reply(503, REFUSED.body, "failed")
            except ConnectionError:
                self._reply(503, CLOSED.body, "failed")
            else:
                head = request.method == "HEAD"
                if answer.latency > 0:
                    self._timers.call_later(answer.latency, lambda: self._answer(answer, head=head))
                else:
                    self._answer(answer, head=head)

        self._timers.call_soon(ask)

    def _answer(self, answer: Response, *, head: bool) -> None:
        if answer.reset and not answer.status:
            self._reply(503, CLOSED.body, "failed")
            return
        self.record.response = answer
        if answer.reset:
            self.root.status = (_BROKEN, b"reset")
            self._deliver(None, b"", None, "reset")
            self.root.status = (_BROKEN, b"")
            return
        headers, pieces = response_from_upstream(answer, head=head, http2=self.cluster.http2)
        waited = int((self.root.vm.clock.time() - self.record.started) * 1000 + 1e-6)
        headers.put(b"x-envoy-upstream-service-time", b"%d" % waited)
        trailers = ResponseTrailers(answer.trailers.raw) if len(answer.trailers) else None
        self._deliver(headers, b"".join(pieces), trailers, "answered")

    def _reply(self, code: int, body: bytes, state: str) -> None:
        """An answer that Envoy makes."""
        headers, text = build_local_reply(code, body)
        self._deliver(headers, text, None, state)

    def _deliver(self, headers: HeaderMap | None, body: bytes, trailers: HeaderMap | None, state: str) -> None:
        self._timers.cancel()
        self.record.state, self.record.finished = state, self.root.vm.clock.time()
        root, vm = self.root, self.root.vm
        root.calls.pop(self.token, None)
        root.maps[_HEADERS], root.maps[_TRAILERS] = headers, trailers
        root.call_body = None if headers is None else body
        vm.entry.exchange = self.exchange
        try:
            counts = (len(headers.items) if headers else 0, len(body), len(trailers.items) if trailers else 0)
            vm.notify(vm.callbacks["on_http_call_response"], root, root.id, self.token, *counts)
        finally:
            vm.entry.exchange = None
            root.maps[_HEADERS] = root.maps[_TRAILERS] = None
            root.call_body = None

    def abandon(self) -> None:
        """Forget it."""
        self.record.state = "cancelled"
        self._timers.cancel()

    def _note(self, name: str, **args: object) -> None:
        vm = self.root.vm
        vm.trace.note("stream", name, args, time=vm.now(), thread=vm.thread.name, exchange=self.exchange, vm=vm.number)


def start_http_call(
    context: Context, name: bytes, pairs: list[Pair], body: bytes, _trailers: list[Pair], timeout: int
) -> tuple[int, int]:
    """What `http_call` does: status and token."""
    vm, root = context.vm, context.root
    cluster: Cluster | None = vm.server.clusters.get(name.decode("utf-8", "replace"))
    headers = RequestHeaders((n.lower(), v) for n, v in pairs)
    needed = (b":path", b":method", b":authority")
    if timeout >> 31 or cluster is None or any(n not in headers for n in needed) or not hasattr(root, "calls"):
        return Status.BAD_ARGUMENT, 0
    if body:
        headers.put(b"content-length", b"%d" % len(body))
    token = vm.tokens.new(0)
    if not cluster.endpoints:
        return Status.INTERNAL_FAILURE, 0
    headers.put(b"x-envoy-internal", b"true")
    if timeout:
        headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % timeout)
    exchange = context.exchange if context.exchange is not None else vm.entry.exchange
    call = HttpCall(root, token, cluster, exchange)  # type: ignore[arg-type]
    root.calls[token] = call
    call.start(headers, body, timeout / 1000)
    return Status.OK, token
