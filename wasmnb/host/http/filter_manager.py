"""The filters of one stream, and the functions at the ends of their two chains."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ...abi.text import encode_text
from .codec.codec import missing_response_header
from .filter_chain import REQUEST, RESPONSE, FilterChain, HttpFilter
from .header_map import HeaderMap, RequestTrailerMap, ResponseTrailerMap

if TYPE_CHECKING:
    from ..plugins.plugin import Plugin
    from ..vm.failure import Failure
    from .codec.request_decoder import RequestDecoder
    from .codec.response_encoder import ResponseEncoder
    from .local_reply_sender import LocalReplySender
    from .router_filter.router import Router
    from .stream_state import StreamState

__all__ = ["FilterManager", "RequestCallbacks", "ResponseCallbacks", "StreamFilter"]


class StreamFilter(HttpFilter, Protocol):
    """Interface through which a stream calls a filter, from its creation to its end."""

    @property
    def plugin(self) -> Plugin | None:
        """Plugin of the filter, or None."""
        ...

    @property
    def failure(self) -> Failure | None:
        """Failure of the filter's VM, or None if the VM hasn't failed."""
        ...

    @property
    def paused(self) -> str:
        """Direction that the filter holds back: `request`, `response`, or an empty string."""
        ...

    def log(self) -> None:
        """Call `on_log` of the filter."""
        ...

    def destroy(self) -> None:
        """Call `on_done` and `on_delete` of the filter, and drop its context."""
        ...


class FilterManager:
    """The filters of one stream.

    Parameters
    ----------
    limit
        Maximum size of the buffer in bytes, for each direction.

    Attributes
    ----------
    filters
        The filters, in the order of the request.
    request, response
        The filter chains for the two directions.
    """

    def __init__(self, limit: int) -> None:
        self.filters: Sequence[StreamFilter] = ()
        self.request = FilterChain(REQUEST, limit, RequestTrailerMap)
        self.response = FilterChain(RESPONSE, limit, ResponseTrailerMap)

    def set_filters(self, filters: Sequence[StreamFilter]) -> None:
        """Set the filters of the stream, in the order in which a request passes through them."""
        self.filters = filters
        self.request.set_filters(filters)
        self.response.set_filters(filters[::-1])

    @property
    def in_callback(self) -> bool:
        """Whether a filter's callback is running."""
        return bool(self.request.calling or self.response.calling)

    @property
    def paused(self) -> str:
        """Description of the filter that holds back a direction, such as `request paused by auth`. Empty if there is none."""
        for stream_filter in self.filters:
            direction = stream_filter.paused
            if direction:
                plugin = stream_filter.plugin
                return f"{direction} paused by {plugin.name if plugin else 'a filter'}"
        return ""

    def failure_in(self, exchange: int) -> Failure | None:
        """Return the failure of the first filter whose VM has failed in this exchange, or None."""
        failure = next((f.failure for f in self.filters if f.failure is not None), None)
        return failure if failure is not None and failure.exchange == exchange else None

    def log(self) -> None:
        """Call `on_log` of all filters."""
        for stream_filter in self.filters:
            stream_filter.log()

    def destroy(self) -> None:
        """Call `on_done` and `on_delete` of each filter, one filter after the other."""
        for stream_filter in self.filters:
            stream_filter.destroy()


class RequestCallbacks:
    """The end of the request's filter chain, which passes the request to the router.

    Parameters
    ----------
    state
        The stream's state.
    response
        The filter chain of the response.
    router, decoder, replies
        The router, the source of the request, and the sender of local replies.
    """

    def __init__(
        self,
        state: StreamState,
        response: FilterChain,
        router: Router,
        decoder: RequestDecoder,
        replies: LocalReplySender,
    ) -> None:
        self._state = state
        self._response = response
        self._decoder = decoder
        self._replies = replies
        self.pass_headers = router.headers
        self.pass_data = router.data
        self.pass_trailers = router.trailers
        self.read_disable = decoder.read_disable
        self.on_callback_aborted = replies.send_prepared

    def on_buffer_overflow(self) -> None:
        """Send a local reply with status 413."""
        self._replies.send(413, b"Payload Too Large", details="request_payload_too_large")

    def is_done(self) -> bool:
        """Return whether the rest of the request isn't needed, because the stream has ended or its response is complete."""
        return self._state.done or self._response.complete


class ResponseCallbacks:
    """The end of the response's filter chain, which sends the response to the client.

    Parameters
    ----------
    state
        The stream's state.
    encoder, router, replies
        The writer to the client, the source of the response, and the sender of local replies.
    """

    def __init__(self, state: StreamState, encoder: ResponseEncoder, router: Router, replies: LocalReplySender) -> None:
        self._state = state
        self._encoder = encoder
        self._replies = replies
        self.pass_data = encoder.data
        self.pass_trailers = encoder.trailers
        self.read_disable = router.read_disable
        self.on_buffer_overflow = replies.send_response_too_large

    def pass_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Write headers to the client. If `:status` is missing, send a local reply with status 502 instead."""
        problem = missing_response_header(headers)
        if problem is not None:
            details = f"filter_removed_required_response_headers{{{problem}}}".replace(" ", "_")
            self._replies.send(502, encode_text(problem), details=details)
        else:
            self._encoder.headers(headers, end=end)

    def is_done(self) -> bool:
        """Return whether the stream has ended."""
        return self._state.done

    def on_callback_aborted(self) -> None:
        """Do nothing, because local replies from response callbacks are sent immediately."""
