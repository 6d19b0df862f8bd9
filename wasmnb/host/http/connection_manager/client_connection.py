"""A client's HTTP/1 connection for raw bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ....messages import Request, Text, to_bytes, to_text
from ..codec.http1 import Lines, decode, parse_head
from .chunks import DecodedBody
from .problem import Problem

if TYPE_CHECKING:
    from ...clock import Timer
    from ...event_loop import EventLoop
    from ...trace.exchange import Exchange
    from ...worker import Worker
    from ..stream import HttpStream
    from ..stream_state import StreamLimits

__all__ = ["HttpConnection"]

_END = re.compile(rb"\r?\n\r?\n")
_TOO_LATE = {
    "request_header_timeout": Problem(408, "request_header_timeout", body=b"request header timeout"),
    "request_overall_timeout": Problem(408, "request_overall_timeout", body=b"request timeout"),
    "stream_idle_timeout": Problem(408, "stream_idle_timeout", body=b"stream timeout"),
}


class HttpConnection:
    """A client's HTTP/1 connection that sends and receives raw bytes.

    If the client sends several requests without waiting for responses, each request waits until the response to the previous
    one is complete, as in Envoy.

    Attributes
    ----------
    exchanges
        One exchange for each request whose head has arrived.
    closed
        Whether the proxy has closed the connection.
    """

    def __init__(
        self, loop: EventLoop, worker: Worker, make: Callable[[Request], HttpStream], limits: StreamLimits
    ) -> None:
        self._loop = loop
        self._worker = worker
        self._make = make
        self._limits = limits
        self._buffer = bytearray()
        self._stream: HttpStream | None = None
        self._body: DecodedBody | None = None
        self._head_timer: Timer | None = None
        self.exchanges: list[Exchange] = []
        self.closed = False

    def send(self, data: Text) -> HttpConnection:
        """Send the bytes or text `data`, run the proxy until nothing is left to do at the current virtual time, and return the
        connection.
        """
        self._buffer += to_bytes(data)
        self._loop.run_on_worker(self._worker, self._work)
        return self

    @property
    def received(self) -> bytes:
        """All bytes that the client has received."""
        return b"".join(exchange.wire for exchange in self.exchanges)

    def wait(self, seconds: float) -> bytes:
        """Wait up to `seconds` virtual seconds for the responses to all requests. Return all received bytes."""
        self._loop.run_while(self._busy, seconds)
        return self.received

    def _busy(self) -> bool:
        stream = self._stream
        return not self.closed and (bool(self._buffer) or (stream is not None and not stream.state.done))

    def close(self) -> None:
        """Close the connection from the client's side."""
        self.closed = True
        stream = self._stream
        if stream is not None and not stream.state.done:
            self._loop.run_on_worker(self._worker, stream.control.on_client_disconnect)

    def _work(self) -> None:
        """Read all complete parts of requests that have arrived."""
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
        """Read the head of a request. Return False if the head isn't complete."""
        while self._buffer[:1] == b"\r" or self._buffer[:1] == b"\n":
            del self._buffer[:1]
        blank_line = _END.search(self._buffer)
        limit = self._worker.server.manager.max_request_headers_kb * 1024
        if blank_line is None and len(self._buffer) <= limit:
            self._limit_head()
            return False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        end = blank_line.end() if blank_line is not None else len(self._buffer)
        lines = parse_head(bytes(self._buffer[: blank_line.start() if blank_line is not None else end]))
        lines.size = max(end, lines.size) if blank_line is None else end
        del self._buffer[:end]
        stream = self._stream = self._make(_request(lines))
        self.exchanges.append(stream.exchange)
        stream.on_finish = self._stream_done
        manager = self._worker.server.manager
        head = decode(lines, manager)
        if not isinstance(head, Problem):
            stream.encoder.head = lines.method == b"HEAD"
            head.closes = head.closes or 0 < manager.max_requests_per_connection <= len(self.exchanges)
            tunnel = bool(head.upgrade)
            body = DecodedBody(head.length, chunked=head.chunked, tunnel=tunnel)
            self._body = None if body.done else body
        stream.begin(head, end=self._body is None)
        return True

    def _limit_head(self) -> None:
        """Start a timer for the rest of a head after its first bytes have arrived."""
        server = self._worker.server
        limits = [
            (server.manager.request_headers_timeout, "request_header_timeout"),
            (self._limits.request_timeout, "request_overall_timeout"),
            (self._limits.idle_timeout, "stream_idle_timeout"),
        ]
        first = min((limit for limit in limits if limit[0]), default=None)
        if self._buffer and self._head_timer is None and first is not None:
            problem = _TOO_LATE[first[1]]
            thread = self._worker.thread
            self._head_timer = server.clock.call_later(first[0], thread, lambda: self._refuse_head(problem))

    def _refuse_head(self, problem: Problem) -> None:
        """Respond to a request whose head hasn't arrived in time."""
        if self.closed or self._stream is not None:
            return
        self._buffer.clear()
        stream = self._stream = self._make(Request("", "", authority=""))
        self.exchanges.append(stream.exchange)
        stream.on_finish = self._stream_done
        stream.begin(problem, end=False)

    def _read_body(self, stream: HttpStream, body: DecodedBody) -> bool:
        """Pass on the part of the body that has arrived. Return False if the body isn't complete."""
        data = body.take(self._buffer)
        request = stream.exchange.request
        if data and not body.data_lost:
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

    def _stream_done(self, stream: HttpStream) -> None:
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
    """Create the request object for the exchange from the parts of its head."""
    request = Request(to_text(lines.method), to_text(lines.target), authority="")
    request.headers.raw = list(lines.headers)
    return request
