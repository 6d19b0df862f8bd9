"""TCP connections through the real Envoy: the client's side, and an upstream server on loopback."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any, Self

from ...host import TcpReply
from ...host.simulated_clients.streams import to_send
from ...messages import Text, to_bytes
from .loopback import LoopbackServer, reset_when_closed
from .tcp_exchange import EnvoyTcpExchange

__all__ = ["EnvoyConnection", "TcpUpstream"]

#: Called with received data (empty if the client has closed its side). Returns bytes to send, a `TcpReply`, or None.
TcpResponder = Callable[[bytes], "bytes | TcpReply | None"]

_READ = 1 << 16

#: Flag for bytes that are sent in one segment with the bytes that follow. It exists only on Linux.
_MORE = getattr(socket, "MSG_MORE", 0)

#: Seconds without received bytes after which `close` stops reading.
_QUIET = 0.1


class EnvoyConnection:
    """A client's TCP connection to Envoy.

    Parameters
    ----------
    address
        Host and port of the listener.
    exchange
        Exchange that records the bytes.
    finish
        Called with the exchange when the connection is closed.
    """

    def __init__(
        self, address: tuple[str, int], exchange: EnvoyTcpExchange, finish: Callable[[EnvoyTcpExchange], None]
    ) -> None:
        self.exchange = exchange
        self._finish = finish
        self._socket = socket.create_connection(address, timeout=5.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open = True
        self._ended = self._at_end = False
        self._awaits = False  # whether bytes have been sent whose response may still arrive
        self._unread = b""
        exchange.poll = self._read_arrived

    @property
    def open(self) -> bool:
        """Whether the client can still use the connection."""
        return self._open

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes, and return the connection.

        Parameters
        ----------
        data
            Bytes to send. Text is encoded as UTF-8.
        end
            Whether to close the client's side afterwards (default False).

        Raises
        ------
        UsageError
            The client's side is already closed.
        """
        self._send(data, last=end)
        if end:
            self._ended = self.exchange.half_closed = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
        return self

    def _send(self, data: Text, *, last: bool) -> None:
        """Send bytes. If `last` is True, the end of the stream is sent in the same segment."""
        raw = to_send(data, ended=self._ended)
        self.exchange.add_sent(raw)
        self._awaits = True
        with contextlib.suppress(ConnectionError):  # `read` reports that the peer has closed the connection
            self._socket.sendall(raw, _MORE if last else 0)

    def end(self) -> Self:
        """Close the client's side of the connection (half-close), and return the connection."""
        return self.send(b"", end=True)

    def read(self, wait: float | None = 1.0) -> bytes | None:
        """Return the next bytes, `b""` if the connection has ended or the client has closed it, or None if no bytes arrive in
        time.

        Parameters
        ----------
        wait
            Maximum seconds to wait for bytes (default 1). If None, return the bytes that have arrived, or that arrive within
            0.1 seconds in response to bytes sent.
        """
        if not wait:
            self._read_arrived()
        elif not self._unread:
            self._receive(wait)
        data, self._unread = self._unread, b""
        return data or (b"" if self._at_end or not self._open else None)

    @property
    def received(self) -> bytes:
        """All bytes that the client has received. Bytes that arrive within 0.1 seconds in response to bytes sent are included."""
        return self.exchange.received

    def _receive(self, wait: float) -> bool:
        """Receive the next bytes, and return whether any have arrived."""
        if not self._open or self._at_end:
            return False
        self._socket.settimeout(max(wait, 0.001))
        try:
            data = self._socket.recv(_READ)
        except TimeoutError:
            self._awaits = False
            return False
        except OSError:
            data, self.exchange.was_reset = b"", True
        self._at_end = not data
        self._unread += data
        self.exchange.add_received(data)
        return bool(data)

    def _read_arrived(self) -> None:
        """Receive bytes until none have arrived for 0.1 seconds. If no response is due, receive only what has arrived."""
        while self._receive(_QUIET if self._awaits else 0.0):
            pass

    def close(self, data: Text = b"") -> EnvoyTcpExchange:
        """Close both sides of the connection, after reading until no bytes have arrived for 0.1 seconds, and return the
        exchange.

        Parameters
        ----------
        data
            Last bytes to send. If there are any, the method doesn't wait for a response (default none).
        """
        if data:
            self._send(data, last=True)
        else:
            self._read_arrived()
        return self._close()

    def reset(self) -> EnvoyTcpExchange:
        """Abort the connection with a TCP reset, and return the exchange."""
        if self._open:
            self.exchange.was_reset = True
            reset_when_closed(self._socket)
        return self._close()

    def _close(self) -> EnvoyTcpExchange:
        if self._open:
            self._open, self._ended = False, True
            self.exchange.close()
            self._socket.close()
            self._finish(self.exchange)
        return self.exchange


class TcpUpstream(LoopbackServer):
    """A TCP upstream server on loopback.

    Parameters
    ----------
    responder
        Called with received bytes, and with `b""` at the end. It returns the bytes to send, a `TcpReply` or None. By default,
        the server echoes.

    Attributes
    ----------
    received
        Bytes received over each connection, in order of the connections.
    """

    def __init__(self, responder: TcpResponder | None = None) -> None:
        self.responder: TcpResponder = responder or (lambda data: data)
        self.received: list[bytes] = []
        super().__init__()

    def serve(self, connection: socket.socket) -> None:
        """Respond to the bytes received over the socket `connection` until the connection ends."""
        number = len(self.received)
        self.received.append(b"")
        while True:
            data = connection.recv(_READ)
            self.received[number] += data
            if self._reply(connection, data) or not data:
                return

    def _reply(self, connection: socket.socket, data: bytes) -> bool:
        """Send the response to received data, and return whether the connection must be closed."""
        response: Any = self.responder(data)
        reply = response if isinstance(response, TcpReply) else TcpReply(to_bytes(response or b""))
        if reply.latency:
            time.sleep(reply.latency)
        if reply.data:
            connection.sendall(reply.data)
        return reply.close
