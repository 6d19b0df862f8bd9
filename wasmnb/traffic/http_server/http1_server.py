"""Serve HTTP/1.1 on a connection of `proxy.listen()`, using h11."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from http.client import responses
from typing import Any

import h11

from ...messages import Headers, Request, Response, to_text
from ...parsing.header_block import HOP_BY_HOP

__all__ = ["serve_http1"]

#: Maximum size of a request's headers in bytes, as in Envoy.
_HEAD = 60 * 1024

#: Maximum size of a body in bytes. Over HTTP/2, the limit is for the bodies of all streams of a connection together.
BODY = 256 << 20


def serve_http1(connection: socket.socket, data: bytes, send: Callable[..., Response], worker: int) -> None:
    """Serve the requests of a connection until it is closed.

    Parameters
    ----------
    connection
        Socket of the connection.
    data
        Bytes that have already been read from the socket.
    send
        Function that sends a request through the proxy and returns the response.
    worker
        Number of the worker that serves the connection.
    """
    protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD)
    protocol.receive_data(data)
    with suppress(ConnectionError):
        try:
            while (request := _receive(connection, protocol)) is not None:
                if not _respond(connection, protocol, send(request, worker, http2=False)):
                    return
                if protocol.our_state is h11.MUST_CLOSE:
                    return
                protocol.start_next_cycle()
        except h11.RemoteProtocolError as error:
            _refuse(connection, protocol, error)
        except h11.LocalProtocolError:
            return  # HTTP/1.1 can't represent the response, so the connection is closed


def _receive(connection: socket.socket, protocol: h11.Connection) -> Request | None:
    """Read the next request from a connection. Returns None if the client has closed the connection."""
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            if protocol.they_are_waiting_for_100_continue:
                connection.sendall(protocol.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            protocol.receive_data(connection.recv(65536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > BODY:
                raise h11.RemoteProtocolError("the body is too large", error_status_hint=413)
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            return _request(head, bytes(body), event.headers)
        else:
            return None


def _request(head: h11.Request, body: bytes, trailers: Any) -> Request:
    pairs = [(bytes(name), bytes(value)) for name, value in head.headers]
    authority = next((to_text(value) for name, value in pairs if name == b"host"), "")
    headers, last = Headers(), Headers()
    headers.raw = [pair for pair in pairs if pair[0] != b"host" and pair[0] not in HOP_BY_HOP]
    last.raw = [(bytes(name), bytes(value)) for name, value in trailers]
    target = to_text(bytes(head.target))
    if "://" in target:
        rest = target.partition("://")[2]
        authority, slash, path = rest.partition("/")
        target = slash + path or "/"
    return Request(to_text(bytes(head.method)), target, headers, body, last, authority)


def _respond(connection: socket.socket, protocol: h11.Connection, response: Response) -> bool:
    """Send a response. Returns whether the connection stays open."""
    if not response.status:
        return False
    headers = [pair for pair in response.headers.raw if pair[0] not in HOP_BY_HOP]
    names = {name for name, _ in headers}
    if b"content-length" not in names and not response.trailers.raw and response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % len(response.body)))
    data = (
        protocol.send(
            h11.Response(status_code=response.status, headers=headers, reason=responses.get(response.status, ""))
        )
        or b""
    )
    if response.body and protocol.our_state is h11.SEND_BODY:
        data += protocol.send(h11.Data(data=response.body)) or b""
    if response.reset:
        connection.sendall(data)
        return False
    data += (
        protocol.send(h11.EndOfMessage(headers=response.trailers.raw if b"content-length" not in names else [])) or b""
    )
    connection.sendall(data)
    return True


def _refuse(connection: socket.socket, protocol: h11.Connection, error: h11.RemoteProtocolError) -> None:
    if protocol.our_state is not h11.IDLE and protocol.our_state is not h11.SEND_RESPONSE:
        return
    status = error.error_status_hint or 400
    head = h11.Response(status_code=status, headers=[(b"content-length", b"0"), (b"connection", b"close")])
    connection.sendall((protocol.send(head) or b"") + (protocol.send(h11.EndOfMessage()) or b""))
