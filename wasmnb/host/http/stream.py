"""One HTTP stream: from the client through the filters to the router, and back.

Facts (Envoy 1.40, connection manager and filter manager):

* A response that ends before the request was complete ends the stream; over HTTP/1 it says `connection: close`. A request
  is complete when its last piece or its trailers have arrived: before the callbacks that tell of them.
* Bodies over HTTP/1 end with an empty piece of their own; over HTTP/2 the last piece ends them.
* At the end come `on_log` of every filter in order, access loggers, then `on_done` and `on_delete` filter by filter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ...abi import LogLevel, Pair
from ...messages import Request
from ..contexts.http import REQUEST, RESPONSE, BlockedFilter, HttpContext, HttpFilter
from ..contexts.stream_info import Connection, ResponseFlag, Route, StreamInfo
from ..properties.filter_state import FilterState
from .codec import client_closes, client_problem, from_client
from .downstream import Downstream
from .filter_chain import Direction
from .header_map import HeaderMap, RequestTrailers, ResponseTrailers
from .local_reply import build_local_response
from .replies import Replies
from .router import Router
from .sinks import RequestSink, ResponseSink
from .timeouts import Limits, Timeouts

if TYPE_CHECKING:
    from ..clock import Timer
    from ..trace.exchange import Exchange
    from ..upstream.cluster import Cluster
    from ..worker import Worker

__all__ = ["HttpStream"]

_UNAVAILABLE = 14


class HttpStream:
    """One request and its response on a worker.

    Attributes
    ----------
    request, response
        The two directions.
    filters
        Contexts of the chain, in order.
    router, client
        Where the request goes, and who gets the response.
    answers, timeouts
        What the proxy itself says, and when it does unasked.
    finished
        Nothing more happens.
    """

    def __init__(
        self, worker: Worker, exchange: Exchange, connection: Connection, limits: Limits, *, http2: bool
    ) -> None:
        self.worker = worker
        self.exchange = exchange
        self.limits = limits
        self.http2 = http2
        clock = worker.clock
        self.info = StreamInfo(
            connection, clock.time(), clock.wall_ns(), FilterState(connection.state), "HTTP/2" if http2 else "HTTP/1.1"
        )
        self.finished = False
        self.route_known = False
        self.router = Router(self)
        self.downstream = Downstream(self)
        self.replies = Replies(self)
        self.timeouts = Timeouts(self)
        self.filters: list[HttpFilter] = []
        self.request = Direction(RequestSink(self), [], limits.buffer, REQUEST, RequestTrailers)
        self.response = Direction(ResponseSink(self), [], limits.buffer, RESPONSE, ResponseTrailers)
        self._inbox: deque[Callable[[], None]] = deque()
        self._reading_stopped = False
        #: The request has come to its end.
        self.received = False
        worker.streams[exchange.number] = self

    # -- small things ---------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Virtual seconds."""
        return self.worker.clock.time()

    def call_soon(self, action: Callable[[], None]) -> Timer:
        """An event of this stream."""
        return self.worker.clock.call_soon(self.worker.thread, action)

    def call_later(self, seconds: float, action: Callable[[], None]) -> Timer:
        """An event of this stream after so many seconds."""
        return self.worker.clock.call_later(seconds, self.worker.thread, action)

    def note(self, name: str, **args: Any) -> None:
        """Leave a mark in the trace."""
        self.worker.server.trace.note(
            "stream", name, args, time=self.now(), thread=self.worker.thread.name, exchange=self.exchange.number
        )

    def over(self) -> bool:
        """Whether nothing more happens."""
        return self.finished

    # -- from the client ------------------------------------------------------------------------------------------

    def start(self, request: Request, *, end: bool, has_body: bool) -> None:
        """The request's headers arrive."""
        self.downstream.head = (
            request.method == "HEAD"
        )  # as it came; a filter that changes the method does not change this
        self._make_filters()
        problem = client_problem(request)
        if problem is not None:
            self._refuse(*problem)
            return
        self.downstream.must_close = client_closes(request)
        headers = from_client(request, http2=self.http2, request_id=self.worker.server.uuid(), has_body=has_body)
        self.info.request_id = headers.get(b"x-request-id") or b""
        self.request.headers = headers
        self.choose_route()
        self.timeouts.start()
        self.received = end
        self.request.take_headers(headers, end=end)

    def _make_filters(self) -> None:
        """One context for each plugin; a failed VM is bypassed, or blocks the stream."""
        for handle in self.worker.http_plugins:
            root = handle.root_for_stream()
            if root is not None:
                self.filters.append(HttpContext(root, self))
            elif not handle.bypassed:
                self.filters.append(BlockedFilter(handle.plugin, handle.vm, self))
        self.request = Direction(RequestSink(self), self.filters, self.limits.buffer, REQUEST, RequestTrailers)
        self.response = Direction(
            ResponseSink(self), self.filters[::-1], self.limits.buffer, RESPONSE, ResponseTrailers
        )

    def _refuse(self, status: int, body: bytes) -> None:
        """A request that the codec does not take: filters are made, but see nothing but the end."""
        reply, text = build_local_response(status, body)
        self.info.details = "http1.codec_error"
        self.exchange.state = "refused"
        self.response.headers = reply
        self.downstream.headers(reply, end=not text)
        if text:
            self.downstream.data(text, end=True)

    def data(self, data: bytes, *, end: bool = False) -> None:
        """A piece of the request's body arrives."""
        self._arrive(lambda: self._data(data, end=end))

    def _data(self, data: bytes, *, end: bool) -> None:
        self.info.request_size += len(data)
        if data and end and not self.http2:
            self.request.take_data(data, end=False)
            data = b""
        self.received = end
        if not self.finished:
            self.request.take_data(data, end=end)

    def trailers(self, items: Iterable[Pair]) -> None:
        """The request's trailers arrive."""
        self._arrive(lambda: self._trailers(items))

    def _trailers(self, items: Iterable[Pair]) -> None:
        self.received = True
        self.request.take_trailers(RequestTrailers(items))

    def client_gone(self) -> None:
        """The client closes or resets."""
        if not self.finished:
            self.info.flags |= ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION
            self.info.details = "downstream_remote_disconnect"
            self.finish("reset")

    def cut_off(self) -> None:
        """The proxy closes the connection: it shuts down, or its listener goes."""
        if not self.finished:
            self.info.flags |= ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION
            self.info.details = "downstream_local_disconnect"
            self.finish("reset")

    def _arrive(self, event: Callable[[], None]) -> None:
        self.timeouts.touch()
        if self.finished:
            return
        if self._reading_stopped or self._inbox:
            self._inbox.append(event)
        else:
            event()

    def stop_reading(self, *, stop: bool) -> None:
        """Back-pressure towards the client, or its end."""
        self._reading_stopped = stop
        if not stop and self._inbox:
            self.call_soon(self._read_on)

    def _read_on(self) -> None:
        while self._inbox and not self._reading_stopped and not self.finished:
            self._inbox.popleft()()

    # -- routing --------------------------------------------------------------------------------------------------

    def choose_route(self, headers: HeaderMap | None = None) -> Route | None:
        """The route of the request as its headers are now."""
        headers = headers if headers is not None else self.request.headers
        if not self.route_known or self.info.route is None:
            self.route_known = True
            self.info.route = None if headers is None else self.worker.route(headers)
        return self.info.route

    def find_cluster(self, name: str) -> Cluster | None:
        """A cluster by name."""
        found: Cluster | None = self.worker.server.clusters.get(name)
        return found

    # -- from the upstream ----------------------------------------------------------------------------------------

    def respond_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Response headers start their way back."""
        self.timeouts.touch()
        if not self.finished:
            self.response.take_headers(headers, end=end)

    def respond_data(self, data: bytes, *, end: bool) -> None:
        """A piece of the response's body."""
        self.timeouts.touch()
        if not self.finished:
            self.response.take_data(data, end=end)

    def respond_trailers(self, trailers: ResponseTrailers) -> None:
        """Response trailers."""
        self.timeouts.touch()
        if not self.finished:
            self.response.take_trailers(trailers)

    # -- what filters ask for ---------------------------------------------------------------------------------------

    def resume(self, context: HttpContext, side: int) -> None:
        """`continue_stream`, after the callback."""
        slot = context.slots[side]
        if self.finished or slot is None:
            return
        if side == RESPONSE and self.response.headers is None:
            text = "continue_stream(RESPONSE) before there is a response: Envoy crashes here"
            self._usage_error(context, text)
            return
        self.note("continued", side="response" if side else "request", plugin=context.prefix)
        slot.resume()

    def filter_reply(
        self, context: HttpContext, code: int, body: bytes, headers: list[Pair], grpc: int | None, details: str
    ) -> None:
        """`send_local_response`, after the callback."""
        if context.log_maps is not None or (context.destroyed and self.finished):
            self._usage_error(context, "send_local_response when the stream has ended: Envoy crashes here")
            return
        self.replies.send(code, body, headers, grpc_status=grpc, details=details)

    def close(self, context: HttpContext) -> None:
        """`close_stream`, after the callback."""
        if not self.finished and context.log_maps is None:
            self.info.details = self.info.details or "wasm_close_stream"
            self.reset()

    def fail(self, context: HttpFilter) -> None:
        """A filter's VM has failed: answer 503, or reset if it is too late for that."""
        if self.exchange.failure is None and context.vm is not None:
            self.exchange.failure = context.vm.failure
        if not self.finished:
            self.exchange.state = "failed"
            self.replies.send(503, b"", details="wasm_fail_stream", grpc_status=_UNAVAILABLE)

    def _usage_error(self, context: HttpContext, text: str) -> None:
        self.exchange.notes.append(text)
        about = {"exchange": self.exchange.number, "vm": context.vm.number}
        self.worker.server.say(LogLevel.CRITICAL, text, self.worker.thread, **about)
        if not self.finished:
            self.reset()

    # -- the end ------------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Close without a proper end."""
        if not self.finished:
            self.finish("reset")

    def finish(self, state: str) -> None:
        """It is over: logs, the end of every filter, what the client got."""
        if self.finished:
            return
        self.finished = True
        info, exchange = self.info, self.exchange
        info.finished = exchange.finished = self.now()
        self.timeouts.cancel()
        self.router.cancel()
        self.downstream.close(state, gone=bool(self.info.flags & ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION))
        if exchange.state not in ("failed", "refused"):
            exchange.state = state
        exchange.details, exchange.paused = info.details, ""
        self.worker.streams.pop(exchange.number, None)
        for context in self.filters:
            context.log()
        self.worker.access_log(self)
        for context in self.filters:
            context.destroy()
        self.note(state)
        if exchange.failure is None:
            failed = next((c.vm.failure for c in self.filters if c.vm is not None and c.vm.failed), None)
            exchange.failure = failed if failed is not None and failed.exchange == exchange.number else None
        exchange.details = info.details
        self.worker.stream_ended(self)

    def show_progress(self) -> None:
        """Let the exchange show what the client has received so far."""
        self.exchange.paused = self.paused
        if self.exchange.state in ("open", "paused"):
            self.exchange.state = "paused" if self.exchange.paused else "open"
        self.downstream.show()

    @property
    def paused(self) -> str:
        """Which filter holds what, in words; empty if none does."""
        for context in self.filters:
            held = context.paused
            if held:
                return f"{held} held by {context.plugin.name if context.plugin else 'a filter'}"
        return ""
