"""A TCP upstream: an echo that answers "bye" to QUIT and closes. What it saw is kept line by line."""

import socket
import time

from wasmnb.envoy.network.loopback import LoopbackServer


class TcpUpstream(LoopbackServer):
    """Sends back what it gets."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
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
