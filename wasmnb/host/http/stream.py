"""One HTTP stream: from the client through the filters to the router, and back.

`HttpStream` creates the parts of a stream, connects them, and begins and ends the stream. The parts do the rest:

    client -> RequestDecoder  -> FilterManager.request  -> RequestCallbacks  -> Router -> UpstreamRequest
    client <- ResponseEncoder <- ResponseCallbacks <- FilterManager.response <- Router <- UpstreamRequest

Facts (Envoy 1.40): a response that ends before the request was complete ends the stream. At the end come `on_log` of every
filter in order, access loggers, then `on_done` and `on_delete` filter by filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ..contexts.stream_info import ResponseFlag
from .codec.connection_manager import Refusal, check_request, request_headers, wants_close
from .codec.request_decoder import RequestDecoder
from .codec.response_encoder import ResponseEncoder
from .filter_manager import FilterManager, RequestCallbacks, ResponseCallbacks
from .local_replies import LocalReplies
from .local_reply import build_local_reply
from .routing.router import Router
from .routing.routes import RouteCache
from .stream_control import StreamControl
from .stream_state import StreamState, StreamThread
from .timeouts import Timeouts

if TYPE_CHECKING:
    from ...messages import Request
    from ..contexts.stream_info import Connection, Route
    from ..trace.exchange import Exchange
    from .filter_manager import StreamFilter
    from .header_map import HeaderMap
    from .stream_state import Limits

__all__ = ["HttpStream", "StreamWorker"]


class StreamWorker(StreamThread, Protocol):
    """The worker of a stream, as `HttpStream` needs it."""

    #: Live streams by exchange number.
    streams: dict[int, HttpStream]

    def create_filters(self, control: StreamControl) -> Sequence[StreamFilter]:
        """Create the filters of a new stream, in the order of the request."""
        ...

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the route for request headers, or None."""
        ...

    def on_stream_done(self, stream: HttpStream) -> None:
        """Run the access loggers for a stream that has ended."""
        ...


class HttpStream:
    """One request and its response on a worker.

    Parameters
    ----------
    worker
        The worker that serves it.
    exchange
        The record that its user sees.
    connection
        The downstream connection.
    limits
        Limits of the listener.
    http2
        The downstream connection speaks HTTP/2.

    Attributes
    ----------
    state
        What all parts share.
    filters
        The filters and their two chains.
    decoder, encoder
        The client's side: the request's body comes in, the response goes out.
    router
        The upstream's side.
    control
        What filters may do to the stream.
    """

    def __init__(
        self, worker: StreamWorker, exchange: Exchange, connection: Connection, limits: Limits, *, http2: bool
    ) -> None:
        self.worker = worker
        self.exchange = exchange
        state = self.state = StreamState(worker, exchange, connection, limits, http2=http2)
        filters = self.filters = FilterManager(limits.buffer)
        request, response = filters.request, filters.response
        encoder = self.encoder = ResponseEncoder(state, self.finish)
        replies = self._replies = LocalReplies(state, request, response, encoder, self.reset)
        timeouts = self._timeouts = Timeouts(state, request, replies)
        decoder = self.decoder = RequestDecoder(state, request, timeouts)
        routes = self._routes = RouteCache(state.info, worker.route)
        router = self.router = Router(state, routes, response, replies, timeouts, self.reset)
        request.callbacks = RequestCallbacks(state, response, router, decoder, replies)
        response.callbacks = ResponseCallbacks(state, encoder, router, replies)
        self.control = StreamControl(state, filters, routes, replies, self.finish)
        worker.streams[exchange.number] = self

    # -- the beginning ----------------------------------------------------------------------------------------------

    def start(self, request: Request, *, end: bool, has_body: bool) -> None:
        """Begin with the request's headers.

        Parameters
        ----------
        request
            The request as the client sends it.
        end
            Nothing follows the headers.
        has_body
            A body or trailers follow, which sets content-length.
        """
        state = self.state
        self.encoder.head = request.method == "HEAD"  # whatever filters make of the method
        self.filters.set_filters(self.worker.create_filters(self.control))
        refusal = check_request(request)
        if refusal is not None:
            self._refuse(refusal)
            return
        self.encoder.must_close = wants_close(request)
        headers = request_headers(request, http2=state.http2, request_id=self.worker.server.uuid(), has_body=has_body)
        state.info.request_id = headers.get(b"x-request-id") or b""
        self.filters.request.headers = headers
        self._routes.route(headers)
        self._timeouts.start()
        state.request_complete = end
        self.filters.request.receive_headers(headers, end=end)

    def _refuse(self, refusal: Refusal) -> None:
        """Respond to a request that no filter sees; of the filters' callbacks only those of the end run."""
        self.state.info.details = "http1.codec_error"
        self.exchange.state = "refused"
        self._replies.send_unfiltered(build_local_reply(refusal.status, refusal.body))

    # -- the end ----------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """End the stream without a complete response."""
        self.finish("reset")

    def finish(self, outcome: str) -> None:
        """End the stream: logs, the end of every filter, the exchange's response. A second call does nothing.

        Parameters
        ----------
        outcome
            `done` or `reset`; the exchange's state unless it is `failed` or `refused` already.
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
        if exchange.state not in ("failed", "refused"):
            exchange.state = outcome
        exchange.details, exchange.paused = info.details, ""
        self.worker.streams.pop(exchange.number, None)
        self.filters.log()
        self.worker.on_stream_done(self)
        self.filters.destroy()
        state.note(outcome)
        if exchange.failure is None:
            exchange.failure = self.filters.failure_in(exchange.number)
        exchange.details = info.details

    def disconnect(self) -> None:
        """End the stream because the proxy closes the downstream connection."""
        self.control.disconnect()

    # -- for observers ----------------------------------------------------------------------------------------------

    def update_exchange(self) -> None:
        """Set the exchange's state and response to what has happened so far."""
        self.exchange.paused = self.filters.paused
        if self.exchange.state in ("open", "paused"):
            self.exchange.state = "paused" if self.exchange.paused else "open"
        self.encoder.update_exchange()

    def abandon(self) -> None:
        """Reset the stream if an interrupt left one of its filters in the middle of a callback."""
        if not self.filters.in_callback:
            return
        for stream_filter in self.filters.filters:
            if stream_filter.failure is not None:
                self.exchange.failure = self.exchange.failure or stream_filter.failure
                self.exchange.state = "failed"
        self.reset()
