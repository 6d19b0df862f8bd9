"""Control of a stream by its filters, through hostcalls on the stream's contexts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...abi import Pair
from ...abi.crashes import CRASHES
from ..contexts.phase_lookups import LOG_MAPS
from ..contexts.stream_info import ResponseFlag
from ..trace.exchange import FAILED, REFUSED_LATE
from .filter_chain import RESPONSE

if TYPE_CHECKING:
    from ..contexts.http import HttpContext
    from .filter_manager import FilterManager, StreamFilter
    from .header_map import HeaderMap
    from .local_reply_sender import LocalReplySender
    from .route_table.route_cache import RouteCache
    from .stream_state import StreamState

__all__ = ["StreamControl"]

#: gRPC status of the local reply for a filter that has failed.
_UNAVAILABLE = 14


class StreamControl:
    """Operations on a stream that its filters can use.

    Parameters
    ----------
    state
        The stream's state.
    filters
        The stream's filters.
    routes
        The stream's route cache.
    replies
        Sender of local replies.
    finish
        Function that ends the stream with a state for `Exchange.state`, unless it has already ended.
    """

    def __init__(
        self,
        state: StreamState,
        filters: FilterManager,
        routes: RouteCache,
        replies: LocalReplySender,
        finish: Callable[[str], None],
    ) -> None:
        self.state = state
        self._filters = filters
        self._replies = replies
        self._finish = finish
        self.clear_route_cache = routes.clear
        self._replied_in = -1

    @property
    def header_maps(self) -> list[HeaderMap | None]:
        """Header maps by map type, for `on_log`. The ABI's table of phases contains the types that Envoy provides."""
        request, response = self._filters.request, self._filters.response
        maps = (request.headers, request.trailers, response.headers, response.trailers, None, None, None, None)
        return [headers if can_read else None for headers, can_read in zip(maps, LOG_MAPS, strict=True)]

    @property
    def request_headers(self) -> HeaderMap | None:
        """Headers of the request, or None if they haven't arrived."""
        return self._filters.request.headers

    def continue_filter(self, context: HttpContext, direction: int) -> None:
        """Continue one direction of the stream after a filter that held it back (`continue_stream`)."""
        active = context.active[direction]
        if self.state.done or active is None:
            return
        if direction == RESPONSE and self._filters.response.headers is None:
            self.crash(context, "resume_before_response")
            return
        self.state.note("continued", side="response" if direction else "request", plugin=context.prefix)
        active.continue_iteration()
        context.continued = direction if self.state.done else -1  # direction whose continuation has ended the stream

    def send_local_reply(
        self,
        context: HttpContext,
        code: int,
        body: bytes,
        headers: list[Pair],
        *,
        grpc_status: int | None,
        details: str,
    ) -> None:
        """Send a filter's local reply (`send_local_response`). See `LocalReplySender.send`."""
        response = self._filters.response
        if context.closed:
            if not self._replies.send_after_close(code, body, headers, grpc_status=grpc_status):
                self.crash(context, "reply_at_end")
            return
        if response.calling and self._replied_in == response.calls:
            self.crash(context, "reply_twice")
            return
        if context.log_maps is not None or (context.deleted and self.state.done):
            self.crash(context, "reply_at_end")
            return
        self._replied_in = response.calls if response.calling else -1
        exchange = self.state.exchange
        if exchange.upstream_requests and not exchange.upstream_complete and response.headers is None:
            exchange.notes.append(REFUSED_LATE)
        self._replies.send(code, body, headers, grpc_status=grpc_status, details=details)

    def close(self, context: HttpContext) -> None:
        """Reset the stream for a filter (`close_stream`)."""
        if context.closed:
            if self.state.request_complete:
                self.crash(context, "close_twice")
        elif context.log_maps is not None or context.deleted:
            self.crash(context, "close_at_end")
        elif not self.state.done:
            context.closed = True
            state, filters = self.state, self._filters
            state.info.details = state.info.details or "wasm_close_stream"
            if not filters.request.calling and not filters.response.calling:
                state.destroy_later = (
                    context.vm.entry.after_call
                )  # first, the rest of what the callback did takes effect
            self._finish("reset")

    def fail(self, stream_filter: StreamFilter) -> None:
        """End the stream because a filter's VM has failed.

        The client receives status 503 or, if the response's headers have already been sent, a reset.
        """
        exchange = self.state.exchange
        if exchange.failure is None:
            exchange.failure = stream_filter.failure
        if not self.state.done:
            exchange.state = "failed"
            self._replies.send(503, b"", details=FAILED, grpc_status=_UNAVAILABLE)

    def disconnect(self) -> None:
        """End the stream because the proxy closes the downstream connection."""
        self._on_disconnect("downstream_local_disconnect")

    def on_client_disconnect(self) -> None:
        """End the stream because the client has closed the connection or reset the stream."""
        self._on_disconnect("downstream_remote_disconnect")

    def _on_disconnect(self, details: str) -> None:
        if not self.state.done:
            info = self.state.info
            info.flags |= ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION
            info.details = details
            self._finish("reset")

    def crash(self, context: HttpContext, name: str) -> None:
        """Record that Envoy would have crashed at this point, and end the stream.

        Parameters
        ----------
        context
            The filter that caused the crash.
        name
            Kind of crash, a key of `CRASHES`.
        """
        exchange, crash = self.state.exchange, CRASHES[name]
        if exchange.state == "crashed":
            return
        exchange.state, exchange.crash = "crashed", crash
        exchange.notes.append(crash.note)
        worker = self.state.worker
        worker.server.warn(crash.text, worker.thread, exchange=exchange.number, vm=context.vm.number)
        if not self.state.done:
            self._finish("reset")
