"""The methods of a proxy that send requests and open connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Unpack

from ...messages import HeadersLike, Request
from ..event_loop import EventLoop
from ..http.connection.client_connection import HttpConnection
from ..interface import Requests, SendOptions, Wait
from ..plugins.plugin import Plugin, require_http, require_network
from ..settings import MAIN_CLUSTER
from ..trace.exchange import Exchange, TcpExchange
from .delivery import DEFAULT_WAIT, Delivery, seconds_of
from .sender import Sender
from .session import ClientSession
from .streams import Stream, TcpConnection

__all__ = ["Traffic"]


class Traffic(Requests[Exchange]):
    """The part of a proxy that its clients use. It has no state of its own."""

    plugins: list[Plugin]
    loop: EventLoop
    _sender: Sender

    def send(self, request: Request, **options: Unpack[SendOptions]) -> Exchange:
        """Send a `Request` as `request` does."""
        require_http(self.plugins)
        return self._sender.send(request, Delivery.of(options))

    def send_at(
        self, requests: Iterable[tuple[float, Request]], *, http2: bool = False, wait: Wait = ...
    ) -> list[Exchange]:
        """Send requests one after the other without waiting for the responses in between, then wait for all of them.

        Parameters
        ----------
        requests
            Virtual seconds since the previous request, and the request. The workers take turns. If a worker is still busy,
            the request waits, and its exchange's duration includes that time.
        http2, wait
            As for `request`; `wait` applies to each exchange.
        """
        require_http(self.plugins)
        return self._sender.send_at(requests, seconds_of(wait), http2=http2)

    def schedule(
        self,
        request: Request,
        on_done: Callable[[Exchange, bool], None],
        *,
        after: float = 0.0,
        worker: int | None = None,
        http2: bool = False,
        timeout: float = DEFAULT_WAIT,
    ) -> None:
        """Send a request at a moment to come, for clients that react to responses. `loop.run_while` lets it happen.

        Parameters
        ----------
        request
            The request.
        on_done
            Called with the exchange at its end, and with whether the client has given up. It may schedule further requests.
        after
            Virtual seconds from now, or from the running event on (0). The exchange's duration includes the time for which
            the request waits for a busy worker.
        worker, http2
            As for `request`.
        timeout
            Virtual seconds after the arrival at which the client closes its connection (20).

        Raises
        ------
        UsageError
            The proxy is closed, or has no such worker.
        """
        self.loop.check_open()
        self._sender.schedule(request, on_done, after, worker, timeout, http2=http2)

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run an action of a client after some virtual seconds. It doesn't wait for busy workers.

        Parameters
        ----------
        seconds
            Virtual seconds from now, or from the running event on.
        action
            The function. It may call `schedule` and `call_later`, and must not run the event loop.
        """
        self._sender.call_later(seconds, action)

    def open(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = (),
        *,
        end: bool = False,
        worker: int | None = None,
        authority: str = "example.com",
        http2: bool = False,
    ) -> Stream:
        """Send only the headers of a request; the `Stream` sends the rest chunk by chunk.

        Parameters
        ----------
        method, path, headers, worker, authority, http2
            As for `request`.
        end
            The request has no body.
        """
        require_http(self.plugins)
        request = Request.of(method, path, headers, authority=authority, chunks=None if end else [])
        return self._sender.open(request, worker, end=end, http2=http2)

    def session(self, *, worker: int | None = None, http2: bool = False) -> ClientSession:
        """Open a client's connection for several requests, one after the other (keep-alive).

        `connection.id`, the client's address and filter state with the lifespan of the connection stay the same.

        Parameters
        ----------
        worker, http2
            As for `request`.
        """
        require_http(self.plugins)
        return self._sender.session(worker, http2=http2)

    def open_connection(self, *, worker: int | None = None) -> HttpConnection:
        """Open a connection over HTTP/1 that takes bytes as they are, for requests that a `Request` cannot express.

        Parameters
        ----------
        worker
            As for `request`.
        """
        return self._sender.open_connection(worker)

    def connect(self, *, worker: int | None = None, cluster: str = MAIN_CLUSTER) -> TcpConnection:
        """Open a TCP connection through the network filters.

        Parameters
        ----------
        worker
            As for `request`.
        cluster
            The cluster that it leads to. Its upstream is an echo, or a function from bytes to bytes or `TcpReply`; empty
            bytes mean that the client has closed its side.

        Raises
        ------
        UsageError
            The proxy is closed, has no network filter, or no such worker or cluster.
        """
        self.loop.check_open()
        require_network(self.plugins)
        return self._sender.connect(worker, cluster)

    def connect_at(
        self,
        connections: Iterable[tuple[float, Sequence[bytes]]],
        *,
        cluster: str = MAIN_CLUSTER,
        wait: float = DEFAULT_WAIT,
    ) -> list[TcpExchange]:
        """Open TCP connections without waiting for the end of earlier ones, then wait for all of them.

        Parameters
        ----------
        connections
            Virtual seconds since the previous connection, and the chunks that its client sends before it closes its side.
            The workers take turns.
        cluster
            As for `connect`.
        wait
            Virtual seconds that a connection may take to end (20); then the client resets it.

        Raises
        ------
        UsageError
            The proxy is closed, has no network filter, or no such cluster.
        """
        require_network(self.plugins)
        return self._sender.connect_at(connections, cluster, wait)
