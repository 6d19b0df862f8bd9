"""Reading of a request's body and trailers from the client.

Facts (Envoy 1.40): a request is complete when its last chunk or its trailers have arrived, before the callbacks for them.
Bodies over HTTP/1 end with an empty chunk of their own; over HTTP/2 the last chunk ends them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ....abi import Pair
from ..header_map import RequestTrailers

if TYPE_CHECKING:
    from ..filter_chain import FilterChain
    from ..stream_state import StreamState
    from ..timeouts import Timeouts

__all__ = ["RequestDecoder"]


class RequestDecoder:
    """Passes what the client sends to the request's filter chain, unless reading is disabled.

    Parameters
    ----------
    state
        The stream's state.
    request
        The request's filter chain.
    timeouts
        The stream's timeouts.
    """

    def __init__(self, state: StreamState, request: FilterChain, timeouts: Timeouts) -> None:
        self._state = state
        self._request = request
        self._timeouts = timeouts
        self._unread: deque[Callable[[], None]] = deque()
        self._disabled = False

    def data(self, data: bytes, *, end: bool = False) -> None:
        """Read a chunk of the body; with `end` the last one."""
        self._read(lambda: self._pass_data(data, end=end))

    def trailers(self, items: Iterable[Pair]) -> None:
        """Read the trailers, which end the request."""
        self._read(lambda: self._pass_trailers(items))

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the client, or go on."""
        self._disabled = disable
        if not disable and self._unread:
            self._state.call_soon(self._read_on)

    def _read(self, event: Callable[[], None]) -> None:
        self._timeouts.reset_idle_timer()
        if self._state.done:
            return
        if self._disabled or self._unread:
            self._unread.append(event)
        else:
            event()

    def _read_on(self) -> None:
        while self._unread and not self._disabled and not self._state.done:
            self._unread.popleft()()

    def _pass_data(self, data: bytes, *, end: bool) -> None:
        state = self._state
        state.info.request_size += len(data)
        if data and end and not state.http2:
            self._request.receive_data(data, end=False)
            data = b""
        state.request_complete = end
        if not state.done:
            self._request.receive_data(data, end=end)

    def _pass_trailers(self, items: Iterable[Pair]) -> None:
        self._state.request_complete = True
        self._request.receive_trailers(RequestTrailers(items))
