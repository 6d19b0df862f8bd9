"""TCP through the real Envoy: a client's connection with the simulated proxy's methods, and an upstream on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from ..errors import UsageError
from ..host import TcpReply
from ..messages import Text, to_bytes
from .log import LogLine

__all__ = ["EnvoyConnection", "EnvoyTcpExchange", "TcpUpstream"]

#: What a TCP upstream does on data (empty: the client's end): bytes to send, a `TcpReply`, or nothing.
Answer = Callable[[bytes], "bytes | TcpReply | None"]

_READ = 1 << 16
_LINGER = bytes((1, 0, 0, 0, 0, 0, 0, 0))  # SO_LINGER of zero seconds: closing resets the connection


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

    def send(self, data: Text, *, end: bool = False) -> EnvoyConnection:
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

    def end(self) -> EnvoyConnection:
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
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        return self._close()

    def _close(self) -> EnvoyTcpExchange:
        if self._open:
            self._open = False
            self._socket.close()
            self._finished(self.exchange)
        return self.exchange


class TcpUpstream:
    """A TCP server on 127.0.0.1; one thread a connection.

    Parameters
    ----------
    answer
        Called with what was received, and with b"" at the end; None for an echo. `received` keeps the bytes of each
        connection.
    """

    def __init__(self, answer: Answer | None = None) -> None:
        self.answer: Answer = answer or (lambda data: data)
        self.received: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, name="tcp upstream", daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self._server.getsockname()[:2]
        return host, port

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="tcp connection", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        number = len(self.received)
        self.received.append(b"")
        with connection, contextlib.suppress(OSError):
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
