"""Serve HTTP/2 on a connection of `proxy.listen()`, using h2."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.errors import ErrorCodes

from ...messages import Headers, Request, Response, to_text
from ...parsing.header_block import HOP_BY_HOP
from .http1_server import BODY

__all__ = ["serve_http2"]

#: Headers that don't exist in HTTP/2.
_NOT_IN_HTTP2 = HOP_BY_HOP | {b"host"}


@dataclass
class _Incoming:
    """A request that hasn't been received completely.

    Attributes
    ----------
    headers, body, trailers
        The parts that have been received so far.
    """

    headers: list[tuple[bytes, bytes]]
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)


@dataclass
class _Outgoing:
    """The part of a response that hasn't been sent, because the flow control window is full."""

    body: bytes
    trailers: list[tuple[bytes, bytes]]
    reset: bool


def serve_http2(connection: socket.socket, data: bytes, send: Callable[..., Response], worker: int) -> None:
    """Serve the streams of a connection until it is closed. The parameters are those of `serve_http1`."""
    server = _Http2Server(send, worker)
    with suppress(ConnectionError, h2.exceptions.ProtocolError):
        while data:
            try:
                server.receive(data)
            finally:
                connection.sendall(server.protocol.data_to_send())
            if server.closed:
                return
            data = connection.recv(65536)


class _Http2Server:
    """State of an HTTP/2 connection and its streams."""

    def __init__(self, send: Callable[..., Response], worker: int) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self.protocol = h2.connection.H2Connection(config)
        self.protocol.initiate_connection()
        self.closed = False
        self._send = send
        self._worker = worker
        self._incoming: dict[int, _Incoming] = {}
        self._outgoing: dict[int, _Outgoing] = {}

    def receive(self, data: bytes) -> None:
        """Handle bytes received from the client."""
        for event in self.protocol.receive_data(data):
            self._on_event(event)

    def _on_event(self, event: Any) -> None:
        match event:
            case h2.events.RequestReceived():
                self._incoming[event.stream_id] = _Incoming(list(event.headers))
            case h2.events.DataReceived():
                self._receive(event.stream_id, event.data, event.flow_controlled_length)
            case h2.events.TrailersReceived():
                self._incoming[event.stream_id].trailers = list(event.headers)
            case h2.events.StreamEnded():
                incoming = self._incoming.pop(event.stream_id)
                self._respond(event.stream_id, self._send(_request(incoming), self._worker, http2=True))
            case h2.events.StreamReset():
                self._incoming.pop(event.stream_id, None)
                self._outgoing.pop(event.stream_id, None)
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                for stream in list(self._outgoing):
                    self._flush(stream)
            case h2.events.ConnectionTerminated():
                self.closed = True

    def _receive(self, stream: int, data: bytes, flow_controlled: int) -> None:
        """Append bytes to the body of a request. If all bodies of the connection together are too large, reset the stream."""
        incoming = self._incoming.get(stream)
        if incoming is None:  # the client sent these bytes before it learned of the reset
            self.protocol.acknowledge_received_data(flow_controlled, stream)
            return
        incoming.body += data
        self.protocol.acknowledge_received_data(flow_controlled, stream)
        if sum(len(waiting.body) for waiting in self._incoming.values()) > BODY:
            del self._incoming[stream]
            self.protocol.reset_stream(stream, ErrorCodes.ENHANCE_YOUR_CALM)

    def _respond(self, stream: int, response: Response) -> None:
        if not response.status:
            self.protocol.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
            return
        if sum(len(waiting.body) for waiting in self._outgoing.values()) > BODY:  # the client doesn't read
            self.protocol.reset_stream(stream, ErrorCodes.ENHANCE_YOUR_CALM)
            return
        headers = [pair for pair in response.headers.raw if pair[0] not in _NOT_IN_HTTP2]
        rest = _Outgoing(response.body, response.trailers.raw, response.reset)
        empty = not (rest.body or rest.trailers or rest.reset)
        self.protocol.send_headers(stream, [(b":status", b"%d" % response.status), *headers], end_stream=empty)
        if not empty:
            self._outgoing[stream] = rest
            self._flush(stream)

    def _flush(self, stream: int) -> None:
        """Send as much of a response as the flow control windows allow."""
        rest = self._outgoing[stream]
        while rest.body:
            size = min(self.protocol.local_flow_control_window(stream), self.protocol.max_outbound_frame_size)
            if size <= 0:
                return
            chunk, rest.body = rest.body[:size], rest.body[size:]
            last = not (rest.body or rest.trailers or rest.reset)
            self.protocol.send_data(stream, chunk, end_stream=last)
        if rest.reset:
            self.protocol.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        elif rest.trailers:
            self.protocol.send_headers(stream, rest.trailers, end_stream=True)
        del self._outgoing[stream]


def _request(incoming: _Incoming) -> Request:
    pseudo = {to_text(name): to_text(value) for name, value in incoming.headers if name.startswith(b":")}
    host = next((to_text(value) for name, value in incoming.headers if name == b"host"), "")
    headers, trailers = Headers(), Headers()
    headers.raw = [pair for pair in incoming.headers if not pair[0].startswith(b":") and pair[0] != b"host"]
    trailers.raw = incoming.trailers
    return Request(
        pseudo.get(":method", "GET"), pseudo.get(":path", "/"), headers, bytes(incoming.body), trailers,
        pseudo.get(":authority", host), pseudo.get(":scheme", "http"),
    )  # fmt: skip
