"""HTTP callouts, which are requests from a filter to a cluster.

In Envoy 1.40, a call is part of the root context and can outlive the stream. `:method`, `:path` and `:authority` (or `host`)
are required. The upstream receives the filter's headers and `x-envoy-internal: true`, content-length if there is a body, and
the timeout if there is one. The whole response is buffered. If the call times out (504), or the connection fails or is closed
before the headers (503), the filter receives an ordinary response with Envoy's text. After a reset in the body, the filter
receives a response without headers and with status 11 "reset". When the root context ends, pending calls are dropped without a
callback.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...abi import PHASES, Pair, Status
from ...abi.text import encode_text
from ...messages import Request, Response
from ..http.codec.codec import request_to_upstream, response_from_upstream, upstream_header_problem
from ..http.header_map import HeaderMap, RequestHeaderMap, ResponseTrailerMap
from ..http.local_reply import build_local_reply
from ..http.router_filter.resets import CLOSED, REFUSED, UpstreamReset
from .base import CalloutBase

if TYPE_CHECKING:
    from ..clusters.cluster import Cluster
    from ..contexts.base import Context

__all__ = ["CallStart", "HttpCall", "start_http_call"]

#: Map types of the response's headers and trailers.
_HEADERS, _TRAILERS = map(int, sorted(PHASES["on_http_call_response"].reads))

_BROKEN = int(Status.BROKEN_CONNECTION)
_REQUIRED = (b":path", b":method", b":authority")


class CallStart(NamedTuple):
    """Result of an attempt to start a callout.

    Attributes
    ----------
    status
        Status of the hostcall.
    token
        Number by which the module identifies the callout, or 0 if the callout hasn't started.
    """

    status: int
    token: int


class HttpCall(CalloutBase):
    """An HTTP callout to a cluster."""

    kind = "http"

    def start(self, headers: RequestHeaderMap, body: bytes, timeout: float) -> None:
        """Send the request. The response arrives in a later event.

        Parameters
        ----------
        headers, body
            The request's headers and body.
        timeout
            Timeout in virtual seconds, or 0 for no timeout.
        """
        cluster, record = self.cluster, self.record
        request = request_to_upstream(headers, end=not body, http2=cluster.http2)
        request.body = body
        self._record_start(request, "http_call", method=request.method, path=request.path)
        problem = upstream_header_problem(headers)
        if problem is not None:
            self._timers.call_soon(lambda: self._deliver_local(503, encode_text(problem), "failed"))
            return
        if timeout:
            self._timers.call_later(timeout, lambda: self._deliver_local(504, b"upstream request timeout", "timeout"))
        length = headers.get(b"content-length") or b""
        record.complete = not length.isdigit() or int(length) <= len(body) or cluster.http2
        self._timers.call_soon(lambda: self._call_upstream(request))

    def _call_upstream(self, request: Request) -> None:
        cluster, record = self.cluster, self.record
        record.sent = cluster.alive
        if cluster.alive and not record.complete:
            return  # the upstream waits for the rest of the body
        try:
            response = cluster.respond(request)
        except ConnectionRefusedError:
            self._deliver_reset(REFUSED)
            return
        except ConnectionError:
            self._deliver_reset(CLOSED)
            return
        head = request.method == "HEAD"
        if response.latency > 0:
            self._timers.call_later(response.latency, lambda: self._respond(response, head=head))
        else:
            self._respond(response, head=head)

    def _respond(self, response: Response, *, head: bool) -> None:
        if response.reset and not response.status:
            self._deliver_reset(CLOSED)
            return
        self.record.response = response
        if response.reset:
            self.root.status = (_BROKEN, b"reset")
            self._deliver(None, b"", None, "reset")
            self.root.status = (_BROKEN, b"")
            return
        headers, chunks = response_from_upstream(response, head=head, http2=self.cluster.http2)
        headers.put(b"x-envoy-upstream-service-time", self._service_time())
        trailers = ResponseTrailerMap(response.trailers.raw) if len(response.trailers) else None
        self._deliver(headers, b"".join(chunks), trailers, "answered")

    def _deliver_reset(self, reset: UpstreamReset) -> None:
        self._deliver_local(503, reset.body, "failed")

    def _deliver_local(self, code: int, body: bytes, state: str) -> None:
        """Deliver a response that Envoy creates itself, for example after a timeout."""
        reply = build_local_reply(code, body)
        self._deliver(reply.headers, reply.body, None, state)

    def _deliver(self, headers: HeaderMap | None, body: bytes, trailers: HeaderMap | None, state: str) -> None:
        """Call `on_http_call_response`, let the filter read the response while it runs, and complete the record."""
        self.end()
        self.record.state, self.record.finished = state, self.vm.clock.time()
        root = self.root
        root.calls.pop(self.token, None)
        root.maps[_HEADERS], root.maps[_TRAILERS] = headers, trailers
        root.call_body = None if headers is None else body
        try:
            counts = (len(headers.items) if headers else 0, len(body), len(trailers.items) if trailers else 0)
            self._notify("on_http_call_response", *counts)
        finally:
            root.maps[_HEADERS] = root.maps[_TRAILERS] = None
            root.call_body = None


def start_http_call(context: Context, name: bytes, pairs: list[Pair], body: bytes, timeout: int) -> CallStart:
    """Start an HTTP callout for the hostcall `http_call`.

    Parameters
    ----------
    context
        The calling context.
    name
        Name of the cluster.
    pairs, body
        The request's headers and body.
    timeout
        Timeout in milliseconds, or 0 for no timeout.

    Returns
    -------
    CallStart
        Status of the hostcall, and token of the callout.
    """
    vm, root = context.vm, context.root
    cluster: Cluster | None = vm.server.clusters.get(name.decode("utf-8", "replace"))
    headers = RequestHeaderMap((n.lower(), v) for n, v in pairs)
    if cluster is None:
        vm.entry.no_cluster(name.decode("utf-8", "replace"), vm.server.clusters)
    if timeout >> 31 or cluster is None or any(n not in headers for n in _REQUIRED) or not hasattr(root, "calls"):
        return CallStart(Status.BAD_ARGUMENT, 0)
    if body:
        headers.put(b"content-length", b"%d" % len(body))
    token = vm.tokens.new(0)
    fits = vm.server.callouts.reserve(vm.entry.record, len(body), vm.server.memory_limit)
    if not cluster.endpoints or not fits:
        return CallStart(Status.INTERNAL_FAILURE, 0)
    headers.put(b"x-envoy-internal", b"true")
    if timeout:
        headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % timeout)
    exchange = context.exchange if context.exchange is not None else vm.entry.exchange
    call = HttpCall(root, token, cluster, exchange)  # type: ignore[arg-type]
    root.calls[token] = call
    call.start(headers, body, timeout / 1000)
    return CallStart(Status.OK, token)
