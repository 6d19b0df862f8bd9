"""A client that sends raw bytes and records all received bytes."""

import contextlib
import socket
import time
from collections.abc import Sequence

from wasmnb.envoy import Upstream
from wasmnb.envoy.sockets.http1 import MessageHead
from wasmnb.messages import Response

from wasmnb.host.clusters.raw_response import RawResponse

#: Seconds without data after which a started response counts as complete.
SILENCE = 0.3


def converse(sock: socket.socket, moves: bytes | Sequence[bytes | float], wait: float) -> tuple[bytes, str]:
    """Send bytes, and read until the connection ends or is silent. Return the received bytes, and "closed" or "open"."""
    received = bytearray()
    for move in [moves] if isinstance(moves, bytes) else moves:
        if isinstance(move, bytes):
            with contextlib.suppress(OSError):
                sock.sendall(move)
        elif not _read(sock, received, move, move):
            return bytes(received), "closed"
    end = "open" if _read(sock, received, wait, SILENCE) else "closed"
    return bytes(received), end


def _read(sock: socket.socket, received: bytearray, first: float, silence: float) -> bool:
    """Read bytes into `received`. Return False if the connection has ended."""
    began = time.monotonic()
    while True:
        left = silence if received else max(first - (time.monotonic() - began), 0.001)
        sock.settimeout(left)
        try:
            data = sock.recv(1 << 16)
        except TimeoutError:
            return True
        except OSError:
            return False
        if not data:
            return False
        received += data


class RawUpstream(Upstream):
    """An upstream that sends the bytes of `backends.RAW` unchanged, and closes the connection."""

    def send(self, connection: socket.socket, response: Response, head: MessageHead) -> bool:
        if not isinstance(response, RawResponse):
            return super().send(connection, response, head)
        connection.sendall(response.data)
        return False
