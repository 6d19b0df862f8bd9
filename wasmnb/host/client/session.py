"""A client's connection over which several requests go, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, Unpack

from ...errors import UsageError
from ..interface import Requests, SendOptions, SessionInterface
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

__all__ = ["ClientSession", "check_session_open", "check_session_options"]


def check_session_options(options: SendOptions) -> None:
    """Check the options of a request over an open connection.

    Raises
    ------
    UsageError
        There is one that belongs to the connection.
    """
    for name in ("worker", "http2"):
        if name in options:
            raise UsageError(f"{name}= belongs to the connection: give it to session(), not to a request over it.")


def check_session_open(session: SessionInterface) -> None:
    """Check that the connection of a session is open.

    Raises
    ------
    UsageError
        It is closed.
    """
    if session.closed:
        last = session.exchanges[-1].number if session.exchanges else 0
        reason = f"it was closed with exchange {last}" if last else "the client closed it"
        raise UsageError(f"The connection is closed: {reason}. Open another one with session().")


class ClientSession(Requests[Exchange]):
    """One connection of a client, for requests one after the other. A context manager.

    Attributes
    ----------
    exchanges
        The last requests, with the same limits as those of a proxy.
    closed
        One of the sides has closed the connection: the client with `close`, or the proxy after a response, as HTTP/1.1 does
        with `connection: close` and after a reset.
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
        """Send a request over the connection and wait for its end; the options are those of `Requests.request`.

        Raises
        ------
        UsageError
            The connection is closed, or over HTTP/1.1 the response to the last request hasn't ended.
        """
        check_session_options(options)
        check_session_open(self)
        self._check_last_response()
        delivery = Delivery.of(options)
        stream = self._sender.send_over(request, delivery, self._worker, self._connection, http2=self._http2)
        self.exchanges.next_number()
        self.exchanges.append(stream.exchange)
        self._streams = [s for s in (*self._streams, stream) if not s.state.done]
        self._note_end(stream)
        return stream.exchange

    def _note_end(self, stream: HttpStream) -> None:
        """Close the connection over HTTP/1.1 if this stream's end closes it, now or later."""
        if self._http2:
            return
        if stream.state.done:
            self.closed = self.closed or stream.encoder.closing or stream.exchange.state in ("reset", "crashed")
        else:
            stream.on_finish = self._note_end

    def _check_last_response(self) -> None:
        waiting = [stream.exchange.number for stream in self._streams if not stream.state.done]
        if waiting and not self._http2:
            raise UsageError(
                f"Exchange {waiting[0]} has no complete response yet, and HTTP/1.1 has one request at a time on a connection. "
                "Let time pass with advance(), or open another session()."
            )

    def close(self) -> None:
        """Close the connection; requests without a complete response see their client leave."""
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
