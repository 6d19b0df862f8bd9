"""How headers, data and trailers go through a chain of filters, and how they wait.

This is Envoy's `Http::FilterManager` for one direction; requests go through the filters in order, responses in reverse.
Facts (Envoy 1.40):

* A filter that stops at the headers with "stop all" gets no more callbacks until it continues; then what was held comes
  to *it* first. "Stop" at the headers alone holds them back for the later filters, and its data callback may release them.
* Held data lie in one buffer for the whole direction. "Buffer" must not pass the limit; "watermark" makes the source wait;
  "no buffer" drops the data.
* Continuing sends on what was held: headers if they did not go on yet, data if there is a buffer, trailers if there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from ...abi import DataStatus, HeadersStatus, TrailersStatus
from .buffers import Buffer
from .header_map import HeaderMap

if TYPE_CHECKING:
    from ..contexts.http import HttpFilter

__all__ = ["Direction", "Sink", "Slot"]

_GOES_ON, _STOP_SINGLE, _STOP_BUFFER, _STOP_WATERMARK = range(4)

#: What a filter's headers status makes of its slot; anything else goes on.
_AFTER_HEADERS = {
    HeadersStatus.STOP_ITERATION: _STOP_SINGLE,
    HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER: _STOP_BUFFER,
    HeadersStatus.STOP_ALL_ITERATION_AND_WATERMARK: _STOP_WATERMARK,
}

_CONTINUE = int(HeadersStatus.CONTINUE)
_HOLDING = (DataStatus.STOP_ITERATION_AND_BUFFER, DataStatus.STOP_ITERATION_AND_WATERMARK)


class Sink(Protocol):
    """Where a direction ends, and whom it asks."""

    def out_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Headers that have passed all filters."""
        ...

    def out_data(self, data: bytes, *, end: bool) -> None:
        """Data that have passed all filters."""
        ...

    def out_trailers(self, trailers: HeaderMap) -> None:
        """Trailers that have passed all filters."""
        ...

    def over_limit(self) -> None:
        """A filter that buffers holds more than the limit."""
        ...

    def flow(self, *, stop: bool) -> None:
        """The held data rose above the limit (stop reading from the source), or are gone (go on)."""
        ...

    def over(self) -> bool:
        """The stream has ended; nothing goes on."""
        ...

    def called(self) -> None:
        """A filter's callback has returned: send the local response that was prepared in it."""
        ...


class Slot:
    """One filter's place in one direction."""

    __slots__ = ("direction", "end_stream", "from_current", "headers_passed", "index", "state", "wasm")

    def __init__(self, direction: Direction, index: int, wasm: HttpFilter) -> None:
        self.direction = direction
        self.index = index
        self.wasm = wasm
        self.state = _GOES_ON
        self.headers_passed = False
        self.end_stream = False
        self.from_current = False

    @property
    def stopped_all(self) -> bool:
        """No callback until it continues."""
        return self.state >= _STOP_BUFFER

    @property
    def stopped(self) -> bool:
        """Holding the stream."""
        return self.state != _GOES_ON

    def resume(self) -> None:
        """Continue: send on what this filter holds."""
        way = self.direction
        if way.sink.over() or way.aborted:
            return
        if self.stopped_all:
            self.from_current = True
        self.state = _GOES_ON
        if not self.headers_passed:
            self.headers_passed = True
            way.pass_headers(self.index + 1, end=way.ended and way.held is None and way.trailers is None)
        had_trailers = way.trailers is not None
        start = self.index if self.from_current else self.index + 1
        if way.held is not None:
            way.pass_data(way.held, end=way.ended and not had_trailers, start=start)
            way.relax()
        if had_trailers:
            way.pass_trailers(start)
        self.from_current = False

    def after_headers(self, status: int) -> bool:
        """Take a headers callback's result; True if the headers go on."""
        state = _AFTER_HEADERS.get(status, _GOES_ON)  # type: ignore[call-overload]
        if state:
            self.state = state
            return False
        self.headers_passed = True
        return True

    def after_data(self, status: int, data: Buffer) -> bool:
        """Take a data callback's result; True if the data go on."""
        way = self.direction
        if status == _CONTINUE:
            if self.state != _STOP_SINGLE:
                return True
            way.hold(data)
            self.resume()
            return False
        self.state = _STOP_SINGLE
        if status in _HOLDING:
            way.streaming = status == DataStatus.STOP_ITERATION_AND_WATERMARK
            way.hold(data)
            way.check_limit()
        elif way.ended and way.trailers is None and way.held is None:
            way.held = Buffer()  # so that continuing sends the end on
        return False

    def after_trailers(self, status: int) -> bool:
        """Take a trailers callback's result; True if the trailers go on."""
        if status != TrailersStatus.CONTINUE:
            self.state = _STOP_SINGLE
            return False
        if self.state == _STOP_SINGLE:
            self.resume()
            return False
        return True


