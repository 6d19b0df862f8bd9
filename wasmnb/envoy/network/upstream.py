"""A real upstream on loopback: answers as it is told and remembers what it saw.

It answers with a `Response`, with what a callable makes of the `Request`, or, told nothing, with an echo. It can be slow
(`Response.latency`), send its body in pieces (`chunks`), add trailers, close without an answer (`status=0`) and abort in
the middle (`reset=True`: what `chunks` or `body` hold goes out, then the connection ends).

It speaks HTTP/1.1, so that a gRPC stream is answered once the filter has closed its side: one that waits for an answer before
it sends the next message would wait for ever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from ...host import Cluster
from ...messages import Headers, Request, Response, to_bytes
from .http1 import Head, Message, Reader, chunked, head_bytes
from .loopback import LoopbackServer

__all__ = ["Early", "Handler", "Seen", "Upstream"]

Handler = Callable[[Request], Any]
Early = Callable[[Request], Response | None]


@dataclass
class Seen:
    """One request as the upstream saw it.

    Attributes
    ----------
    request
        Headers in the order they came; `host` is both in them and in `authority`.
    chunks
        Its body as it was framed (or as it was read, with a content-length).
    response
        What the upstream answered, once it did.
    end
        "complete", or how the connection ended before that.
    at
        When its head had come (`time.monotonic`).
    """

    request: Request
    chunks: list[bytes] = field(default_factory=list)
    response: Response | None = None
    end: str = "open"
    at: float = field(default_factory=time.monotonic)

    @property
    def is_callout(self) -> bool:
        """Whether a filter made it: Envoy marks those of callouts as internal."""
        return "x-envoy-internal" in self.request.headers


class Upstream(LoopbackServer):
    """An HTTP/1.1 server.

    Parameters
    ----------
    answer
        A response, a callable that makes one (it may raise `ConnectionError`: closed without an answer), or None for the
        echo. The simulated proxy's `Cluster` decides what any other answer means.
    early
        Asked when only the head of a request has come; a response that it gives is sent at once.
    gap
        Seconds between two pieces of an answer's body.

    Attributes
    ----------
    seen
        The requests, in order of arrival.
    errors
        What a callable raised, and how connections failed.
    """

    def __init__(
        self, answer: Response | Handler | None = None, *, early: Early | None = None, gap: float = 0.02
    ) -> None:
        self._cluster = Cluster(answer, "upstream")
        self.early = early
        self.gap = gap
        self.seen: list[Seen] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        """Answer one request after the other."""
        reader = Reader(connection, timeout=3600.0)
        while (head := reader.request_head()) is not None and self._one(connection, reader, head):
            pass

    def _one(self, connection: socket.socket, reader: Reader, head: Head) -> bool:
        """Serve one request; whether the connection can take another."""
        seen = Seen(_request(head))
        self.seen.append(seen)
        response = self.early(seen.request) if self.early else None
        if response is None:
            message = reader.request_body()
            _finish(seen, message)
            if message.end != "complete":
                return False
            response = self._respond(seen.request)
        seen.response = response
        if response.latency and reader.pause(response.latency):
            return False
        return self._send(connection, response, head)

    def _respond(self, request: Request) -> Response:
        try:
            return self._cluster.respond(request)
        except ConnectionError:
            return Response(0)
        except Exception as error:  # noqa: BLE001 - a user's handler may raise anything; the proxy gets a 500
            self.errors.append(f"{type(error).__name__}: {error}")
            return Response(500, body=f"the upstream's handler failed: {error}".encode())

    def _send(self, connection: socket.socket, response: Response, head: Head) -> bool:
        if response.status == 0:
            return False
        headers, in_chunks = framing(response)
        connection.sendall(head_bytes(_status_line(response.status), headers))
        if head.start[0] == b"HEAD" or response.status in (204, 304):
            return True
        pieces = response.chunks if response.chunks is not None else [response.body]
        for number, piece in enumerate(pieces):
            if number or response.chunks is not None:
                time.sleep(self.gap)
            connection.sendall(chunked(piece) if in_chunks else piece)
        if response.reset:
            return False
        if in_chunks:
            if response.chunks is not None:
                time.sleep(self.gap)
            connection.sendall(b"0\r\n" + head_bytes(b"", response.trailers.raw).removeprefix(b"\r\n"))
        return (response.headers.get("connection") or "") != "close"


def framing(response: Response) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Headers with what frames the body put in front if the response does not say, and whether it is chunked."""
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


def _finish(seen: Seen, message: Message) -> None:
    seen.request.body = message.body
    seen.request.trailers = Headers(message.trailers)
    seen.chunks = list(message.chunks)
    seen.end = message.end


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return to_bytes(f"HTTP/1.1 {status} {phrase}")
