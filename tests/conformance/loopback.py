"""A server on loopback: one thread a connection, what it saw kept line by line."""

import contextlib
import socket
import threading
from types import TracebackType


class LoopbackServer:
    """Listens until the `with` block is left; what it does with a connection says the subclass, in `serve`."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._server.getsockname()[:2]
        return host, port

    def serve(self, connection: socket.socket) -> None:
        """Talk to one client, in a thread of its own."""
        raise NotImplementedError

    def __enter__(self):
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
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
