"""Methods of a proxy that send requests and open connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Unpack

from ...messages import HeadersLike, Request
from ..event_loop import EventLoop
from ..http.connection_manager.client_connection import HttpConnection
from ..plugins.plugin import Plugin, require_http, require_network
from ..proxy_interface import Requests, SendOptions, Wait
from ..settings import MAIN_CLUSTER
from ..trace.exchange import Exchange, TcpExchange
from .delivery import DEFAULT_WAIT, Delivery, seconds_of
from .sender import Sender
from .session import ClientSession
from .streams import Stream, TcpConnection

__all__ = ["ClientMethods"]


class ClientMethods(Requests[Exchange]):
    """Base class of `Proxy` with the methods for sending requests and opening connections."""

    plugins: list[Plugin]
    loop: EventLoop
    _sender: Sender

    def send(self, request: Request, **options: Unpack[SendOptions]) -> Exchange:
        """Send a `Request` object. The options are those of `request`."""
        require_http(self.plugins)
        return self._sender.send(request, Delivery.of(options))

    def send_at(
        self, requests: Iterable[tuple[float, Request]], *, http2: bool = False, wait: Wait = ...
    ) -> list[Exchange]:
        """Send requests one after the other without waiting for the responses in between, then wait for all exchanges.

        Parameters
        ----------
        requests
            Pairs of the virtual seconds since the previous request, and the request. The workers receive requests in turn. A
            request for a busy worker waits, and the duration of its exchange includes this time.
        http2, wait
            As for `request`. `wait` applies to each exchange.
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
        """Schedule a request for later, for clients that react to responses. The request is sent while `loop.run_while` runs.

        Parameters
        ----------
        request
            The request.
        on_done
            Function called at the end of the exchange, with the exchange and a boolean: whether the client has given up. It
            can schedule further requests.
        after
            Virtual seconds from now, or from the current event (default 0). If the worker is busy at that time, the request
            waits, and the duration of the exchange includes this time.
        worker, http2
            As for `request`.
        timeout
            Virtual seconds from the request's arrival until the client closes its connection (default 20).

        Raises
        ------
        UsageError
            The proxy is closed, or has no worker with this number.
        """
        self.loop.check_open()
        self._sender.schedule(request, on_done, after, worker, timeout, http2=http2)

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run a client's action after some virtual seconds, even if workers are busy. If the proxy has been closed by then,
        skip it.

        Parameters
        ----------
        seconds
            Virtual seconds from now, or from the current event.
        action
            The function. It can call `schedule` and `call_later`, but must not run the event loop.
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
        """Send only the headers of a request, and return a `Stream` that sends the rest chunk by chunk.

        Parameters
        ----------
        method, path, headers, worker, authority, http2
            As for `request`.
        end
            Whether the request ends after its headers, without a body (default False).
        """
        require_http(self.plugins)
        request = Request.of(method, path, headers, authority=authority, chunks=None if end else [])
        return self._sender.open(request, worker, end=end, http2=http2)

    def session(self, *, worker: int | None = None, http2: bool = False) -> ClientSession:
        """Open a client connection for several requests, one after the other (keep-alive).

        All requests of the session share `connection.id`, the client address, and filter state with the lifespan of the
        connection.

        Parameters
        ----------
        worker, http2
            As for `request`.
        """
        require_http(self.plugins)
        return self._sender.session(worker, http2=http2)

    def open_connection(self, *, worker: int | None = None) -> HttpConnection:
        """Open an HTTP/1 connection for raw bytes, for requests that a `Request` can't represent.

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
            Name of the cluster to connect to (default `upstream`). Its upstream is an echo, or a function that accepts bytes
            and returns bytes or a `TcpReply`. The function is called with empty bytes when the client has closed its side.

        Raises
        ------
        UsageError
            The proxy is closed or has no network filter, or the worker or cluster doesn't exist.
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
        """Open TCP connections without waiting for the end of earlier connections, then wait until all have ended.

        Parameters
        ----------
        connections
            Pairs of the virtual seconds since the previous connection, and the chunks that its client sends before closing its
            side. The workers receive connections in turn.
        cluster
            As for `connect`.
        wait
            Virtual seconds after which the client resets a connection that hasn't ended (default 20).

        Raises
        ------
        UsageError
            The proxy is closed or has no network filter, or the cluster doesn't exist.
        """
        require_network(self.plugins)
        return self._sender.connect_at(connections, cluster, wait)
