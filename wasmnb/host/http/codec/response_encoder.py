"""Writing a response to the client.

In Envoy 1.40, an HTTP/1 response has `connection: close` if it begins before the request is complete, if the client has asked
to close the connection, or if the stream had a local reply with status 400 (which Envoy treats as its own "bad request"), even
if filters change the status afterwards. An HTTP/1 client reads a body up to its content-length, and no body after 204 and 304,
although Envoy can write more. Trailers are only sent with a chunked body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ....abi import Pair
from ....messages import Response
from ....parsing.chunked_body import encode_chunk
from ....parsing.header_block import encode_header_block
from ..connection_manager.response_headers import finish_response_headers
from .codec import reason_phrase, response_to_client

if TYPE_CHECKING:
    from ..filter_chain import FilterChain
    from ..header_map import HeaderMap
    from ..stream_state import StreamState

__all__ = ["ResponseEncoder"]

_WORD = re.compile(rb"(?<![a-z0-9])[a-z]")
_SENT_TWICE = (
    "A filter called continue_stream(RESPONSE) in on_response_headers and also returned Continue, so Envoy sends the headers"
    " twice, and clients can't read the response. Don't call continue_stream if the callback returns Continue."
)


class ResponseEncoder:
    """Writer of the response. It also records the part of the response that the client has received.

    Parameters
    ----------
    state
        The stream's state.
    request
        The request's filter chain.
    finish
        Function that ends the stream with a state for `Exchange.state`.
    disconnect
        Function that ends the stream as if the client had closed the connection.

    Attributes
    ----------
    head
        Whether the client's request had the method HEAD.
    headers_sent
        Whether the response's headers have been sent.
    must_close
        Whether the connection is closed after this response even if the request was complete.
    keep_alive
        Whether the client uses HTTP/1.0 and has asked to keep the connection open.
    upgraded
        Whether the connection has switched to another protocol.
    closing
        Whether the connection ends with this stream.
    """

    def __init__(
        self, state: StreamState, request: FilterChain, finish: Callable[[str], None], disconnect: Callable[[], None]
    ) -> None:
        self._state = state
        self._request = request
        self._finish = finish
        self._disconnect = disconnect
        self.head = False
        self.headers_sent = False
        self.must_close = self.keep_alive = self.upgraded = False
        self.closing = False
        self._chunked = False
        self._sent: list[bytes] = []

    def headers(self, headers: HeaderMap, *, end: bool) -> None:
        """Write the headers. `end` is True if the response ends with them."""
        state, manager = self._state, self._state.manager
        if self.headers_sent and state.http2:
            state.exchange.notes.append(_SENT_TWICE)
            state.exchange.response = None  # malformed
            self._disconnect()
            return
        if self.headers_sent:
            self._write_second_head(headers)
            return
        self.upgraded = not end and state.is_upgraded(headers)
        self.closing = (self.must_close or not state.request_complete) and not state.http2 and not self.upgraded
        status = headers.get(b":status") or b""
        clock = state.worker.clock
        finish_response_headers(
            headers, self._request.headers, manager,
            now=clock.start + clock.time(), upgraded=self.upgraded, http2=state.http2,
        )  # fmt: skip
        self.closing = self.closing or (manager.max_requests_per_connection == 1 and not state.http2)
        unsized = state.info.protocol == "HTTP/1.0" and not end and b"content-length" not in headers
        self.closing = self.closing or unsized
        if self.closing:
            headers.add(b"connection", b"close")
        elif self.keep_alive:
            headers.add(b"connection", b"keep-alive")
        self.headers_sent = True
        response, written = response_to_client(
            headers, end=end, head=self.head, protocol=state.info.protocol, upgraded=self.upgraded
        )
        self._chunked = "transfer-encoding" in response.headers
        state.exchange.response = response
        state.info.code = int(status) if self.upgraded and state.http2 else response.status
        state.note("response", status=response.status)
        self._write_head(response.status, written)
        if end:
            self._write_end()
            self._finish("done")

    def interim(self, status: int, headers: Iterable[Pair] = ()) -> None:
        """Write an interim response (1xx)."""
        self._write_head(status, list(headers))

    def data(self, data: bytes, *, end: bool) -> None:
        """Write a chunk of the body. `end` is True if the response ends with it."""
        self._state.info.response_size += len(data)
        if data:
            self._sent.append(data)
            self._write(encode_chunk(data) if self._chunked else data)
        if end:
            self._write_end()
            self._finish("done")

    def trailers(self, trailers: HeaderMap) -> None:
        """Write the trailers, which end the response."""
        state, response = self._state, self._state.exchange.response
        items = list(trailers.items) if state.manager.enable_trailers or state.http2 else []
        if response is not None and (state.http2 or self._chunked) and not self.head:
            response.trailers.raw = items
        self._write_end(items)
        self._finish("done")

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        self._state.exchange.wire += data

    def _write_head(self, status: int, headers: list[Pair]) -> None:
        state = self._state
        if state.http2:
            return
        if state.manager.header_key_format == "proper_case_words":
            headers = [(_WORD.sub(lambda m: m[0].upper(), n), v) for n, v in headers]
        version = b"1.0" if state.info.protocol == "HTTP/1.0" else b"1.1"
        line = b"HTTP/%s %d %s" % (version, status, reason_phrase(status))
        self._write(encode_header_block(line, headers))

    def _write_end(self, trailers: list[Pair] | None = None) -> None:
        if self._chunked and not self.head:
            self._write(encode_header_block(b"0", trailers or ()))

    def _write_second_head(self, headers: HeaderMap) -> None:
        """Write headers that a filter has sent for the second time. HTTP/1 clients read them as the body."""
        status = headers.get(b":status") or b"0"
        line = b"HTTP/1.1 %s %s" % (status, reason_phrase(int(status) if status.isdigit() else 0))
        head = encode_header_block(line, (pair for pair in headers if pair[0][:1] != b":"))
        self._write(head)
        self._state.exchange.notes.append(_SENT_TWICE)
        if self._chunked:
            self._disconnect()  # the client can't read this as a chunk
        else:
            self._sent.append(head)

    # -- what the client has received -------------------------------------------------------------------------------

    def update_exchange(self) -> int | None:
        """Set the exchange's response body to the bytes that the client has read so far.

        Returns
        -------
        int or None
            Number of body bytes that the client expects, or None if the length is unknown to the client.
        """
        response = self._state.exchange.response
        if response is None:
            return None
        body = b"".join(self._sent)
        declared = response.headers.get("content-length")
        counts = declared is not None and declared.isdigit() and not self._state.http2 and not self.head
        length = int(declared) if declared is not None and counts else None
        if (response.status in (204, 304) and not self._state.http2) or self.head:
            body, length = b"", None
        response.body = body[:length]
        response.chunks = list(self._sent) if len(self._sent) > 1 and len(response.body) == len(body) else None
        return length

    def close(self, state: str, *, disconnected: bool) -> None:
        """Complete the exchange's response when the stream has ended.

        Parameters
        ----------
        state
            Final state of the stream: `done` or `reset`.
        disconnected
            Whether the downstream connection is already closed. A missing response is then not recorded as a reset.
        """
        exchange = self._state.exchange
        if exchange.response is None:
            if state == "reset" and not disconnected:
                exchange.response = Response(0, reset=True)
            return
        length = self.update_exchange()
        size = sum(map(len, self._sent))
        if exchange.response.status in (204, 304) and size and not self._state.http2:
            exchange.notes.append(
                f"Envoy writes {size} bytes of body after a response with status {exchange.response.status}, and the client"
                " reads them as the start of its next response. Send this status without a body."
            )
        if length is None:
            exchange.response.reset = state == "reset"
            return
        exchange.response.reset = size < length and (state == "reset" or self.closing)
        if size != length and state != "reset":
            exchange.notes.append(
                f"The response's body has {size} bytes, but its content-length is {length}. Remove the header before you"
                " change the body."
            )
