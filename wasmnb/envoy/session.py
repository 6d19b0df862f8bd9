"""Clients that send requests to a real Envoy, over one connection for each request or for several."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Self, Unpack

from ..errors import UsageError
from ..host.proxy_interface import Requests, SendOptions
from ..host.simulated_clients.delivery import Delivery
from ..host.simulated_clients.session import check_last_response, check_session_open, check_session_options
from ..host.trace.exchange_log import Exchanges
from ..messages import Headers, Request
from .access_log import AccessLogFile, RecordKey
from .config.proxy_config import ACCESS_LOG, HTTP
from .exchange import EnvoyExchange, paused_direction
from .log import EnvoyCrash
from .process import crash_of
from .sockets.client import Client
from .sockets.client_connection import ClientConnection, ClientResult
from .sockets.http2 import Http2Client

if TYPE_CHECKING:
    from .config.request_state import RequestState
    from .config.resources import Backends
    from .process import EnvoyProcess
    from .sockets.tcp_exchange import EnvoyTcpExchange
    from .sockets.upstream import UpstreamExchange

__all__ = ["EnvoySession", "Outcome", "RequestSender"]


#: Envoy's statistics of open connections and of active requests.
_CONNECTIONS, _REQUESTS = f"http.{HTTP}.downstream_cx_active", f"http.{HTTP}.downstream_rq_active"

#: Maximum number of requests kept for each upstream, and of lines kept from Envoy's log.
KEPT_REQUESTS, KEPT_LINES = 100, 100_000


@dataclass(frozen=True)
class Outcome:
    """Result of one request as the client sees it.

    Attributes
    ----------
    request
        The request, without the header that sets its filter state and metadata.
    result
        The response, and how it ended.
    duration
        Wall-clock seconds until the response ended.
    left
        Whether the client disconnected before the response ended.
    record
        Key of the request's entry in the access log.
    delivery
        Options with which the request was sent.
    started_at
        Time of the start in seconds since 1970.
    """

    request: Request
    result: ClientResult
    duration: float
    left: bool
    record: RecordKey
    delivery: Delivery
    started_at: float


class RequestSender:
    """Sender of requests to Envoy, which combines the records of the client, Envoy and the upstreams into exchanges.

    Parameters
    ----------
    address
        Host and port of the HTTP listener.
    process
        The running Envoy.
    backends
        The upstream servers.
    exchanges
        The list to which each exchange is added.
    state
        Helper filter that sets the filter state and metadata of each request, or None if Envoy runs without it.
    """

    def __init__(
        self,
        address: tuple[str, int],
        process: EnvoyProcess,
        backends: Backends,
        exchanges: Exchanges[EnvoyExchange | EnvoyTcpExchange],
        state: RequestState | None,
    ) -> None:
        self._address = address
        self._process = process
        self._backends = backends
        self._exchanges = exchanges
        self._state = state
        self._vm_failed = any(line.is_failure for line in process.current_lines())
        self._access_log = AccessLogFile(process.directory / ACCESS_LOG)

    def connect(self, *, http2: bool, wait: float | None) -> ClientConnection:
        """Open a client connection to Envoy."""
        return (Http2Client if http2 else Client)(*self._address, timeout=wait)

    def send_alone(
        self, client: ClientConnection, request: Request, delivery: Delivery, sessions: int
    ) -> EnvoyExchange:
        """Send one request over a connection and close the connection, and wait until Envoy has closed it too.

        Parameters
        ----------
        client
            The connection. It is closed afterwards.
        request, delivery
            The request, and the options of its delivery.
        sessions
            Number of other client connections that are open.

        Raises
        ------
        UsageError
            Envoy can't set the properties or metadata of the request.
        """

        def settle(_: Outcome) -> None:
            client.close()
            self.settle(_CONNECTIONS, allowed=sessions)

        return self._exchange(client, request, delivery, settle)

    def send_over(self, client: ClientConnection, request: Request, delivery: Delivery) -> EnvoyExchange:
        """Send a request over a connection that stays open, and wait until Envoy has ended the stream.

        The parameters and errors are those of `send_alone`.
        """
        waiting = self._active_requests()

        def settle(outcome: Outcome) -> None:
            if outcome.result.end == "timeout" and not outcome.left:
                return  # the request is still active
            self.settle(_REQUESTS, allowed=waiting)
            time.sleep(0.02)  # Envoy decrements the gauge before it calls `on_log`

        return self._exchange(client, request, delivery, settle)

    def _exchange(
        self, client: ClientConnection, request: Request, delivery: Delivery, settle: Callable[[Outcome], None]
    ) -> EnvoyExchange:
        self.trim()
        first_line = len(self._process.current_lines())
        before = {name: len(server.seen) for name, server in self._backends.http.items()}
        outcome = self._send(client, request, delivery)
        paused = self._paused(outcome, before)
        settle(outcome)
        received = self._caught_up(before)
        exchange = EnvoyExchange.of(self._exchanges.next_number(), outcome, received, paused)
        exchange.find_record = partial(self._access_log.find, outcome.record)
        exchange.log = [line for line in self._process.current_lines()[first_line:] if line.logger == "wasm"]
        exchange.crash = self.crash()
        self._vm_failed = self._vm_failed or any(line.is_failure for line in exchange.log)
        exchange.vm_failed = lambda: self._vm_failed
        self._exchanges.append(exchange)
        return exchange

    def crash(self) -> EnvoyCrash | None:
        """Return the crash of Envoy, or None if Envoy is running."""
        text = crash_of(self._process)
        return EnvoyCrash(text) if text else None

    def close(self) -> None:
        """Read the rest of the access log, before its file is deleted."""
        self._access_log.close()

    def trim(self) -> None:
        """Delete the oldest requests of the upstreams and the oldest log lines that exceed the limits."""
        for server in self._backends.http.values():
            server.trim(KEPT_REQUESTS)
        lines = self._process.log.lines
        del lines[: max(0, len(lines) - KEPT_LINES)]

    def settle(self, gauge: str, seconds: float = 1.0, *, allowed: int = 0) -> bool:
        """Wait until Envoy has destroyed a connection or stream, so that its last log lines are written. Return whether it has.

        Parameters
        ----------
        gauge
            Name of the statistic that counts open connections or streams.
        seconds
            Maximum wait in seconds (default 1).
        allowed
            Value to which the statistic must fall (default 0).
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.alive:
            try:
                if self._stat(gauge) <= allowed:
                    return True
            except OSError:
                return True
            time.sleep(0.005)
        return not self._process.alive

    def _active_requests(self) -> int:
        """Return the number of active requests, which earlier requests over HTTP/2 can be."""
        try:
            return self._stat(_REQUESTS)
        except OSError:  # Envoy has ended
            return 0

    def _stat(self, name: str) -> int:
        """Return the value of one of Envoy's statistics."""
        return self._process.admin.stats(f"^{name}$").get(name, 0)

    def _paused(self, outcome: Outcome, before: Mapping[str, int]) -> str:
        """Return which direction a filter has paused, or '' if none or unknown. Must be called while the request is active."""
        if outcome.result.end != "timeout" or not self._backends.own_servers:
            return ""
        received = self._caught_up(before)
        return paused_direction(received[-1] if received else None, complete=outcome.delivery.complete)

    def _caught_up(self, before: Mapping[str, int]) -> list[UpstreamExchange]:
        """Return the requests that upstreams have received, after their threads have read what Envoy has sent."""
        received = self._received(before)
        if not received and self._backends.catch_up(self._process.admin):
            received = self._received(before)
        return received

    def _received(self, before: Mapping[str, int]) -> list[UpstreamExchange]:
        """Return the requests that upstreams received after `before` was recorded, without callouts, in order of arrival."""
        fresh = (e for name, server in self._backends.http.items() for e in server.seen[before[name] :])
        return sorted((e for e in fresh if not e.is_callout), key=lambda exchange: exchange.at)

    def _send(self, client: ClientConnection, request: Request, delivery: Delivery) -> Outcome:
        """Send a request over a connection, and read its response."""
        request = delivery.shaped(request)
        sent = self._with_state(request, delivery)
        record = self._access_log.expect(client.port)
        patience = threading.Timer(delivery.timeout, client.leave) if delivery.timeout is not None else None
        started, began = time.monotonic(), time.time()
        if patience is not None:
            patience.start()
        try:
            result = client.request(sent, complete=delivery.complete, wait=delivery.wait)
        finally:
            if patience is not None:
                patience.cancel()
        if result.end == "timeout" and not client.left and self._access_log.has(record):
            # the stream has ended without a response: Envoy closes an HTTP/1 connection only a second later
            result, client.ended = replace(result, end="closed"), True
            if result.response is not None:
                result.response.reset = True
        return Outcome(request, result, time.monotonic() - started, client.left, record, delivery, began)

    def _with_state(self, request: Request, delivery: Delivery) -> Request:
        if not delivery.properties and not delivery.metadata:
            return request
        if self._state is None:
            raise UsageError(
                "This Envoy can't set properties and metadata of a request. Start it with Envoy(..., request_state=True), which "
                "adds a Lua filter before the chain."
            )
        header = self._state.header(delivery.properties, delivery.metadata)
        return replace(request, headers=Headers([*request.headers.raw, header]))


