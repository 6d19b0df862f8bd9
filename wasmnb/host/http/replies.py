"""Local responses: how a stream answers for the proxy.

Facts (Envoy 1.40): a local response goes through all filters' response callbacks if no response has begun, straight to the
client if one is on its way through the filters, and resets the stream if headers have gone out. One that is made in a
request callback waits until that callback has returned; the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ...abi import Pair
from .header_map import HeaderMap
from .local_reply import build_local_response, is_grpc

if TYPE_CHECKING:
    from .stream import HttpStream

__all__ = ["Replies"]

#: A local response with this status closes an HTTP/1 connection: something is wrong with what the client sends.
BAD_REQUEST = 400


class Replies:
    """A stream's local responses."""

    def __init__(self, stream: HttpStream) -> None:
        self.stream = stream
        self._prepared: tuple[HeaderMap, bytes] | None = None

    def send(
        self,
        code: int,
        body: bytes,
        headers: Iterable[Pair] = (),
        *,
        details: str,
        grpc_status: int | None = None,
    ) -> None:
        """Answer for the proxy, by the way that is still open."""
        stream = self.stream
        stream.info.details = details
        if stream.finished:
            stream.exchange.details = details
            return
        if not stream.downstream.headers_sent:
            stream.info.code = code
        if code == BAD_REQUEST:
            stream.downstream.must_close = True
        stream.note("local_response", code=code, details=details)
        for way in (stream.request, stream.response):
            way.aborted = way.aborted or way.calling > 0
        grpc = is_grpc(stream.request.headers)
        reply, text = build_local_response(code, body, headers, grpc_status=grpc_status, grpc=grpc)
        if stream.downstream.head:
            text = b""
        if stream.response.headers is not None:
            self._instead(reply, text)
        elif stream.request.calling:
            self._prepared = self._prepared or (reply, text)
        else:
            self._through_filters(reply, text)

    def callback_returned(self) -> None:
        """The callback in which a local response was made has returned."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and not self.stream.finished:
            self._through_filters(*prepared)

    def too_large(self) -> None:
        """A filter buffers more of a response than may be: too late for an answer if headers have gone out."""
        if self.stream.downstream.headers_sent:
            self.stream.info.details = "response_payload_too_large"
            self.stream.reset()
            return
        self.send(500, b"Internal Server Error", details="response_payload_too_large")

    def _through_filters(self, reply: HeaderMap, text: bytes) -> None:
        self.stream.response.take_headers(reply, end=not text)
        if text and not self.stream.finished:
            self.stream.response.take_data(text, end=True)

    def _instead(self, reply: HeaderMap, text: bytes) -> None:
        """In place of a response that is on its way."""
        stream = self.stream
        if stream.downstream.headers_sent:
            stream.reset()
            return
        stream.response.headers = reply
        stream.downstream.headers(reply, end=not text)
        if text:
            stream.downstream.data(text, end=True)
