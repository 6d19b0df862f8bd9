"""A client's connection over HTTP/1 that takes bytes: requests one after the other, and what comes back, byte by byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ....messages import Request, Text, to_bytes, to_text
from .chunks import Body
from .http1 import Lines, decode, parse_head
from .problem import Problem

if TYPE_CHECKING:
    from ...event_loop import EventLoop
    from ...trace.exchange import Exchange
    from ...worker import Worker
    from ..stream import HttpStream

__all__ = ["HttpConnection"]

_END = re.compile(rb"\r?\n\r?\n")


class HttpConnection:
    """One connection.

    A request's bytes wait until the one before has been answered, as in Envoy.

    Attributes
    ----------
    exchanges
        One for each request that was begun.
    closed
        The proxy has closed the connection.
    """

    def __init__(self, loop: EventLoop, worker: Worker, make: Callable[[Request], HttpStream]) -> None:
        self._loop = loop
        self._worker = worker
        self._make = make
        self._buffer = bytearray()
        self._stream: HttpStream | None = None
        self._body: Body | None = None
        self.exchanges: list[Exchange] = []
        self.closed = False

    def send(self, data: Text) -> HttpConnection:
        """Send bytes; the proxy works until nothing is left to do at this moment."""
        self._buffer += to_bytes(data)
        self._loop.run_on_worker(self._worker, self._work)
        return self

    @property
    def received(self) -> bytes:
        """Every byte that came back."""
        return b"".join(x.wire for x in self.exchanges)

    def wait(self, seconds: float) -> bytes:
        """Wait for the responses to all requests, at most so many virtual seconds; every byte that came back."""
        self._loop.run_while(self._busy, seconds)
        return self.received

    def _busy(self) -> bool:
        stream = self._stream
        return not self.closed and (bool(self._buffer) or (stream is not None and not stream.state.done))

    def close(self) -> None:
        """Go away."""
        self.closed = True
        stream = self._stream
        if stream is not None and not stream.state.done:
            self._loop.run_on_worker(self._worker, stream.control.on_client_disconnect)

    def _work(self) -> None:
        """Read as far as it goes."""
        while not self.closed:
            if self._stream is None:
                if not self._begin():
                    return
            elif self._body is not None:
                if not self._read_body(self._stream, self._body):
                    return
            elif not self._stream.state.done:
                return
            else:
                self._stream = None

    def _begin(self) -> bool:
        """Read a head; False if it has not come yet."""
        while self._buffer[:1] == b"\r" or self._buffer[:1] == b"\n":
            del self._buffer[:1]
        found = _END.search(self._buffer)
        limit = self._worker.server.manager.max_request_headers_kb * 1024
        if found is None and len(self._buffer) <= limit:
            return False
        end = found.end() if found is not None else len(self._buffer)
        lines = parse_head(bytes(self._buffer[: found.start() if found is not None else end]))
        lines.size = max(end, lines.size) if found is None else end
        del self._buffer[:end]
        stream = self._stream = self._make(_request(lines))
        self.exchanges.append(stream.exchange)
        stream.on_finish = self._finished
        stream.encoder.head = lines.method == b"HEAD"
        head = decode(lines, self._worker.server.manager)
        if not isinstance(head, Problem):
            tunnel = bool(head.upgrade)
            body = Body(head.length, chunked=head.chunked, tunnel=tunnel)
            self._body = None if body.done else body
        stream.begin(head, end=self._body is None)
        return True

    def _read_body(self, stream: HttpStream, body: Body) -> bool:
        """Hand on what has come of the body; False if there is more to come."""
        data = body.take(self._buffer)
        request = stream.exchange.request
        if data:
            request.body += data
            stream.decoder.data(data, end=body.done and body.trailers is None)
        elif body.done and body.trailers is None:
            stream.decoder.data(b"", end=True)
        if body.problem is not None:
            self._body = None
            stream.refuse_rest(body.problem)
            return True
        if body.trailers is not None:
            request.trailers.raw = body.trailers
            stream.decoder.trailers(body.trailers)
        if body.done:
            self._body = None
            return True
        return stream.state.done

    def _finished(self, stream: HttpStream) -> None:
        if (
            stream.encoder.closing
            or stream.exchange.state == "reset"
            or self._body is not None
            or not stream.exchange.wire
        ):
            self.closed = True
        elif self._buffer:
            stream.state.call_soon(self._work)


def _request(lines: Lines) -> Request:
    """What the client sent, as an exchange shows it."""
    request = Request(to_text(lines.method), to_text(lines.target), authority="")
    request.headers.raw = list(lines.headers)
    return request