class EnvoySession(Requests[EnvoyExchange]):
    """A client connection to a real Envoy, with the same interface as `wasmnb.host.ClientSession`.

    Attributes
    ----------
    exchanges
        The latest requests of the session, with the same limits as for `Envoy.exchanges`.
    closed
        Whether Envoy or the client has closed the connection.
    http2
        Whether the client uses HTTP/2.
    """

    def __init__(
        self,
        client: ClientConnection,
        send: Callable[[ClientConnection, Request, Delivery], EnvoyExchange],
        wait: float,
        on_close: Callable[[EnvoySession], None],
        *,
        http2: bool,
    ) -> None:
        self.exchanges: Exchanges[EnvoyExchange] = Exchanges()
        self.closed = False
        self.http2 = http2
        self._client = client
        self._send = send
        self._wait = wait
        self._on_close = on_close

    def send(self, request: Request, **options: Unpack[SendOptions]) -> EnvoyExchange:
        """Send a request over the connection, and wait until its exchange has ended. The options are those of
        `Requests.request`.

        Raises
        ------
        UsageError
            The connection is closed, or it uses HTTP/1.1 and the last response wasn't complete.
        """
        check_session_options(options)
        check_session_open(self)
        if self.exchanges and not self.http2:
            check_last_response(self.exchanges[-1], "Pass a longer wait=")
        delivery = replace(Delivery.of(options, self._wait), http2=self.http2)
        exchange = self._send(self._client, request, delivery)
        self.exchanges.next_number()
        self.exchanges.append(exchange)
        if self._client.ended:
            self.close()
        return exchange

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self.closed = True
            self._client.close()
            self._on_close(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<EnvoySession: {self.exchanges.total} requests, {'closed' if self.closed else 'open'}>"
