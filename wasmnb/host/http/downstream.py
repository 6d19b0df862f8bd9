"""The client's side of a stream: what goes out, and what the client makes of it.

Facts (Envoy 1.40): `date` and `server` are added last. Over HTTP/1 a response says `connection: close` if it comes before
the request was complete, if the client asked for it, or if the stream has had a local response 400 (Envoy takes any for its
own "bad request", whoever made it), whatever filters make of the status afterwards. A client of HTTP/1 reads as much of a body as content-length says, whatever is sent, and
nothing after 204 and 304. Trailers go out only with a chunked body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...messages import Response
from .codec import finish_headers, to_client
from .header_map import HeaderMap

if TYPE_CHECKING:
    from .stream import HttpStream

__all__ = ["Downstream"]


class Downstream:
    """Who gets the response.

    Attributes
    ----------
    head
        The request came with HEAD.
    headers_sent
        The response's headers have gone out.
    must_close
        The connection is to be closed after this response, though the request was complete.
    """

    def __init__(self, stream: HttpStream) -> None:
        self.stream = stream
        self.head = False
        self.headers_sent = False
        self.must_close = False
        self._closing = False
        self._sent: list[bytes] = []

    def headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Response headers go out."""
        stream = self.stream
        self._closing = (self.must_close or not stream.received) and not stream.http2
        clock = stream.worker.clock
        finish_headers(headers, now=clock.start + clock.time(), close=self._closing)
        self.headers_sent = True
        response = to_client(headers, end=end, head=self.head, http2=stream.http2)
        stream.exchange.response = response
        stream.info.code = response.status
        stream.note("response", status=response.status)
        if end:
            stream.finish("done")

    def data(self, data: bytes, *, end: bool) -> None:
        """A piece of the response's body goes out."""
        self.stream.info.response_size += len(data)
        if data:
            self._sent.append(data)
        if end:
            self.stream.finish("done")

    def trailers(self, trailers: HeaderMap) -> None:
        """Response trailers go out."""
        response = self.stream.exchange.response
        if response is not None and (self.stream.http2 or "content-length" not in response.headers):
            response.trailers.raw = list(trailers.items)
        self.stream.finish("done")

    # -- what the client makes of it --------------------------------------------------------------------------------

    def show(self) -> int | None:
        """Let the exchange show what the client has read; gives the length that it counts on."""
        response = self.stream.exchange.response
        if response is None:
            return None
        body = b"".join(self._sent)
        told = response.headers.get("content-length")
        counts = told is not None and told.isdigit() and not self.stream.http2 and not self.head
        length = int(told) if told is not None and counts else None
        if response.status in (204, 304):
            body, length = b"", None
        response.body = body[:length]
        response.chunks = list(self._sent) if len(self._sent) > 1 and len(response.body) == len(body) else None
        return length

    def close(self, state: str, *, gone: bool) -> None:
        """The stream is over: put together what the client received, unless it has gone without anything."""
        exchange = self.stream.exchange
        if exchange.response is None:
            if state == "reset" and not gone:
                exchange.response = Response(0, reset=True)
            return
        length = self.show()
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
