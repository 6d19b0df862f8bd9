"""The interface of client connections, which the HTTP/1.1 and HTTP/2 clients implement."""

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
    """Result of one request as the client sees it.

    Attributes
    ----------
    response
        The response, or None if no status line arrived.
    end
        How the response ended: "complete", "closed", "reset" or "timeout".
    raw
        Bytes of the response as they were received.
    reason
        Reason phrase after the status. Empty in HTTP/2.
    """

    response: Response | None
    end: str
    raw: bytes
    reason: str = ""


class ClientConnection(ABC):
    """A client connection to a server. Use it as a context manager.

    Parameters
    ----------
    host, port
        Address of the server.
    timeout
        Seconds without traffic after which a response ends with "timeout" (default 5). None means no limit.
    gap
        Seconds between two chunks of a request (default 0.02).

    Attributes
    ----------
    left
        Whether the client has given up by calling `leave`.
    ended
        Whether the connection can't be used for another request, because one side has closed it.
    """

    def __init__(self, host: str, port: int, *, timeout: float | None = 5.0, gap: float = 0.02) -> None:
        self.gap = gap
        self.left = self.ended = False
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def port(self) -> int:
        """TCP port of the client's side of the connection."""
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
            Whether to send the end of the request's body (default True).
        wait
            Timeout for this and later requests, which replaces `timeout`. By default, `timeout` isn't changed.
        """

    def leave(self) -> None:
        """Give up, and close the connection. Another thread can be using the connection at this time."""
        self.left = self.ended = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
