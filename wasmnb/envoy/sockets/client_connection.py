"""The interface of a client connection, which HTTP/1.1 and HTTP/2 implement."""

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
    """What the client got for one request.

    Attributes
    ----------
    response
        The response; None if no status line arrived.
    end
        How the response ended: "complete", "closed", "reset" or "timeout".
    raw
        The received bytes of the response.
    reason
        The reason phrase after the status; empty in HTTP/2.
    """

    response: Response | None
    end: str
    raw: bytes
    reason: str = ""


class ClientConnection(ABC):
    """One client connection to a server. It is a context manager.

    Parameters
    ----------
    host, port
        The server's address.
    timeout
        Seconds without traffic after which a response counts as missing (default 5). None: no limit.
    gap
        Seconds between two chunks of a request (default 0.02).

    Attributes
    ----------
    left
        Whether the client has given up: `leave` was called.
    """

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        self.gap = gap
        self.left = False
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def port(self) -> int:
        """The client's own TCP port."""
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
            False: don't send the end of the request's body (default True).
        wait
            Replaces `timeout` for this request. By default, `timeout` applies.
        """

    def leave(self) -> None:
        """Give up: close the connection, even while another thread uses it."""
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