class Direction:
    """Requests or responses of one stream on their way through the filters.

    Attributes
    ----------
    headers, trailers
        What has arrived; None before.
    held
        Data that a filter holds back.
    ended
        The source has sent everything.
    streaming
        The filter that holds data does it with back-pressure rather than with a limit.
    calling
        A filter's callback of this direction is running.
    aborted
        A local response was sent from one of its callbacks: nothing goes on.
    """

    def __init__(
        self, sink: Sink, filters: Sequence[HttpFilter], limit: int, side: int, new_trailers: Callable[[], HeaderMap]
    ) -> None:
        self.sink = sink
        self.slots = [Slot(self, i, f) for i, f in enumerate(filters)]
        self.limit = limit
        self.side = side
        self.new_trailers = new_trailers
        self.headers: HeaderMap | None = None
        self.trailers: HeaderMap | None = None
        self.held: Buffer | None = None
        self.ended = False
        self.streaming = False
        self.calling = 0
        self.aborted = False
        self._above = self._stopped_source = False
        for slot in self.slots:
            slot.wasm.slots[side] = slot

    # -- in -----------------------------------------------------------------------------------------------------

    def take_headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Headers from the source."""
        self.headers, self.ended = headers, end
        self.pass_headers(0, end=end)

    def take_data(self, data: bytes, *, end: bool) -> None:
        """Data from the source."""
        self.ended = self.ended or end
        self.pass_data(Buffer(data), end=end, start=0)

    def take_trailers(self, trailers: HeaderMap) -> None:
        """Trailers from the source, its end."""
        self.trailers, self.ended = trailers, True
        self.pass_trailers(0)

    # -- through ------------------------------------------------------------------------------------------------

    def pass_headers(self, start: int, *, end: bool) -> None:
        """Through the filters from `start` on, and out."""
        headers = self.headers
        assert headers is not None
        for slot in self.slots[start:]:
            slot.end_stream = end
            self.calling += 1
            status = slot.wasm.take_headers(self.side, headers, end=end)
            self.calling -= 1
            if self._stopped_by_reply() or not slot.after_headers(status):
                return
        self.sink.out_headers(headers, end=end)

    def pass_data(self, data: Buffer, *, end: bool, start: int) -> None:
        """Through the filters from `start` on, and out."""
        if self.aborted or self.sink.over():
            return
        had_trailers = self.trailers is not None
        adder: Slot | None = None  # the filter that made trailers where there were none
        for slot in self.slots[start:]:
            if slot.stopped_all:
                self.streaming = slot.state == _STOP_WATERMARK
                self.hold(data)
                self.check_limit()
                return
            if slot.end_stream:
                return
            slot.end_stream = end and self.trailers is None
            self.calling += 1
            status = slot.wasm.take_data(self.side, data, end=slot.end_stream)
            self.calling -= 1
            if self._stopped_by_reply():
                return
            if not had_trailers and adder is None and self.trailers is not None:
                adder = slot
            if not slot.after_data(status, data):
                if adder is None or self.side:
                    return
                break  # Envoy sends new trailers on even if the data are held, in requests
        else:
            self.sink.out_data(data.take(), end=end and adder is None)
        if adder is not None and not self.sink.over():
            self.pass_trailers(adder.index + 1)

    def pass_trailers(self, start: int) -> None:
        """Through the filters from `start` on, and out."""
        trailers = self.trailers
        assert trailers is not None
        if self.aborted or self.sink.over():
            return
        for slot in self.slots[start:]:
            if slot.stopped_all:
                return
            self.calling += 1
            status = slot.wasm.take_trailers(self.side, trailers)
            self.calling -= 1
            slot.end_stream = True
            if self._stopped_by_reply() or not slot.after_trailers(status):
                return
        self.sink.out_trailers(trailers)

    def _stopped_by_reply(self) -> bool:
        """After a callback: send the local response made in it, if any; True if nothing goes on."""
        if self.aborted:
            self.sink.called()
        return self.aborted or self.sink.over()

    # -- holding ------------------------------------------------------------------------------------------------

    def hold(self, data: Buffer) -> Buffer:
        """Move data to what is held."""
        if self.held is None:
            self.held = Buffer()
        if data is not self.held:
            self.held.data += data.take()
        return self.held

    def check_limit(self) -> None:
        """Act when more is held than may be; once, until it is less again."""
        if self._above or self.held is None or len(self.held) <= self.limit or self.sink.over():
            return
        self._above = True
        if self.streaming:
            self._stopped_source = True
            self.sink.flow(stop=True)
        else:
            self.sink.over_limit()

    def relax(self) -> None:
        """What was held has gone on: let the source go on, too."""
        if self._above and (self.held is None or len(self.held) <= self.limit):
            self._above = False
            if self._stopped_source:
                self._stopped_source = False
                self.sink.flow(stop=False)

    def add_trailers(self) -> HeaderMap:
        """Trailers where the source sent none."""
        if self.trailers is None:
            self.trailers = self.new_trailers()
        return self.trailers
