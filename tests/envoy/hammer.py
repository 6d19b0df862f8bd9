"""A load generator that pipelines requests on a few connections and counts the responses."""

import socket
import threading
from dataclasses import dataclass

REQUEST = b"GET /load HTTP/1.1\r\nhost: h.test\r\nx-user: ann\r\n\r\n"
DEPTH = 40


@dataclass
class Tally:
    """Number of responses by kind."""

    good: int = 0
    bad: int = 0


def hammer(address: tuple[str, int], requests: int, *, connections: int = 4, marker: bytes = b"x-resp: yes") -> Tally:
    """Send requests and count the responses. Good responses have status 200 and the header that the filter adds."""
    tallies = [Tally() for _ in range(connections)]
    share = requests // connections
    threads = [threading.Thread(target=_one, args=(address, share, marker, t)) for t in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Tally(sum(t.good for t in tallies), sum(t.bad for t in tallies))


def _one(address: tuple[str, int], requests: int, marker: bytes, tally: Tally) -> None:
    with socket.create_connection(address, timeout=30) as sock:
        for start in range(0, requests, DEPTH):
            count = min(DEPTH, requests - start)
            sock.sendall(REQUEST * count)
            got = b""
            while got.count(b"HTTP/1.1 ") < count or not got.endswith(b"ok"):
                piece = sock.recv(1 << 16)
                if not piece:
                    break
                got += piece
            good = min(got.count(b"HTTP/1.1 200"), got.count(marker))
            tally.good += good
            tally.bad += count - good
