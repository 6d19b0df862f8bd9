"""TCP through the real Envoy: a client's connection with the simulated proxy's methods, and an upstream on loopback."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from ...errors import UsageError
from ...host import TcpReply
from ...messages import Text, to_bytes
from ..log import LogLine, worker_of
from .loopback import LoopbackServer, reset_when_closed

__all__ = ["EnvoyConnection", "EnvoyTcpExchange", "TcpUpstream"]

#: What a TCP upstream does on data (empty: the client's end): bytes to send, a `TcpReply`, or nothing.
Answer = Callable[[bytes], "bytes | TcpReply | None"]

_READ = 1 << 16


@dataclass
class EnvoyTcpExchange:
    """One TCP connection through Envoy.

    Attributes
    ----------
    sent, received
        Bytes that the client sent and received.
    upstream_received
        Bytes that the upstream received.
    ended
        The client has seen the end.
    """

    number: int
    sent: bytes = b""
    received: bytes = b""
    upstream_received: bytes = b""
    ended: bool = False
    log: list[LogLine] = field(default_factory=list)

    @property
    def worker(self) -> int | None:
        """Number of the worker that served it, from 1; None if it has no log lines, which alone show it."""
        return worker_of(self.log)

    def __repr__(self) -> str:
        return f"<EnvoyTcpExchange {self.number}: {len(self.sent)} bytes sent, {len(self.received)} received>"


class EnvoyConnection:
    """A client's TCP connection.

    Parameters
    ----------
    finished
        Called with the exchange when the client has gone.
    """

    def __init__(
        self, address: tuple[str, int], exchange: EnvoyTcpExchange, finished: Callable[[EnvoyTcpExchange], None]
    ) -> None:
        self.exchange = exchange
        self._finished = finished
        self._socket = socket.create_connection(address, timeout=5.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open = True
        self._ended = False

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes; with `end` close the own side after them."""
        if self._ended:
            raise UsageError("The connection's own side is closed; nothing can be sent any more.")
        raw = to_bytes(data)
        self.exchange.sent += raw
        with contextlib.suppress(ConnectionError):  # that the peer has gone shows when reading
            self._socket.sendall(raw)
            if end:
                self._ended = True
                self._socket.shutdown(socket.SHUT_WR)
        return self

    def end(self) -> Self:
        """Close the own side (half-close)."""
        return self.send(b"", end=True)

    def read(self, wait: float | None = 1.0) -> bytes | None:
        """What arrives next, within so many seconds; b"" at the end, None if nothing came."""
        self._socket.settimeout(max(wait or 0.0, 0.001))
        try:
            data = self._socket.recv(_READ)
        except TimeoutError:
            return None
        except OSError:
            data = b""
        self.exchange.received += data
        self.exchange.ended = self.exchange.ended or not data
        return data

    @property
    def received(self) -> bytes:
        """All that was read."""
        return self.exchange.received

    def close(self) -> EnvoyTcpExchange:
        """Close both sides."""
        return self._close()

    def reset(self) -> EnvoyTcpExchange:
        """Go away without a word."""
        if self._open:
            reset_when_closed(self._socket)
        return self._close()

    def _close(self) -> EnvoyTcpExchange:
        if self._open:
            self._open = False
            self._socket.close()
            self._finished(self.exchange)
        return self.exchange


class TcpUpstream(LoopbackServer):
    """A TCP server.

    Parameters
    ----------
    answer
        Called with what was received, and with b"" at the end; None for an echo. `received` keeps the bytes of each
        connection.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or (lambda data: data)
        self.received: list[bytes] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        """Answer what comes, to its end."""
        number = len(self.received)
        self.received.append(b"")
        while True:
            data = connection.recv(_READ)
            self.received[number] += data
            if self._reply(connection, data) or not data:
                return

    def _reply(self, connection: socket.socket, data: bytes) -> bool:
        """Answer; whether the connection is to be closed."""
        given: Any = self.answer(data)
        reply = given if isinstance(given, TcpReply) else TcpReply(to_bytes(given or b""))
        if reply.latency:
            time.sleep(reply.latency)
        if reply.data:
            connection.sendall(reply.data)
        return reply.close
