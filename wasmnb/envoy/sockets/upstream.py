"""An HTTP upstream on loopback, which sends configured responses and records the requests.

It responds with a fixed `Response`, with the result of a function of the `Request`, or with an echo. A response can be delayed
(`Response.latency`), and can have several `chunks` and trailers. With `status=0`, the connection is closed without a response.
With `reset=True`, the connection ends after `chunks` or `body`.

The server uses HTTP/1.1, so a gRPC stream receives its response only after the filter has closed its side. A filter that waits
for a response before it sends its next message waits forever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple

from ...abi.text import encode_text
from ...host import Cluster
from ...messages import Headers, Request, Response, to_bytes
from ...parsing.chunked_body import encode_chunk
from ...parsing.header_block import encode_header_block
from .http1 import MessageHead, MessageReader, ReceivedMessage
from .loopback import LoopbackServer

__all__ = ["Early", "RequestHandler", "Upstream", "UpstreamExchange"]

RequestHandler = Callable[[Request], Any]
Early = Callable[[Request], Response | None]


@dataclass
class UpstreamExchange:
    """A request that the upstream received, and its response.

    Attributes
    ----------
    request
        Request with its headers in order. They include `host`, which is also the `authority`.
    chunks
        Body of the request in its chunks, or in the parts in which it arrived if the request has a content-length.
    response
        Response of the upstream. None until its first byte is sent, or if the connection is closed without a response.
    sent
        Whether the whole response has been sent.
    end
        "open" while the request arrives, "complete", or how the connection ended before the request was complete.
    at
        Time at which the head of the request arrived (`time.monotonic`).
    """

    request: Request
    chunks: list[bytes] = field(default_factory=list)
    response: Response | None = None
    sent: bool = False
    end: str = "open"
    at: float = field(default_factory=time.monotonic)

    @property
    def is_callout(self) -> bool:
        """Whether a filter sent the request.

        Envoy marks callouts and requests of internal clients with `x-envoy-internal`. Only requests of clients pass through its
        connection manager, which adds `x-forwarded-proto`.
        """
        headers = self.request.headers
        return "x-envoy-internal" in headers and "x-forwarded-proto" not in headers


class Upstream(LoopbackServer):
    """An HTTP/1.1 upstream server on loopback.

    Parameters
    ----------
    responder
        A response, or a function that is called with the request and returns a response. It can raise `ConnectionError` to
        close the connection without a response. Other results are handled as in the simulated proxy's `Cluster`. By default
        (None), the server echoes.
    early
        Called with each request when its head has arrived. A returned response is sent immediately (default None).
    gap
        Seconds between two chunks of a response (default 0.02).

    Attributes
    ----------
    seen
        Requests in order of arrival, each with its response.
    errors
        Texts of exceptions raised by the function, and of errors of connections.
    """

    def __init__(
        self, responder: Response | RequestHandler | None = None, *, early: Early | None = None, gap: float = 0.02
    ) -> None:
        self._cluster = Cluster(responder, "upstream")
        self.early = early
        self.gap = gap
        self.seen: list[UpstreamExchange] = []
        self.dropped = 0
        super().__init__()

    def trim(self, kept: int) -> None:
        """Delete the oldest requests from `seen` until at most `kept` are left, and count them in `dropped`."""
        surplus = max(0, len(self.seen) - kept)
        del self.seen[:surplus]
        self.dropped += surplus

    def serve(self, connection: socket.socket) -> None:
        """Respond to the requests received over the socket `connection`."""
        reader = MessageReader(connection, timeout=3600.0)
        while (head := reader.request_head()) is not None and self._serve_request(connection, reader, head):
            pass

    def _serve_request(self, connection: socket.socket, reader: MessageReader, head: MessageHead) -> bool:
        """Respond to one request, and return whether the connection stays open."""
        exchange = UpstreamExchange(_request(head))
        self.seen.append(exchange)
        response = self.early(exchange.request) if self.early else None
        if response is None:
            message = reader.request_body()
            _finish(exchange, message)
            if message.end != "complete":
                return False
            response = self._respond(exchange.request)
        if response.latency and reader.pause(response.latency):
            return False
        exchange.response = response if response.status else None
        stays_open = self.send(connection, response, head)
        exchange.sent = True
        return stays_open

    def _respond(self, request: Request) -> Response:
        try:
            return self._cluster.respond(request)
        except ConnectionError:
            return Response(0)
        except Exception as error:  # noqa: BLE001 -- a user's handler can raise any exception, and the proxy receives a 500
            self.errors.append(f"{type(error).__name__}: {error}")
            return Response(500, body=encode_text(f"the upstream's handler failed: {error}"))

    def send(self, connection: socket.socket, response: Response, head: MessageHead) -> bool:
        """Send a response, and return whether the connection stays open.

        Parameters
        ----------
        connection
            The socket of the connection.
        response
            The response. With the status 0, nothing is sent.
        head
            Head of the request.
        """
        if response.status == 0:
            return False
        headers, in_chunks = framing(response)
        connection.sendall(encode_header_block(_status_line(response.status), headers))
        if head.start[0] == b"HEAD" or response.status in (204, 304):
            return True
        chunks = response.chunks if response.chunks is not None else [response.body]
        for number, chunk in enumerate(chunks):
            delay = max(response.delay(number), self.gap if number or response.chunks is not None else 0.0)
            if delay:
                time.sleep(delay)
            connection.sendall(encode_chunk(chunk) if in_chunks else chunk)
        if response.reset:
            return False
        if in_chunks:
            if response.chunks is not None:
                time.sleep(self.gap)
            connection.sendall(encode_header_block(b"0", response.trailers.raw))
        return (response.headers.get("connection") or "") != "close"


class Framing(NamedTuple):
    """How a response is sent: its headers, and whether its body is chunked."""

    headers: list[tuple[bytes, bytes]]
    chunked: bool


def framing(response: Response) -> Framing:
    """Return the response's headers, and whether its body is chunked. A missing framing header is added as the first header."""
    headers = list(response.headers.raw)
    if "transfer-encoding" in response.headers:
        return Framing(headers, chunked=True)
    if "content-length" in response.headers or response.status in (204, 304) or response.status < 200:
        return Framing(headers, chunked=False)
    if response.chunks is not None or len(response.trailers):
        return Framing([(b"transfer-encoding", b"chunked"), *headers], chunked=True)
    return Framing([(b"content-length", b"%d" % len(response.body)), *headers], chunked=False)


def _request(head: MessageHead) -> Request:
    method, path, _ = (part.decode("utf-8", "surrogateescape") for part in head.start)
    authority = (head.get(b"host") or b"").decode("utf-8", "surrogateescape")
    return Request(method, path, Headers(head.headers), authority=authority)


def _finish(exchange: UpstreamExchange, message: ReceivedMessage) -> None:
    exchange.request.body = message.body
    exchange.request.trailers = Headers(message.trailers)
    exchange.chunks = list(message.chunks)
    exchange.end = message.end


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return to_bytes(f"HTTP/1.1 {status} {phrase}")
