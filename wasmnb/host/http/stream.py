"""One HTTP stream, from the client through the filters to the router and back.

`HttpStream` creates and connects the parts of a stream, and begins and ends the stream. Messages pass through these parts:

    client -> RequestDecoder  -> FilterManager.request  -> RequestCallbacks  -> Router -> UpstreamRequest
    client <- ResponseEncoder <- ResponseCallbacks <- FilterManager.response <- Router <- UpstreamRequest

In Envoy 1.40, the route is chosen before the filters are created. If the response ends before the request is complete, the
stream ends. At the end, Envoy calls `on_log` of every filter in order, then the access loggers, then `on_done` and `on_delete`
of each filter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ..contexts.stream_info import ResponseFlag
from ..trace.access_log import AccessLogRecord
from .codec.codec import reason_phrase
from .codec.http1 import RequestHead, decode, head_of
from .codec.http2 import decode_http2
from .codec.request_decoder import RequestDecoder
from .codec.response_encoder import ResponseEncoder
from .connection_manager.admission import Peer, admit, sanitize
from .connection_manager.problem import Problem
from .filter_manager import FilterManager, RequestCallbacks, ResponseCallbacks
from .local_reply_sender import LocalReplySender
from .route_table.route_cache import RouteCache
from .router_filter.router import Router
from .stream_control import StreamControl
from .stream_state import StreamState, StreamThread
from .timeouts import Timeouts

if TYPE_CHECKING:
    from ...messages import Request
    from ..contexts.stream_info import Connection
    from ..trace.exchange import Exchange
    from .filter_manager import StreamFilter
    from .header_map import HeaderMap, RequestHeaderMap
    from .route_table.route import Route
    from .route_table.table import RouteTable
    from .stream_state import StreamLimits

__all__ = ["HttpStream", "StreamWorker"]

_BAD_REQUEST = 400


class StreamWorker(StreamThread, Protocol):
    """The attributes of a worker that `HttpStream` uses."""

    #: Live streams by exchange number.
    streams: dict[int, HttpStream]
    #: Routes for new requests.
    table: RouteTable

    def create_filters(self, control: StreamControl) -> Sequence[StreamFilter]:
        """Create the filters of a new stream, in the order of the request."""
        ...

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the route for request headers, or None if no route matches."""
        ...

    def on_stream_done(self, stream: HttpStream) -> None:
        """Run the access loggers for a stream that has ended."""
        ...


