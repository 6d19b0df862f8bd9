"""A TCP upstream: an echo that responds "bye" to QUIT and closes. It records what it receives."""

import socket
import time

from wasmnb.envoy.sockets.loopback import LoopbackServer


class TcpUpstream(LoopbackServer):
    """A server that sends back the bytes that it receives. `seen` contains its events."""

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
                    time.sleep(0.03)  # the last bytes and the end arrive separately
                    return
                if data == b"QUIT":
                    connection.sendall(b"bye", socket.MSG_MORE)  # the end is in the same segment
                    return
                connection.sendall(data)
