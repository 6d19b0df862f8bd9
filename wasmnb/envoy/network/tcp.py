"""TCP through the real Envoy: the client's connection, and an upstream server on loopback."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from ...host import TcpReply
from ...host.client.streams import to_send
from ...messages import Text, to_bytes
from ..log import LogLine, worker_of
from .loopback import LoopbackServer, reset_when_closed

__all__ = ["EnvoyConnection", "EnvoyTcpExchange", "TcpUpstream"]

#: Responds to data (empty: the client's end) with bytes to send, a `TcpReply`, or None.
TcpResponder = Callable[[bytes], "bytes | TcpReply | None"]

_READ = 1 << 16

#: Flag of bytes that are sent together with what follows; other systems than Linux don't have it.
_MORE = getattr(socket, "MSG_MORE", 0)

#: Seconds without bytes after which nothing more is expected at the end of a connection.
_QUIET = 0.1


@dataclass
class EnvoyTcpExchange:
    """One TCP connection through Envoy.

    Attributes
    ----------
    number
        Counts the proxy's requests and connections, from 1.
    sent, received
        Bytes that the client sent and received.
    upstream_received
        Bytes that the upstream received.
    ended
        The client has received the end.
    closed_by_proxy
        Whether it received the end before it closed the connection itself.
    log
        Lines that filters and the Wasm host wrote meanwhile.
    crash
        Envoy's log of the crash that the connection caused; empty if it caused none.
    """

    number: int
    sent: bytes = b""
    received: bytes = b""
    upstream_received: bytes = b""
    ended: bool = False
    closed_by_proxy: bool = False
    log: list[LogLine] = field(default_factory=list)
    crash: str = ""

    @property
    def body_bytes(self) -> int:
        """Bytes in memory."""
        return len(self.sent) + len(self.received) + len(self.upstream_received)

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
    address
        Host and port of the listener.
    exchange
        The exchange that records the bytes.
    finish
        Called with the exchange after the client has closed the connection.
    """

    def __init__(
        self, address: tuple[str, int], exchange: EnvoyTcpExchange, finish: Callable[[EnvoyTcpExchange], None]
    ) -> None:
        self.exchange = exchange
        self._finish = finish
        self._socket = socket.create_connection(address, timeout=5.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open = True
        self._ended = False
        self._awaits = False  # bytes have been sent, and more may arrive

    @property
    def open(self) -> bool:
        """Whether the connection is open."""
        return self._open

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes.

        Parameters
        ----------
        data
            The bytes; text is encoded as UTF-8.
        end
            Close the client's side after them (False).

        Raises
        ------
        UsageError
            The client's side is closed already.
        """
        self._send(data, last=end)
        if end:
            self._ended = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        return self

    def _send(self, data: Text, *, last: bool) -> None:
        """Send bytes; the end of the stream is in the same segment as the last ones."""
        raw = to_send(data, ended=self._ended)
        self.exchange.sent += raw
        self._awaits = True
        with contextlib.suppress(ConnectionError):  # `read` shows that the peer has closed
            self._socket.sendall(raw, _MORE if last else 0)

    def end(self) -> Self:
        """Close the client's side (half-close)."""
        return self.send(b"", end=True)

    def read(self, wait: float | None = 1.0) -> bytes | None:
        """Return the next bytes: `b""` at the end, None if none arrive.

        Parameters
        ----------
        wait
            Seconds to wait for bytes (1).
        """
        self._socket.settimeout(max(wait or 0.0, 0.001))
        try:
            data = self._socket.recv(_READ)
        except TimeoutError:
            self._awaits = False
            return None
        except OSError:
            data = b""
        self._awaits = bool(data)
        self.exchange.received += data
        self.exchange.ended = self.exchange.ended or not data
        return data

    @property
    def received(self) -> bytes:
        """All bytes that `read` has returned."""
        return self.exchange.received

    def close(self, data: Text = b"") -> EnvoyTcpExchange:
        """Close both sides, after the bytes that are on their way to the client: until a tenth of a second without any.

        Parameters
        ----------
        data
            Bytes to send just before, without waiting for what they lead to (default none).
        """
        if data:
            self._send(data, last=True)
        elif self._open:
            while self._awaits and self.read(_QUIET):
                pass
        return self._close()

    def reset(self) -> EnvoyTcpExchange:
        """Abort the connection with a TCP reset."""
        if self._open:
            reset_when_closed(self._socket)
        return self._close()

    def _close(self) -> EnvoyTcpExchange:
        if self._open:
            self._open, self._ended = False, True
            self.exchange.closed_by_proxy = self.exchange.ended
            self._socket.close()
            self._finish(self.exchange)
        return self.exchange


class TcpUpstream(LoopbackServer):
    """A TCP server.

    Parameters
    ----------
    responder
        Called with the received bytes, and with `b""` at the end; None for an echo.

    Attributes
    ----------
    received
        The bytes of each connection.
    """

    def __init__(self, responder: TcpResponder | None = None) -> None:
        self.responder: TcpResponder = responder or (lambda data: data)
        self.received: list[bytes] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        """Respond to the bytes of one connection until its end."""
        number = len(self.received)
        self.received.append(b"")
        while True:
            data = connection.recv(_READ)
            self.received[number] += data
            if self._reply(connection, data) or not data:
                return

    def _reply(self, connection: socket.socket, data: bytes) -> bool:
        """Respond; return whether the connection must be closed."""
        response: Any = self.responder(data)
        reply = response if isinstance(response, TcpReply) else TcpReply(to_bytes(response or b""))
        if reply.latency:
            time.sleep(reply.latency)
        if reply.data:
            connection.sendall(reply.data)
        return reply.close
