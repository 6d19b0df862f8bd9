"""A server on 127.0.0.1 with a port chosen by the system. One thread accepts connections, and each connection has its own
thread.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import NamedTuple, Self

__all__ = ["Address", "LoopbackServer", "reset_when_closed"]


class Address(NamedTuple):
    """Host and port of a listener."""

    host: str
    port: int


def reset_when_closed(connection: socket.socket) -> None:
    """Make `close` send a TCP reset, by setting the time it waits for unsent bytes (SO_LINGER) to zero."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class LoopbackServer:
    """A server that runs from its creation until `close`. Subclasses implement `serve`.

    Attributes
    ----------
    errors
        Texts of errors of connections, and of errors that the subclass adds.
    ended
        Number of connections that have ended. Everything sent over them has been read.
    """

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.ended = 0
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=512)
        threading.Thread(target=self._accept, name=type(self).__name__, daemon=True).start()

    @property
    def address(self) -> Address:
        """Host and port of the server."""
        return Address(*self._server.getsockname()[:2])

    def serve(self, connection: socket.socket) -> None:
        """Serve one connection. Called in a separate thread for each connection, which is closed afterwards."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop listening and close every connection."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(connection)
            threading.Thread(target=self._run, args=(connection,), name=type(self).__name__, daemon=True).start()

    def _run(self, connection: socket.socket) -> None:
        try:
            with connection:
                self.serve(connection)
        except OSError as error:
            self.errors.append(str(error))
        finally:
            with self._lock:
                self._open.discard(connection)
                self.ended += 1
