"""Interfaces of client connections for HTTP and for TCP."""

from __future__ import annotations

from typing import Protocol, Self

from ...messages import Text
from .records import ExchangeInterface, ExchangesInterface, TcpExchangeInterface
from .requests import Requests

__all__ = ["ConnectionInterface", "SessionInterface"]


class SessionInterface(Requests[ExchangeInterface], Protocol):
    """Interface of a client connection for several requests, one after the other. Use it as a context manager.

    Over HTTP/1.1, a request is refused while the response to the previous one isn't complete. Over HTTP/2, an exchange that hasn't
    ended doesn't prevent further requests.
    """

    @property
    def exchanges(self) -> ExchangesInterface[ExchangeInterface]:
        """Exchanges over this connection so far, oldest first."""
        ...

    @property
    def closed(self) -> bool:
        """Whether the client has closed the connection, with `close` or because its `timeout` passed, or the proxy has closed it."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...


class ConnectionInterface(Protocol):
    """The client's end of a TCP connection."""

    @property
    def exchange(self) -> TcpExchangeInterface:
        """Record of the connection so far."""
        ...

    @property
    def received(self) -> bytes:
        """All bytes that have arrived at the client, including those that `read` hasn't returned. In a real Envoy, bytes that arrive
        within 0.1 seconds after the client has sent something are waited for.
        """
        ...

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes to the proxy.

        Parameters
        ----------
        data
            Bytes or text to send.
        end
            Whether to close the client's side of the connection afterwards (default False).
        """
        ...

    def end(self) -> Self:
        """Close the client's side of the connection (half-close). The proxy can still send bytes."""
        ...

    def read(self, wait: float | None = 1.0) -> bytes | None:
        """Return the next bytes that arrive.

        Parameters
        ----------
        wait
            Maximum seconds to wait (default 1; virtual seconds in the simulated proxy). None: return what has arrived, as for
            `received`.

        Returns
        -------
        bytes or None
            The bytes. They are `b""` if the connection has ended or the client has closed it, and None if nothing arrived in time.
        """
        ...

    def close(self, data: Text = b"") -> TcpExchangeInterface:
        """Close both sides of the connection. A second call does nothing.

        Parameters
        ----------
        data
            Bytes to send before closing (default none). The client doesn't wait for a response.

        Returns
        -------
        TcpExchange
            Record of the connection.
        """
        ...

    def reset(self) -> TcpExchangeInterface:
        """Abort the connection with a TCP reset."""
        ...
