"""A client connection for several requests, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

from ...errors import UsageError
from ..proxy_interface import ExchangeInterface, Requests, SendOptions, SessionInterface
from ..trace.exchange import Exchange
from ..trace.exchange_log import Exchanges
from .delivery import Delivery

if TYPE_CHECKING:
    from ...messages import Request
    from ..contexts.stream_info import Connection
    from ..event_loop import EventLoop
    from ..http.stream import HttpStream
    from ..worker import Worker
    from .sender import Sender

__all__ = ["ClientSession", "check_last_response", "check_session_open", "check_session_options"]


def check_session_options(options: SendOptions) -> None:
    """Check the options of a request that is sent over an open connection.

    Raises
    ------
    UsageError
        The options contain `worker` or `http2`, which can only be set for the connection.
    """
    for name in ("worker", "http2"):
        if name in options:
            raise UsageError(
                f"{name}= can't be set for a request of a session, only for its connection. Pass it to session()."
            )


def check_session_open(session: SessionInterface) -> None:
    """Check that the connection of a session is open.

    Raises
    ------
    UsageError
        The connection is closed.
    """
    if session.closed:
        last = session.exchanges[-1].number if session.exchanges else 0
        reason = f"it was closed after exchange {last}" if last else "the client closed it"
        raise UsageError(f"The connection is closed: {reason}. Open another one with session().")


def check_last_response(exchange: ExchangeInterface, advice: str) -> None:
    """Check that the last exchange over an HTTP/1.1 connection has ended.

    Parameters
    ----------
    exchange
        The last exchange.
    advice
        What the user can do to receive the rest of the response.

    Raises
    ------
    UsageError
        The exchange hasn't ended.
    """
    if not exchange.done:
        raise UsageError(
            f"Exchange {exchange.number} isn't complete, and an HTTP/1.1 connection allows one request at a time. "
            f"{advice}, or open another session()."
        )


class ClientSession(Requests[Exchange]):
    """A client connection for several requests, one after the other. Use it as a context manager.

    Attributes
    ----------
    exchanges
        The last exchanges of this connection, up to the same limits as for a proxy.
    closed
        Whether the client has closed the connection with `close` or because of a `timeout`, or the proxy has closed it. Over
        HTTP/1.1, the proxy does so after `connection: close` and after an incomplete response.
    """

    def __init__(self, sender: Sender, loop: EventLoop, worker: Worker, connection: Connection, *, http2: bool) -> None:
        self.exchanges: Exchanges[Exchange] = Exchanges()
        self.closed = False
        self._sender = sender
        self._loop = loop
        self._worker = worker
        self._connection = connection
        self._http2 = http2
        self._streams: list[HttpStream] = []

    def send(self, request: Request, **options: Unpack[SendOptions]) -> Exchange:
        """Send a request over the connection, wait until the exchange has ended, and return the exchange.

        Parameters
        ----------
        request
            The request, for example from `Request(...)` or from another exchange.
        options
            Options of `Requests.request`, from `wait` to `metadata`.

        Raises
        ------
        UsageError
            The connection is closed, or it uses HTTP/1.1 and the last response hasn't ended.
        """
        check_session_options(options)
        check_session_open(self)
        if self.exchanges and not self._http2:
            check_last_response(self.exchanges[-1], "Let time pass with advance()")
        delivery = Delivery.of(options)
        stream = self._sender.send_over(request, delivery, self._worker, self._connection, http2=self._http2)
        self.exchanges.next_number()
        self.exchanges.append(stream.exchange)
        self._streams = [s for s in (*self._streams, stream) if not s.state.done]
        self._note_end(stream)
        return stream.exchange

    def _note_end(self, stream: HttpStream) -> None:
        """Mark the connection as closed if the end of this stream closes it. Check again later if the stream hasn't ended."""
        if not stream.state.done:
            stream.on_finish = self._note_end
            return
        if stream.state.info.details == "downstream_remote_disconnect":
            self._close_others()
        if self.closed or self._http2:
            return
        exchange = stream.exchange
        cut = exchange.response is None or exchange.response.reset
        self.closed = stream.encoder.closing or cut or exchange.state == "crashed"

    def _close_others(self) -> None:
        """Close the connection because the client has left. Its other requests end with the next event."""
        self.closed = True
        for stream in self._streams:
            if not stream.state.done:
                stream.state.call_soon(stream.control.on_client_disconnect)

    def close(self) -> None:
        """Close the connection. The client disconnects from requests whose response isn't complete."""
        self.closed = True
        for stream in self._streams:
            if not stream.state.done and not self._loop.closed:
                self._loop.run_on_worker(self._worker, stream.control.on_client_disconnect)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open"
        return f"<ClientSession on {self._worker.name}: {self.exchanges.total} requests, {state}>"
