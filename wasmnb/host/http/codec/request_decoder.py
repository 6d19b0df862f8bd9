"""Reading a request's body and trailers from the client.

In Envoy 1.40, a request is complete as soon as its last chunk or its trailers have arrived, before their callbacks run. Over
HTTP/1, filters receive the end of a body as a separate, empty chunk. Over HTTP/2, they receive it with the last chunk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ....abi import Pair
from ...contexts.stream_info import ResponseFlag
from ..connection_manager.problem import Problem
from ..header_map import RequestTrailerMap
from .http1 import read_trailers
from .http2 import valid_trailers

if TYPE_CHECKING:
    from ..filter_chain import FilterChain
    from ..stream_state import StreamState
    from ..timeouts import Timeouts

__all__ = ["RequestDecoder"]


class RequestDecoder:
    """Reader that passes body and trailers from the client to the request's filter chain, unless reading is disabled.

    Parameters
    ----------
    state
        The stream's state.
    request
        The request's filter chain.
    timeouts
        The stream's timeouts.
    reset
        Function that resets the stream.
    refuse
        Function that responds if the codec can't read the remaining part of the request.
    """

    def __init__(
        self,
        state: StreamState,
        request: FilterChain,
        timeouts: Timeouts,
        reset: Callable[[], None],
        refuse: Callable[[Problem], None],
    ) -> None:
        self._state = state
        self._request = request
        self._timeouts = timeouts
        self._reset = reset
        self._refuse = refuse
        self._unread: deque[Callable[[], None]] = deque()
        self._disabled = False

    def data(self, data: bytes, *, end: bool = False) -> None:
        """Read a chunk of the body. `end` is True for the last chunk."""
        self._read(lambda: self._pass_data(data, end=end))

    def trailers(self, items: Iterable[Pair]) -> None:
        """Read the trailers, which end the request."""
        pairs = list(items)
        self._read(lambda: self._pass_trailers(pairs))

    def read_disable(self, *, disable: bool) -> None:
        """Stop reading from the client, or start reading again."""
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
        if state.http2 and self._contradicts_length(data, end=end):
            self._reset_stream("http2.remote_reset")
            return
        data, end = self._framed(data, end=end)
        if not data and not end:
            return
        state.info.request_size += len(data)
        if data and end and not state.http2:
            self._request.receive_data(data, end=False)
            data = b""
        state.request_complete = end
        if not state.done:
            self._request.receive_data(data, end=end)

    def _contradicts_length(self, data: bytes, *, end: bool) -> bool:
        """Return whether the length of an HTTP/2 body differs from its content-length."""
        state = self._state
        length = state.head.length if state.head is not None else None
        size = state.info.request_size + len(data)
        return length is not None and (size > length or (end and size < length))

    def _framed(self, data: bytes, *, end: bool) -> tuple[bytes, bool]:
        """Cut a chunk at the content-length of an HTTP/1 body. Return the chunk, and whether it is the last one."""
        state = self._state
        head = state.head
        if state.http2 or head is None or head.chunked or head.upgrade:
            return data, end
        left = (head.length or 0) - state.info.request_size
        return data[:left], len(data[:left]) == left

    def _pass_trailers(self, items: list[Pair]) -> None:
        state = self._state
        if state.http2 and not valid_trailers(items):
            self._reset_stream("http2.invalid.header.field")
            return
        checked = read_trailers(items, state.manager)
        if isinstance(checked, Problem):
            if state.http2:
                details = checked.details.replace("http1", "http2")
                self._reset_stream(details, ResponseFlag.DOWNSTREAM_REMOTE_RESET)
            else:
                self._refuse(checked)
            return
        items = checked
        state.request_complete = True
        if state.manager.enable_trailers or state.http2:
            self._request.receive_trailers(RequestTrailerMap(items))
        else:
            self._request.receive_data(b"", end=True)

    def _reset_stream(self, details: str, flag: ResponseFlag = ResponseFlag.DOWNSTREAM_PROTOCOL_ERROR) -> None:
        self._state.info.flags |= flag
        self._state.info.details = details
        self._reset()
