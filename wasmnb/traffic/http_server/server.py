"""`proxy.listen()`: a server on 127.0.0.1 for clients that need a socket. HTTP/1.1, and HTTP/2 with prior knowledge.

A thread serves each connection, and the proxy's event loop runs one of them at a time. As in Envoy, a connection stays on
its worker.
"""

from __future__ import annotations

import socket
import socketserver
import time
from contextlib import suppress
from importlib import import_module
from os import PathLike
from threading import Lock, Thread
from typing import Any, Self

from ..._display import Shown, visible
from ...abi.text import encode_text
from ...errors import UsageError, WasmnbError
from ...host import Proxy
from ...messages import Request, Response
from ..recorded.recorder import Recording
from ..recorded.recorder import record as start_recording

__all__ = ["ProxyServer", "listen"]

#: Beginning of a connection over HTTP/2.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Connections that are open at the same time; others are closed at once.
CONNECTIONS = 1000

#: Seconds after which a connection without any bytes is closed, as Envoy does.
IDLE = 3600.0


class ProxyServer(Shown):
    """A server on 127.0.0.1 for a proxy. `listen` creates it; it is a context manager.

    Attributes
    ----------
    proxy
        The proxy that serves the connections.
    host, port, url
        The address; `url` has no slash at its end.
    connections
        Number of connections that were accepted so far.
    recording
        The recording of all exchanges, or None if there is none.
    """

    def __init__(self, proxy: Proxy, port: int, *, follow_clock: bool, recording: Recording | None = None) -> None:
        self.proxy = proxy
        self.connections = 0
        self.recording = recording
        self._clock = _Clock(proxy) if follow_clock else None
        self._lock = Lock()
        try:
            self._server = _Server(("127.0.0.1", port), _Handler)
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"Port {port} of 127.0.0.1 can't be used ({error}). Leave out the port for a free one."
            ) from None
        self._server.owner = self
        self.host, self.port = "127.0.0.1", int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name=f"wasmnb {proxy.name}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://{self.host}:{self.port}"

    def next_worker(self) -> int:
        """Return the number of the worker that serves the next connection."""
        with self._lock:
            self.connections += 1
            return (self.connections - 1) % len(self.proxy.workers) + 1

    def send(self, request: Request, worker: int, *, http2: bool) -> Response:
        """Send a request through the proxy and return the response; its status is 0 if the connection must be closed."""
        with self._lock:
            try:
                if self._clock is not None:
                    self._clock.follow()
                exchange = self.proxy.send(request, worker=worker, http2=http2)
            except WasmnbError as error:
                return Response(503, body=encode_text(f"{error}\n"))
        response = exchange.response
        return (
            Response(504, body=encode_text(f"{exchange.paused or exchange.state}\n")) if response is None else response
        )

    def close(self) -> None:
        """Stop listening and close all connections. The proxy stays open."""
        self._server.shutdown()
        self._server.close_connections()
        self._server.server_close()
        self._thread.join()
        if self.recording is not None:
            self.recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ProxyServer of {visible(self.proxy.name)} at {self.url}, {self.connections} connections>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # noqa: ARG002 -- IPython's signature
        return {"text/plain": repr(self)}


class _Clock:
    """Lets the proxy's virtual time follow the real time between requests, so that ticks and timeouts happen."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._real, self._virtual = time.monotonic(), proxy.now

    def follow(self) -> None:
        """Advance virtual time to the real time that has passed since the start."""
        behind = (time.monotonic() - self._real) - (self._proxy.now - self._virtual)
        if behind > 0:
            self._proxy.advance(behind)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: ProxyServer

    def __init__(self, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 -- signature of socketserver
        """Return whether there is room for one more connection."""
        return len(self._open) < CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Shut down every connection, which ends its thread."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        connection: socket.socket = self.request
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(IDLE)  # `handle_error` ignores its exception, and the connection is closed
        data = b""
        while _PREFACE.startswith(data) and len(data) < len(_PREFACE):
            received = connection.recv(65536)
            if not received:
                return
            data += received
        owner = self.server.owner
        if data.startswith(_PREFACE):
            from .http2_server import serve_http2 as serve
        else:
            from .http1_server import serve_http1 as serve
        serve(connection, data, owner.send, owner.next_worker())


def listen(
    proxy: Proxy, port: int = 0, *, follow_clock: bool = True, record: str | PathLike[str] | None = None
) -> ProxyServer:
    """Serve a simulated proxy on a port of 127.0.0.1.

    Parameters
    ----------
    proxy
        A simulated proxy.
    port
        The port. 0 (the default): a free port that the system chooses.
    follow_clock
        Let virtual time follow the real time between requests (default True).
    record
        A `.jsonl` or `.har` file to write every exchange to until the server is closed, with secrets masked (default none).

    Raises
    ------
    UsageError
        The port can't be used, the proxy is closed, or a package is missing.
    """
    proxy.loop.check_open()
    try:
        for name in ("h11", "h2"):  # both are checked here, so that a connection doesn't fail later
            import_module(name)
    except ImportError as error:
        raise UsageError(
            f"listen() needs the package {error.name}. Install it: pip install 'wasmnb[serving]'."
        ) from None
    recording = None if record is None else start_recording(proxy, record)
    try:
        return ProxyServer(proxy, port, follow_clock=follow_clock, recording=recording)
    except BaseException:
        if recording is not None:
            recording.close()
        raise
