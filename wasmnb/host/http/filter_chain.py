"""One direction of a stream through its filters, with the same iteration as Envoy's `Http::FilterManager`.

Requests pass through the filters in order, and responses in reverse order. The names are similar to those in Envoy's
`source/common/http/filter_manager`. For example, `continue_iteration` corresponds to `commonContinue`, and
`handle_headers_status` to `commonHandleAfterHeadersCallback`.

In Envoy 1.40:

* If a filter returns "stop all" for the headers, its other callbacks aren't called until it continues. The buffered data are
  then passed to *this* filter first. If a filter returns "stop" for the headers, only the headers are held back, and its data
  callback can release them.
* The data are stored in one buffer for the whole direction. When it exceeds the limit, the stream fails if the filter has
  returned "buffer", and the source waits if the filter has returned "watermark". After "no buffer", the data are dropped.
* When a filter continues, everything that it held back is passed on: the headers unless they have already passed, the buffered
  data, and the trailers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Protocol

from ...abi import DataStatus, HeadersStatus, TrailersStatus
from .buffers import Buffer
from .chain_callbacks import ChainCallbacks
from .header_map import HeaderMap

__all__ = ["REQUEST", "RESPONSE", "ActiveFilter", "FilterChain", "HttpFilter", "IterationState"]

#: The two directions of a stream.
REQUEST, RESPONSE = 0, 1


class IterationState(IntEnum):
    """State of the iteration at one filter, as in Envoy's enum of the same name."""

    CONTINUE = 0
    STOP_SINGLE = 1
    STOP_ALL_BUFFER = 2
    STOP_ALL_WATERMARK = 3


_CONTINUE, _STOP_SINGLE, _STOP_ALL_BUFFER, _STOP_ALL_WATERMARK = IterationState

#: State of the iteration after a headers callback, by its status. With any other status, the iteration continues.
_AFTER_HEADERS = {
    int(HeadersStatus.STOP_ITERATION): _STOP_SINGLE,
    int(HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER): _STOP_ALL_BUFFER,
    int(HeadersStatus.STOP_ALL_ITERATION_AND_WATERMARK): _STOP_ALL_WATERMARK,
}

_DATA_CONTINUE = int(DataStatus.CONTINUE)
_TRAILERS_CONTINUE = int(TrailersStatus.CONTINUE)
_HOLDING = (int(DataStatus.STOP_ITERATION_AND_BUFFER), int(DataStatus.STOP_ITERATION_AND_WATERMARK))


class HttpFilter(Protocol):
    """Interface through which a chain calls a filter.

    `direction` is `REQUEST` or `RESPONSE`, and results are the ABI's statuses.
    """

    #: Entries of the filter in the chain of the request and in the chain of the response.
    active: list[ActiveFilter | None]

    def on_headers(self, direction: int, headers: HeaderMap, *, end: bool) -> int:
        """Call the filter for the headers. `end` is True if the message ends with them."""
        ...

    def on_data(self, direction: int, data: Buffer, *, end: bool) -> int:
        """Call the filter for a chunk of the body. `end` is True if the message ends with it."""
        ...

    def on_trailers(self, direction: int, trailers: HeaderMap) -> int:
        """Call the filter for the trailers."""
        ...