class HttpStream:
    """One request and its response on a worker.

    Parameters
    ----------
    worker
        The worker that handles the stream.
    exchange
        Record of the request for the user.
    connection
        The downstream connection.
    limits
        Limits of the listener.
    http2
        Whether the downstream connection uses HTTP/2.

    Attributes
    ----------
    state
        State shared by all parts of the stream.
    filters
        The filters and their two chains.
    decoder, encoder
        Reader of the request's body and writer of the response, on the client's side.
    router
        The router, on the upstream's side.
    control
        Operations on the stream that filters can use.
    on_finish
        Function called with the stream when it has ended, or None.
    """

    on_finish: Callable[[HttpStream], None] | None = None

    def __init__(
        self, worker: StreamWorker, exchange: Exchange, connection: Connection, limits: StreamLimits, *, http2: bool
    ) -> None:
        self.worker = worker
        self.exchange = exchange
        exchange.http2 = http2
        state = self.state = StreamState(worker, exchange, connection, limits, http2=http2)
        filters = self.filters = FilterManager(limits.buffer)
        request, response = filters.request, filters.response
        encoder = self.encoder = ResponseEncoder(state, request, self.finish, self._on_client_disconnect)
        replies = self._replies = LocalReplySender(state, request, response, encoder, self.reset)
        timeouts = self._timeouts = Timeouts(state, request, replies)
        decoder = self.decoder = RequestDecoder(state, request, timeouts, self.reset, self.refuse_rest)
        routes = self._routes = RouteCache(state.info, worker)
        router = self.router = Router(state, routes, filters, replies, timeouts, encoder, self.reset)
        request.callbacks = RequestCallbacks(state, response, router, decoder, replies)
        response.callbacks = ResponseCallbacks(state, encoder, router, replies)
        self.control = StreamControl(state, filters, routes, replies, self.finish)
        self._filters_created = False
        worker.streams[exchange.number] = self

    # -- the beginning ----------------------------------------------------------------------------------------------

    def start(self, request: Request, *, end: bool, has_body: bool) -> None:
        """Begin the stream with the headers of a request.

        Parameters
        ----------
        request
            The request as sent by the client.
        end
            Whether the request ends with its headers.
        has_body
            Whether the request has a body or trailers. Used only for HTTP/2.
        """
        manager = self.state.manager
        if self.state.http2:
            head = decode_http2(request, manager, has_body=has_body)
        else:
            head = decode(head_of(request), manager)
        if not isinstance(head, Problem):  # even if filters change the method
            self.encoder.head = request.method == "HEAD"
        self.begin(head, end=end)

    def begin(self, head: RequestHead | Problem, *, end: bool) -> None:
        """Begin the stream with a request head that the codec has decoded or refused.

        Parameters
        ----------
        head
            The head, or the reason why the codec has refused it.
        end
            Whether the request ends with its head. Over HTTP/1, this is determined from the head.
        """
        self.exchange.began = self.worker.clock.time()
        if isinstance(head, Problem):
            self._refuse(head)
            return
        state, encoder, request = self.state, self.encoder, self.filters.request
        encoder.must_close, encoder.keep_alive = head.closes, head.http10 and head.keep_alive
        if head.http10:
            state.info.protocol = "HTTP/1.0"
        state.head = head
        end = end if state.http2 else not head.has_body
        state.request_complete = end
        headers = request.headers = head.headers
        self._send_continue(headers)
        problem = admit(headers, state.manager, self._port)
        if problem is not None:
            self._refuse(problem)
            return
        self._sanitize(headers)
        self._routes.route(headers)
        self._create_filters()
        if head.upgrade and not self._may_upgrade(head.upgrade):
            self._refuse(Problem(403, "upgrade_failed"))
            return
        self._timeouts.start()
        request.receive_headers(headers, end=end)
        if head.upgrade and not state.http2 and not state.done:
            request.receive_data(b"", end=False)

    def _send_continue(self, headers: RequestHeaderMap) -> None:
        """Send `100 Continue` to a client that expects it."""
        if (headers.get(b"expect") or b"").lower() == b"100-continue" and not self.state.manager.proxy_100_continue:
            self.encoder.interim(100)
            headers.remove(b"expect")

    def _sanitize(self, headers: RequestHeaderMap) -> None:
        """Remove headers that the client isn't allowed to set, and add Envoy's own headers."""
        info, server = self.state.info, self.worker.server
        node = server.node
        peer = Peer(
            info.connection.peer,
            port=self._port,
            node_id=str(node.get("id", "")),
            node_cluster=str(node.get("cluster", "")),
        )
        address = sanitize(headers, self.state.manager, peer, server.uuid, self.worker.table.internal_only_headers)
        if address != peer.address:
            info.remote_address = address
        info.request_id = headers.get(b"x-request-id") or b""

    @property
    def _port(self) -> int:
        return int(self.state.info.connection.local.rpartition(":")[2] or 0)

    def _may_upgrade(self, kind: str) -> bool:
        """Return whether the route or the connection manager allows this upgrade."""
        route = self.state.info.route
        allowed = route.upgrade(kind) if route is not None else None
        return self.state.manager.upgrade_configs.get(kind, kind == "connect") if allowed is None else allowed

    def _create_filters(self) -> None:
        self.filters.set_filters(self.worker.create_filters(self.control))
        self._filters_created = True

    def _refuse(self, problem: Problem) -> None:
        """Respond to a request before its headers reach the first filter. Only the filters' final callbacks are called."""
        state, manager = self.state, self.state.manager
        self.exchange.state = "refused"
        if problem.codec:
            state.info.flags |= ResponseFlag.DOWNSTREAM_PROTOCOL_ERROR
            self.encoder.must_close = True
        if not problem.status:
            state.info.details = problem.details
            self.finish("reset")
            return
        if not self._filters_created:
            self._create_filters()
        if self.filters.request.headers is not None:
            self._routes.find_host(self.filters.request.headers)
        if problem.status == _BAD_REQUEST and not manager.stream_error_on_invalid_http_message:
            self.encoder.must_close = True
        location = [(b"location", problem.location)] if problem.location else []
        body = reason_phrase(problem.status) if problem.codec else problem.body
        self._replies.send(problem.status, body, location, details=problem.details)

    def refuse_rest(self, problem: Problem) -> None:
        """End the request because the codec can't read its remaining part."""
        if not self.state.done:
            self._refuse(problem)

    def _on_client_disconnect(self) -> None:
        self.control.on_client_disconnect()

    # -- the end ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """End the stream without a complete response."""
        self.finish("reset")

    def finish(self, outcome: str) -> None:
        """End the stream: run the loggers, end the filters, and complete the exchange. A second call does nothing.

        Parameters
        ----------
        outcome
            New state of the exchange, `done` or `reset`. The states `failed`, `refused` and `crashed` aren't replaced.
        """
        state, exchange = self.state, self.exchange
        if state.done:
            return
        state.done = True
        info = state.info
        info.finished = exchange.finished = state.now()
        self._timeouts.cancel()
        self.router.cancel()
        self.encoder.close(outcome, disconnected=bool(info.flags & ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION))
        if exchange.state not in ("failed", "refused", "crashed"):
            exchange.state = outcome
        exchange.details, exchange.paused = info.details, ""
        self.worker.streams.pop(exchange.number, None)
        self.filters.log()
        self.worker.on_stream_done(self)
        if state.destroy_later is not None:
            state.destroy_later(self.filters.destroy)
        else:
            self.filters.destroy()
        state.note(outcome)
        if exchange.failure is None:
            exchange.failure = self.filters.failure_in(exchange.number)
        exchange.details = info.details
        exchange.access_log = AccessLogRecord.of(info)
        if self.on_finish is not None:
            self.on_finish(self)

    def disconnect(self) -> None:
        """End the stream because the proxy closes the downstream connection."""
        self.control.disconnect()

    # -- for observers ----------------------------------------------------------------------------------------------

    def update_exchange(self) -> None:
        """Update the record of the exchange to the current state and response."""
        self.exchange.paused = self.filters.paused
        if self.exchange.state in ("open", "paused"):
            self.exchange.state = "paused" if self.exchange.paused else "open"
        self.encoder.update_exchange()

    def abandon(self) -> None:
        """Reset the stream if an interrupt has stopped one of its filters in the middle of a callback."""
        if not self.filters.in_callback:
            return
        for stream_filter in self.filters.filters:
            if stream_filter.failure is not None:
                self.exchange.failure = self.exchange.failure or stream_filter.failure
                self.exchange.state = "failed"
        self.reset()
