"""Control of a stream by its filters: what the hostcalls of a stream context do, after the callback has returned."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ...abi import LogLevel, Pair
from ..contexts.stream_info import ResponseFlag
from .filter_chain import RESPONSE, ActiveFilter

if TYPE_CHECKING:
    from .filter_manager import FilterManager, StreamFilter
    from .header_map import HeaderMap
    from .local_replies import LocalReplies
    from .routing.routes import RouteCache
    from .stream_state import StreamState

__all__ = ["StreamControl"]

#: gRPC status of the local reply for a failed filter.
_UNAVAILABLE = 14


class StreamControl:
    """The stream as its filters know it.

    Parameters
    ----------
    state
        The stream's state.
    filters
        The stream's filters.
    routes
        The stream's route cache.
    replies
        Sends local replies.
    finish
        Ends the stream with a state of `Exchange.state`, unless it has ended.
    """

    def __init__(
        self,
        state: StreamState,
        filters: FilterManager,
        routes: RouteCache,
        replies: LocalReplies,
        finish: Callable[[str], None],
    ) -> None:
        self.state = state
        self._filters = filters
        self._replies = replies
        self._finish = finish
        self.clear_route_cache = routes.clear

    @property
    def header_maps(self) -> list[HeaderMap | None]:
        """Header maps by map type, for `on_log`. Envoy has no request trailers there."""
        request, response = self._filters.request, self._filters.response
        return [request.headers, None, response.headers, response.trailers]

    def continue_filter(self, active: ActiveFilter | None, plugin: str, vm: int) -> None:
        """Continue one direction behind a filter (`continue_stream`).

        Parameters
        ----------
        active
            The filter's place in the direction; None if it has none.
        plugin, vm
            The plugin as the log names it, and the number of its VM.
        """
        if self.state.done or active is None:
            return
        direction = active.chain.direction
        if direction == RESPONSE and self._filters.response.headers is None:
            self._usage_error(vm, "continue_stream(RESPONSE) before there is a response: Envoy crashes here")
            return
        self.state.note("continued", side="response" if direction else "request", plugin=plugin)
        active.continue_iteration()

    def send_local_reply(
        self, code: int, body: bytes, headers: list[Pair], *, grpc_status: int | None, details: str
    ) -> None:
        """Send a filter's local reply (`send_local_response`); see `LocalReplies.send`."""
        self._replies.send(code, body, headers, grpc_status=grpc_status, details=details)

    def refuse_local_reply(self, vm: int) -> None:
        """Log a local reply that came after the stream's end.

        Parameters
        ----------
        vm
            Number of the filter's VM.
        """
        self._usage_error(vm, "send_local_response when the stream has ended: Envoy crashes here")

    def close(self) -> None:
        """Reset the stream (`close_stream`)."""
        if not self.state.done:
            self.state.info.details = self.state.info.details or "wasm_close_stream"
            self._finish("reset")

    def fail(self, stream_filter: StreamFilter) -> None:
        """End the stream because a filter's VM has failed: reply 503, or reset if it is too late for that."""
        exchange = self.state.exchange
        if exchange.failure is None:
            exchange.failure = stream_filter.failure
        if not self.state.done:
            exchange.state = "failed"
            self._replies.send(503, b"", details="wasm_fail_stream", grpc_status=_UNAVAILABLE)

    def disconnect(self) -> None:
        """End the stream because the proxy closes the downstream connection."""
        self._on_disconnect("downstream_local_disconnect")

    def on_client_disconnect(self) -> None:
        """End the stream because the client has closed or reset it."""
        self._on_disconnect("downstream_remote_disconnect")

    def _on_disconnect(self, details: str) -> None:
        if not self.state.done:
            info = self.state.info
            info.flags |= ResponseFlag.DOWNSTREAM_CONNECTION_TERMINATION
            info.details = details
            self._finish("reset")

    def _usage_error(self, vm: int, text: str) -> None:
        """Log a call that crashes Envoy, and reset the stream."""
        state = self.state
        state.exchange.notes.append(text)
        state.worker.server.write_log(
            LogLevel.CRITICAL, text, state.worker.thread, exchange=state.exchange.number, vm=vm
        )
        self._finish("reset")