class ActiveFilter:
    """Entry of one filter in one chain, with the state of the iteration.

    Parameters
    ----------
    chain
        Chain that contains the entry.
    index
        Position of the filter in the chain, from 0.
    http_filter
        The filter.

    Attributes
    ----------
    state
        State of the iteration at this filter.
    headers_continued
        Whether the headers have passed this filter.
    end_stream
        Whether the filter has been called for the end of the stream.
    """

    __slots__ = ("chain", "end_stream", "headers_continued", "http_filter", "index", "iterate_from_current", "state")

    def __init__(self, chain: FilterChain, index: int, http_filter: HttpFilter) -> None:
        self.chain = chain
        self.index = index
        self.http_filter = http_filter
        self.state = _CONTINUE
        self.headers_continued = False
        self.end_stream = False
        self.iterate_from_current = False

    @property
    def stopped_all(self) -> bool:
        """Whether the filter has stopped all iteration. Its callbacks aren't called until it continues."""
        return self.state >= _STOP_ALL_BUFFER

    @property
    def is_paused(self) -> bool:
        """Whether the filter holds back the stream."""
        return self.state is not _CONTINUE

    def continue_iteration(self) -> None:
        """Pass on everything that this filter holds back."""
        chain = self.chain
        if chain.callbacks.is_done() or chain.aborted:
            return
        if self.stopped_all:
            self.iterate_from_current = True
        self.state = _CONTINUE
        if not self.headers_continued:
            self.headers_continued = True
            end = chain.complete and chain.buffered is None and chain.trailers is None
            chain.iterate_headers(self.index + 1, end=end)
        had_trailers = chain.trailers is not None
        start = self.index if self.iterate_from_current else self.index + 1
        if chain.buffered is not None:
            chain.iterate_data(chain.buffered, end=chain.complete and not had_trailers, start=start)
            chain.check_low_watermark()
        if had_trailers:
            chain.iterate_trailers(start)
        self.iterate_from_current = False

    def handle_headers_status(self, status: int) -> bool:
        """Set the state of the iteration after a headers callback.

        Returns
        -------
        bool
            True if the headers continue to the next filter.
        """
        state = _AFTER_HEADERS.get(status, _CONTINUE)
        if state is not _CONTINUE:
            self.state = state
            return False
        self.headers_continued = True
        return True

    def handle_data_status(self, status: int, data: Buffer) -> bool:
        """Set the state of the iteration after a data callback, and buffer or drop the data.

        Returns
        -------
        bool
            True if the data continue to the next filter.
        """
        chain = self.chain
        if status == _DATA_CONTINUE:
            if self.state is not _STOP_SINGLE:
                return True
            chain.buffer_data(data)
            self.continue_iteration()
            return False
        self.state = _STOP_SINGLE
        if status in _HOLDING:
            chain.streaming = status == DataStatus.STOP_ITERATION_AND_WATERMARK
            chain.buffer_data(data)
            chain.check_high_watermark()
        elif chain.complete and chain.trailers is None and chain.buffered is None:
            chain.buffered = Buffer()  # so that continuing passes the end on
        return False

    def handle_trailers_status(self, status: int) -> bool:
        """Set the state of the iteration after a trailers callback.

        Returns
        -------
        bool
            True if the trailers continue to the next filter.
        """
        if status != _TRAILERS_CONTINUE:
            self.state = _STOP_SINGLE
            return False
        if self.state is _STOP_SINGLE:
            self.continue_iteration()
            return False
        return True


