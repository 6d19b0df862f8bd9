"""Writing of a response to the client.

Facts (Envoy 1.40): over HTTP/1 a response has `connection: close` if it comes before the request was complete, if the client
asked for it, or if the stream has had a local reply 400 (Envoy takes any for its own "bad request"),
whatever filters make of the status afterwards. A client of HTTP/1 reads as much of a body as content-length says, and
nothing after 204 and 304. Trailers go out only with a chunked body.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ....messages import Response
from .codec import response_to_client
from .connection_manager import finish_response_headers

if TYPE_CHECKING:
    from ..header_map import HeaderMap
    from ..stream_state import StreamState

__all__ = ["ResponseEncoder"]


class ResponseEncoder:
    """Writes the response, and records what the client has received.

    Parameters
    ----------
    state
        The stream's state.
    finish
        Ends the stream with a state of `Exchange.state`.

    Attributes
    ----------
    head
        The request's method was HEAD when it came from the client.
    headers_sent
        The response's headers have gone out.
    must_close
        The connection is to be closed after this response, though the request was complete.
    """

    def __init__(self, state: StreamState, finish: Callable[[str], None]) -> None:
        self._state = state
        self._finish = finish
        self.head = False
        self.headers_sent = False
        self.must_close = False
        self._closing = False
        self._sent: list[bytes] = []

    def headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Write the headers; `end` if nothing follows."""
        state = self._state
        self._closing = (self.must_close or not state.request_complete) and not state.http2
        clock = state.worker.clock
        finish_response_headers(headers, now=clock.start + clock.time(), close=self._closing)
        self.headers_sent = True
        response = response_to_client(headers, end=end, head=self.head, http2=state.http2)
        state.exchange.response = response
        state.info.code = response.status
        state.note("response", status=response.status)
        if end:
            self._finish("done")

    def data(self, data: bytes, *, end: bool) -> None:
        """Write a chunk of the body; `end` if nothing follows."""
        self._state.info.response_size += len(data)
        if data:
            self._sent.append(data)
        if end:
            self._finish("done")

    def trailers(self, trailers: HeaderMap) -> None:
        """Write the trailers, which end the response."""
        response = self._state.exchange.response
        if response is not None and (self._state.http2 or "content-length" not in response.headers):
            response.trailers.raw = list(trailers.items)
        self._finish("done")

    # -- what the client has received -------------------------------------------------------------------------------

    def update_exchange(self) -> int | None:
        """Set the exchange's response body to what the client has read so far.

        Returns
        -------
        int or None
            Bytes of the body that the client expects; None if it cannot know.
        """
        response = self._state.exchange.response
        if response is None:
            return None
        body = b"".join(self._sent)
        declared = response.headers.get("content-length")
        counts = declared is not None and declared.isdigit() and not self._state.http2 and not self.head
        length = int(declared) if declared is not None and counts else None
        if response.status in (204, 304):
            body, length = b"", None
        response.body = body[:length]
        response.chunks = list(self._sent) if len(self._sent) > 1 and len(response.body) == len(body) else None
        return length

    def close(self, state: str, *, disconnected: bool) -> None:
        """Complete the exchange's response when the stream has ended.

        Parameters
        ----------
        state
            How the stream has ended: `done` or `reset`.
        disconnected
            The downstream connection is closed already; without a response the exchange stays without one.
        """
        exchange = self._state.exchange
        if exchange.response is None:
            if state == "reset" and not disconnected:
                exchange.response = Response(0, reset=True)
            return
        length = self.update_exchange()
        size = sum(map(len, self._sent))
        if length is None:
            exchange.response.reset = state == "reset"
            return
        exchange.response.reset = size < length and (state == "reset" or self._closing)
        if size != length and state != "reset":
            exchange.notes.append(
                f"The response's body has {size} bytes but content-length says {length}; remove the header before"
                " changing the body."
            )
