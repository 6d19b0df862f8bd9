"""An HTTP upstream on loopback that sends configured responses and records the requests.

It responds with a `Response`, with the result of a callable for the `Request`, or with an echo. A response can be late
(`Response.latency`), have several `chunks` and trailers, be missing (`status=0`: the connection is closed) or be cut off
(`reset=True`: the connection ends after `chunks` or `body`).

The server speaks HTTP/1.1, so a gRPC stream gets its response when the filter has closed its side. A filter that waits for a
response before it sends its next message waits forever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ...abi.text import encode_text
from ...host import Cluster
from ...messages import Headers, Request, Response, to_bytes
from .http1 import Head, Message, Reader, encode_chunk, encode_head
from .loopback import LoopbackServer

__all__ = ["Early", "Handler", "Upstream", "UpstreamExchange"]

Handler = Callable[[Request], Any]
Early = Callable[[Request], Response | None]


@dataclass
class UpstreamExchange:
    """One request to the upstream, and its response.

    Attributes
    ----------
    request
        The request with its headers in order; `host` is both among them and in `authority`.
    chunks
        Its body in chunks as they were framed (or as they were read, with a content-length).
    response
        The upstream's response; None before it.
    end
        "open", "complete", or how the connection ended before that.
    at
        When its head had arrived (`time.monotonic`).
    """

    request: Request
    chunks: list[bytes] = field(default_factory=list)
    response: Response | None = None
    end: str = "open"
    at: float = field(default_factory=time.monotonic)

    @property
    def is_callout(self) -> bool:
        """Whether a filter made the request: Envoy marks callouts as internal."""
        return "x-envoy-internal" in self.request.headers


class Upstream(LoopbackServer):
    """An HTTP/1.1 server.

    Parameters
    ----------
    responder
        A response, a callable that returns one (it may raise `ConnectionError` to close without a response), or None for
        the echo. Other results mean the same as in the simulated proxy's `Cluster`.
    early
        Called when only the head of a request has arrived; if it returns a response, that is sent at once.
    gap
        Seconds between two chunks of a response (0.02).

    Attributes
    ----------
    seen
        The requests, in order of arrival.
    errors
        Exceptions of the callable, and failures of connections.
    """

    def __init__(
        self, responder: Response | Handler | None = None, *, early: Early | None = None, gap: float = 0.02
    ) -> None:
        self._cluster = Cluster(responder, "upstream")
        self.early = early
        self.gap = gap
        self.seen: list[UpstreamExchange] = []
        self.dropped = 0
        super().__init__()

    def trim(self, kept: int) -> None:
        """Drop the oldest requests, of which `dropped` is the number."""
        surplus = max(0, len(self.seen) - kept)
        del self.seen[:surplus]
        self.dropped += surplus

    def serve(self, connection: socket.socket) -> None:
        """Respond to one request after the other."""
        reader = Reader(connection, timeout=3600.0)
        while (head := reader.request_head()) is not None and self._serve_request(connection, reader, head):
            pass

    def _serve_request(self, connection: socket.socket, reader: Reader, head: Head) -> bool:
        """Serve one request; return whether the connection can take another."""
        exchange = UpstreamExchange(_request(head))
        self.seen.append(exchange)
        response = self.early(exchange.request) if self.early else None
        if response is None:
            message = reader.request_body()
            _finish(exchange, message)
            if message.end != "complete":
                return False
            response = self._respond(exchange.request)
        exchange.response = response
        if response.latency and reader.pause(response.latency):
            return False
        return self._send(connection, response, head)

    def _respond(self, request: Request) -> Response:
        try:
            return self._cluster.respond(request)
        except ConnectionError:
            return Response(0)
        except Exception as error:  # noqa: BLE001 -- a user's handler may raise anything; the proxy gets a 500
            self.errors.append(f"{type(error).__name__}: {error}")
            return Response(500, body=encode_text(f"the upstream's handler failed: {error}"))

    def _send(self, connection: socket.socket, response: Response, head: Head) -> bool:
        if response.status == 0:
            return False
        headers, in_chunks = framing(response)
        connection.sendall(encode_head(_status_line(response.status), headers))
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
            connection.sendall(b"0\r\n" + encode_head(b"", response.trailers.raw).removeprefix(b"\r\n"))
        return (response.headers.get("connection") or "") != "close"


def framing(response: Response) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Return the headers, with a framing header in front if the response has none, and whether the body is chunked."""
    headers = list(response.headers.raw)
    if "transfer-encoding" in response.headers:
        return headers, True
    if "content-length" in response.headers or response.status in (204, 304) or response.status < 200:
        return headers, False
    if response.chunks is not None or len(response.trailers):
        return [(b"transfer-encoding", b"chunked"), *headers], True
    return [(b"content-length", b"%d" % len(response.body)), *headers], False


def _request(head: Head) -> Request:
    method, path, _ = (part.decode("utf-8", "surrogateescape") for part in head.start)
    authority = (head.get(b"host") or b"").decode("utf-8", "surrogateescape")
    return Request(method, path, Headers(head.headers), authority=authority)


def _finish(exchange: UpstreamExchange, message: Message) -> None:
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
