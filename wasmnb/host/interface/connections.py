"""Connections of clients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self

from ...messages import Text
from .records import ExchangeInterface, TcpExchangeInterface
from .requests import Requests

__all__ = ["ConnectionInterface", "SessionInterface"]


class SessionInterface(Requests[ExchangeInterface], Protocol):
    """A client's connection for several requests, one after the other."""

    @property
    def exchanges(self) -> Sequence[ExchangeInterface]:
        """Its requests so far."""
        ...

    @property
    def closed(self) -> bool:
        """Whether one of the two sides has closed the connection."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class ConnectionInterface(Protocol):
    """The client's end of a TCP connection."""

    @property
    def exchange(self) -> TcpExchangeInterface:
        """The exchange so far."""
        ...

    @property
    def received(self) -> bytes:
        """All bytes that the client has received."""
        ...

    def send(self, data: Text, *, end: bool = False) -> Self:
        """Send bytes; with `end`, close the client's side after them."""
        ...

    def end(self) -> Self:
        """Close the client's side (half-close)."""
        ...

    def read(self, wait: float | None = ...) -> bytes | None:
        """Return the next bytes: `b""` at the end, None if none come within `wait` seconds."""
        ...

    def close(self, data: Text = b"") -> TcpExchangeInterface:
        """Close both sides; with bytes, send them just before, without waiting for a response to them."""
        ...

    def reset(self) -> TcpExchangeInterface:
        """Abort the connection with a TCP reset."""
        ...