class FilterChain:
    """The filters of a stream in the order in which its request or its response passes through them.

    Parameters
    ----------
    direction
        `REQUEST` or `RESPONSE`.
    limit
        Maximum size of the buffer in bytes.
    make_trailers
        Function that creates the header map when a filter adds trailers.

    Attributes
    ----------
    callbacks
        Functions to call after the last filter. The stream sets them before anything arrives.
    active_filters
        The filters, in the order of iteration.
    headers, trailers
        The headers and trailers, or None until they have arrived from the source.
    buffered
        Data that a filter holds back, or None.
    complete
        Whether the source has sent the whole message.
    streaming
        Whether the source waits when the buffer exceeds its limit. Otherwise the stream fails.
    calling
        Number of filter callbacks of this chain that are running.
    calls
        Number of filter callbacks of this chain so far.
    aborted
        Whether a filter has sent a local reply in one of its callbacks, which ends the iteration.
    """

    callbacks: ChainCallbacks

    def __init__(self, direction: int, limit: int, make_trailers: Callable[[], HeaderMap]) -> None:
        self.direction = direction
        self.limit = limit
        self.active_filters: list[ActiveFilter] = []
        self.headers: HeaderMap | None = None
        self.trailers: HeaderMap | None = None
        self.buffered: Buffer | None = None
        self.complete = False
        self.streaming = False
        self.calling = self.calls = 0
        self.aborted = False
        self._make_trailers = make_trailers
        self._above_limit = self._reading_disabled = False

    def set_filters(self, filters: Sequence[HttpFilter]) -> None:
        """Set the filters of the chain, in the order of iteration."""
        for index, http_filter in enumerate(filters):
            active = ActiveFilter(self, index, http_filter)
            self.active_filters.append(active)
            http_filter.active[self.direction] = active

    # -- from the source --------------------------------------------------------------------------------------------

    def receive_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Pass headers from the source through the filters. `end` is True if the message ends with them."""
        self.headers, self.complete = headers, end
        self.iterate_headers(0, end=end)

    def receive_data(self, data: bytes, *, end: bool) -> None:
        """Pass a chunk from the source through the filters. `end` is True if the message ends with it."""
        self.complete = self.complete or end
        self.iterate_data(Buffer(data), end=end, start=0)

    def receive_trailers(self, trailers: HeaderMap) -> None:
        """Pass trailers from the source, which end the message, through the filters."""
        self.trailers, self.complete = trailers, True
        self.iterate_trailers(0)

    # -- iteration --------------------------------------------------------------------------------------------------

    def iterate_headers(self, start: int, *, end: bool) -> None:
        """Call the filters from index `start` for the headers, then pass the headers to the end of the chain."""
        headers = self.headers
        assert headers is not None
        for active in self.active_filters[start:]:
            active.end_stream = end
            self.calling += 1
            self.calls += 1
            status = active.http_filter.on_headers(self.direction, headers, end=end)
            self.calling -= 1
            if self._stopped() or not active.handle_headers_status(status):
                return
        self.callbacks.pass_headers(headers, end=end)

    def show(self, headers: HeaderMap, body: bytes | None = None) -> None:
        """Call the filters for a local reply to a stream that has ended, and ignore their results.

        `body` is None if there is no body.
        """
        for active in self.active_filters:
            active.http_filter.on_headers(self.direction, headers, end=body == b"")
        for active in self.active_filters if body else ():
            active.http_filter.on_data(self.direction, Buffer(body or b""), end=True)

    def iterate_data(self, data: Buffer, *, end: bool, start: int) -> None:
        """Call the filters from index `start` for the data, then pass the data to the end of the chain."""
        if self.aborted or self.callbacks.is_done():
            return
        had_trailers = self.trailers is not None
        adder: ActiveFilter | None = None  # the filter that has added trailers to a message without trailers
        for active in self.active_filters[start:]:
            if active.stopped_all:
                self.streaming = active.state is _STOP_ALL_WATERMARK
                self.buffer_data(data)
                self.check_high_watermark()
                return
            if active.end_stream:
                return
            active.end_stream = end and self.trailers is None
            self.calling += 1
            self.calls += 1
            status = active.http_filter.on_data(self.direction, data, end=active.end_stream)
            self.calling -= 1
            if self._stopped():
                return
            if not had_trailers and adder is None and self.trailers is not None:
                adder = active
            if not active.handle_data_status(status, data):
                if adder is None or self.direction == RESPONSE:
                    return
                break  # for requests, Envoy passes new trailers on even if the data are held
        else:
            self.callbacks.pass_data(data.take(), end=end and adder is None)
        if adder is not None and not self.callbacks.is_done():
            self.iterate_trailers(adder.index + 1)

    def iterate_trailers(self, start: int) -> None:
        """Call the filters from index `start` for the trailers, then pass the trailers to the end of the chain."""
        trailers = self.trailers
        assert trailers is not None
        if self.aborted or self.callbacks.is_done():
            return
        for active in self.active_filters[start:]:
            if active.stopped_all:
                return
            self.calling += 1
            self.calls += 1
            status = active.http_filter.on_trailers(self.direction, trailers)
            self.calling -= 1
            active.end_stream = True
            if self._stopped() or not active.handle_trailers_status(status):
                return
        self.callbacks.pass_trailers(trailers)

    def _stopped(self) -> bool:
        """Return whether the iteration ends, because the last callback has sent a local reply or the stream has ended."""
        if self.aborted:
            self.callbacks.on_callback_aborted()
        return self.aborted or self.callbacks.is_done()

    # -- buffer -----------------------------------------------------------------------------------------------------

    def buffer_data(self, data: Buffer) -> None:
        """Move data to the chain's buffer."""
        if self.buffered is None:
            self.buffered = Buffer()
        if data is not self.buffered:
            self.buffered.data += data.take()

    def check_high_watermark(self) -> None:
        """Fail or make the source wait if the buffer exceeds its limit.

        Further calls do nothing until the buffer is below its limit again.
        """
        if self._above_limit or self.buffered is None or len(self.buffered) <= self.limit or self.callbacks.is_done():
            return
        self._above_limit = True
        if self.streaming:
            self._reading_disabled = True
            self.callbacks.read_disable(disable=True)
        else:
            self.callbacks.on_buffer_overflow()

    def check_low_watermark(self) -> None:
        """Let the source continue once the buffer is below its limit again."""
        if self._above_limit and (self.buffered is None or len(self.buffered) <= self.limit):
            self._above_limit = False
            if self._reading_disabled:
                self._reading_disabled = False
                self.callbacks.read_disable(disable=False)

    def add_trailers(self) -> HeaderMap:
        """Return the trailers of the message, and create them if the source has sent none."""
        if self.trailers is None:
            self.trailers = self._make_trailers()
        return self.trailers
