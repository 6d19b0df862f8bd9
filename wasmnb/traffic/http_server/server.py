"""`proxy.listen()`: a server on 127.0.0.1 for clients that use sockets. It supports HTTP/1.1 and HTTP/2 with prior knowledge.

Each connection is served by its own thread, and the proxy handles one request at a time. As in Envoy, all requests of a
connection are served by the same worker.
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

#: First bytes of an HTTP/2 connection.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

#: Maximum number of open connections. Further connections are closed immediately.
CONNECTIONS = 1000

#: Seconds after which an idle connection is closed, as in Envoy.
IDLE = 3600.0


class ProxyServer(Shown):
    """A server on 127.0.0.1 that sends requests through a proxy. It is created by `listen` and is a context manager.

    Attributes
    ----------
    proxy
        The proxy that serves the connections.
    host, port, url
        The address of the server. `url` doesn't end with a slash.
    connections
        Number of connections that have been accepted so far.
    recording
        The recording that exchanges are written to, or None.
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
            raise UsageError(f"Can't listen on 127.0.0.1:{port}: {error}. Omit port= to use a free port.") from None
        self._server.owner = self
        self.host, self.port = "127.0.0.1", int(self._server.server_address[1])
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name=f"wasmnb {proxy.name}", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """URL of the server, for example `http://127.0.0.1:8080`."""
        return f"http://{self.host}:{self.port}"

    def next_worker(self) -> int:
        """Count a new connection, and return the number of the worker that serves it."""
        with self._lock:
            self.connections += 1
            return (self.connections - 1) % len(self.proxy.workers) + 1

    def send(self, request: Request, worker: int, *, http2: bool) -> Response:
        """Send a request through the proxy and return the response. A status of 0 means that the connection must be closed."""
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
        """Stop the server, close all connections and end the recording. The proxy stays open."""
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
    """A clock that advances the proxy's virtual time to the real time before each request, so that ticks and timeouts occur."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._real, self._virtual = time.monotonic(), proxy.now

    def follow(self) -> None:
        """If the virtual clock is behind the real clock, advance it by the difference."""
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
        """Return whether another connection can be accepted, that is, whether fewer than `CONNECTIONS` are open."""
        return len(self._open) < CONNECTIONS

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Shut down all connections, which ends their threads."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors of connections, which occur when clients disconnect."""


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
        Port to listen on. 0 selects a free port (default 0).
    follow_clock
        Whether to advance the virtual time to the real time before each request (default True).
    record
        Path of a `.jsonl` or `.har` file. All exchanges are written to it until the server is closed, with secrets masked
        (default None).

    Raises
    ------
    UsageError
        The port can't be used, the proxy is closed, or a package is missing.
    """
    proxy.loop.check_open()
    try:
        for name in ("h11", "h2"):  # check for both packages now, so that connections don't fail later
            import_module(name)
    except ImportError as error:
        raise UsageError(f"listen() requires the package {error.name}. Run `pip install 'wasmnb[serving]'`.") from None
    recording = None if record is None else start_recording(proxy, record)
    try:
        return ProxyServer(proxy, port, follow_clock=follow_clock, recording=recording)
    except BaseException:
        if recording is not None:
            recording.close()
        raise
