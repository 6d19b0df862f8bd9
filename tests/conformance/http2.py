"""HTTP/2 without TLS on plain sockets: a gRPC server, and a small client.

========  =====================================  ========  ======================================================
method    response                               method    response
========  =====================================  ========  ======================================================
Unary     "re:" and the message                  Stream    echoes each message; ends after "bye" or the client's end
Fail      trailers only, status 5                Http500   an HTTP error without gRPC
FailLate  headers, then status 9                 Reset     headers, then RST_STREAM
Hang      none                                   Early     headers at once, then as Stream
========  =====================================  ========  ======================================================
"""

import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from wasmnb.envoy.sockets.loopback import LoopbackServer
from wasmnb.messages import Headers, Request, Response, to_bytes

from .scenario import Http2

_HEADERS = [(":status", "200"), ("content-type", "application/grpc"), ("x-init", "iv")]
_TRAILERS = [("grpc-status", "0"), ("x-trail", "tv")]


def frame(message: bytes) -> bytes:
    """Return a gRPC message: uncompressed flag, length, bytes."""
    return b"\0" + len(message).to_bytes(4, "big") + message


def messages(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the complete messages at the beginning of data, and the rest."""
    complete = []
    while len(data) >= 5 and len(data) >= 5 + (size := int.from_bytes(data[1:5], "big")):
        complete.append(data[5 : 5 + size])
        data = data[5 + size :]
    return complete, data


@dataclass
class _Call:
    method: str
    data: bytes = b""
    seen: list[str] = field(default_factory=list)
    open: bool = True


class GrpcUpstream(LoopbackServer):
    """The server. `seen` contains the headers and messages of each call."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__()

    def serve(self, sock: socket.socket) -> None:
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        calls: dict[int, _Call] = {}
        with sock, contextlib.suppress(OSError, ProtocolError):
            sock.sendall(connection.data_to_send())
            while data := sock.recv(1 << 16):
                for event in connection.receive_data(data):
                    self._on(connection, calls, event)
                sock.sendall(connection.data_to_send())

    def _on(self, c: H2Connection, calls: dict[int, _Call], event: Event) -> None:
        if isinstance(event, RequestReceived):
            self._begin(c, calls, event)
        elif isinstance(event, DataReceived):
            c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            call = calls[event.stream_id]
            complete, call.data = messages(call.data + event.data)
            for message in complete:
                self.seen.append(f"  message {message!r}")
                if call.method == "Stream" and call.open:
                    self._echo(c, event.stream_id, call, message)
            if not complete and event.stream_ended is None:
                return
        elif isinstance(event, StreamEnded):
            self._respond(c, event.stream_id, calls[event.stream_id])
        elif isinstance(event, StreamReset):
            self.seen.append("  reset")

    def _begin(self, c: H2Connection, calls: dict[int, _Call], event: RequestReceived) -> None:
        headers = [(_text(n), _text(v)) for n, v in event.headers]
        path = dict(headers)[":path"]
        self.seen.append(f"POST {path}")
        self.seen += [f"  {n}: {v}" for n, v in headers if not n.startswith(":")]
        call = calls[event.stream_id] = _Call(path.rpartition("/")[2])
        if call.method == "Early":
            call.method, call.seen = "Stream", ["headers"]
            c.send_headers(event.stream_id, _HEADERS)

    def _echo(self, c: H2Connection, stream: int, call: _Call, message: bytes) -> None:
        if "headers" not in call.seen:
            call.seen.append("headers")
            c.send_headers(stream, _HEADERS)
        c.send_data(stream, frame(b"echo:" + message))
        if message == b"bye":
            call.open = False
            c.send_headers(stream, _TRAILERS, end_stream=True)

    def _respond(self, c: H2Connection, stream: int, call: _Call) -> None:
        """Respond when the client has closed its side."""
        match call.method:
            case "Unary":
                c.send_headers(stream, _HEADERS)
                c.send_data(stream, frame(b"re:hello"))
                c.send_headers(stream, _TRAILERS, end_stream=True)
            case "Fail":
                c.send_headers(stream, [*_HEADERS, ("grpc-status", "5"), ("grpc-message", "not here")], end_stream=True)
            case "FailLate":
                c.send_headers(stream, _HEADERS)
                c.send_headers(stream, [("grpc-status", "9"), ("grpc-message", "late")], end_stream=True)
            case "Http500":
                c.send_headers(stream, [(":status", "500"), ("content-type", "text/plain")])
                c.send_data(stream, b"oops", end_stream=True)
            case "Reset":
                c.send_headers(stream, _HEADERS)
                c.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
            case "Stream" if call.open:
                if "headers" not in call.seen:
                    c.send_headers(stream, _HEADERS)
                call.open = False
                c.send_headers(stream, _TRAILERS, end_stream=True)


def http2_request(address: tuple[str, int], request: Request, timeout: float) -> tuple[Response | None, str]:
    """Send one request over HTTP/2. Return the response, and how it ended."""
    return _exchange(address, lambda connection: _send(connection, request), timeout)


def http2_exchange(address: tuple[str, int], step: Http2) -> tuple[Response | None, str]:
    """Send a header block unchanged, and read the response."""

    def send(c: H2Connection) -> None:
        ended = step.body is None and not step.trailers
        c.send_headers(1, list(step.headers), end_stream=ended)
        if step.body is not None:
            c.send_data(1, step.body, end_stream=not step.trailers)
        if step.trailers:
            c.send_headers(1, list(step.trailers), end_stream=True)

    return _exchange(address, send, step.wait)


def _exchange(
    address: tuple[str, int], send: Callable[[H2Connection], None], timeout: float
) -> tuple[Response | None, str]:
    connection = H2Connection(
        H2Configuration(
            client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
    )  # fmt: skip
    response: Response | None = None
    with socket.create_connection(address, timeout=timeout) as sock:
        connection.initiate_connection()
        send(connection)
        sock.sendall(connection.data_to_send())
        while True:
            try:
                data = sock.recv(1 << 16)
            except TimeoutError:
                return response, "timeout"
            except OSError:
                return response, "closed"
            if not data:
                return response, "closed"
            try:
                events = connection.receive_data(data)
            except ProtocolError:  # headers after the end of the connection
                return response, "closed"
            for event in events:
                if isinstance(event, ResponseReceived):
                    pairs = [(to_bytes(n), to_bytes(v)) for n, v in event.headers]
                    response = Response(int(dict(pairs)[b":status"]))
                    response.headers.raw = [p for p in pairs if p[0][:1] != b":"]
                elif isinstance(event, DataReceived) and response:
                    connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    response.body += event.data
                elif isinstance(event, TrailersReceived) and response:
                    response.trailers = Headers((_text(n), _text(v)) for n, v in event.headers)
                elif isinstance(event, StreamReset):
                    return response, "closed"
                elif isinstance(event, ConnectionTerminated):
                    return response, "closed"
                elif isinstance(event, StreamEnded):
                    return response, "complete"
            sock.sendall(connection.data_to_send())


def _send(c: H2Connection, request: Request) -> None:
    start = [
        (":method", request.method),
        (":path", request.path),
        (":scheme", "http"),
        (":authority", request.authority),
    ]
    ended = not request.body and not len(request.trailers)
    c.send_headers(1, [*start, *request.headers.items()], end_stream=ended)
    for number, chunk in enumerate(chunks := request.chunks or ([request.body] if request.body else [])):
        c.send_data(1, chunk, end_stream=number == len(chunks) - 1 and not len(request.trailers))
    if len(request.trailers):
        c.send_headers(1, request.trailers.items(), end_stream=True)


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
