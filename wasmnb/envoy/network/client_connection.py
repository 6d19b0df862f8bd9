"""The connection of an HTTP client, whatever version of HTTP it speaks."""

from __future__ import annotations

import contextlib
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import EllipsisType
from typing import Self

from ...messages import Request, Response

__all__ = ["ClientConnection", "ClientResult"]


@dataclass
class ClientResult:
    """The outcome of one request for the client.

    Attributes
    ----------
    response
        The response; None if no status line arrived.
    end
        "complete", "closed", "reset" or "timeout".
    raw
        The received bytes.
    reason
        The reason phrase; empty over HTTP/2.
    """

    response: Response | None
    end: str
    raw: bytes
    reason: str = ""


class ClientConnection(ABC):
    """One connection. A context manager.

    Parameters
    ----------
    host, port
        The server's address.
    timeout
        Seconds without traffic after which the response counts as missing (5); None for no limit.
    gap
        Seconds between two chunks of a request (0.02).

    Attributes
    ----------
    left
        The client has given up: `leave` was called.
    """

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        self.gap = gap
        self.left = False
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def port(self) -> int:
        """The client's port."""
        return int(self.socket.getsockname()[1])

    @abstractmethod
    def request(
        self, request: Request, *, complete: bool = True, wait: float | EllipsisType | None = ...
    ) -> ClientResult:
        """Send a request and read its response.

        Parameters
        ----------
        request
            The request.
        complete
            False: the end of its body isn't sent.
        wait
            Another `timeout` for this request.
        """

    def leave(self) -> None:
        """Give up: close the connection, whatever another thread does with it."""
        self.left = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
