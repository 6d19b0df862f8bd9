"""A TCP upstream: an echo that answers "bye" to QUIT and closes. What it saw is kept line by line."""

import contextlib
import socket
import threading
import time
from types import TracebackType


class TcpUpstream:
    """Listens on loopback; one thread a connection."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._server.getsockname()[:2]
        return host, port

    def __enter__(self) -> "TcpUpstream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self.seen.append("accepted")
        with connection:
            while True:
                try:
                    data = connection.recv(1 << 16)
                except OSError:
                    self.seen.append("reset")
                    return
                self.seen.append(f"received {data!r}" if data else "end")
                if not data:
                    time.sleep(0.03)  # the last answer and the end arrive one by one
                    return
                connection.sendall(b"bye" if data == b"QUIT" else data)
                if data == b"QUIT":
                    return
