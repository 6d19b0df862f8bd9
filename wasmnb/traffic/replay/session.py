"""A proxy that recorded exchanges are sent through, with the recorded responses as its upstream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import UsageError
from ...host import Exchange, Plugin, Proxy
from ...messages import Headers, Request, Response
from ..recorded.exchange import RecordedExchange

__all__ = ["NotSendable", "ReplaySession", "sendable", "settings_of"]

#: Events that the trace of a replay keeps; it is emptied after each batch.
TRACE_LIMIT = 50_000

#: Headers of one connection, which the recording's connection doesn't share with the replay's.
_HOP_BY_HOP = frozenset((b"transfer-encoding", b"connection", b"keep-alive", b"proxy-connection"))

_LENGTH = b"content-length"


class NotSendable(ValueError):
    """A recorded request can't be sent; the text says why."""


class ReplaySession:
    """A new proxy for one replay.

    Parameters
    ----------
    plugins
        Plugins of the filter chain.
    settings
        Parameters of `Proxy`. Its `upstream` answers requests without a recorded response.

    Attributes
    ----------
    proxy
        The proxy that runs the plugins.
    """

    def __init__(self, plugins: Sequence[Plugin], settings: Mapping[str, Any]) -> None:
        arguments = dict(settings)
        self._fallback = arguments.pop("upstream", None)
        self._current: Response | None = None
        self._pending: list[tuple[Exchange, Response | None]] = []
        self.proxy = Proxy(list(plugins), upstream=self._respond, **{"trace_limit": TRACE_LIMIT, **arguments})
        self.forget()  # the start is not part of the results

    def send(self, recorded: RecordedExchange, worker: int) -> Exchange:
        """Send a request and wait for its end.

        Raises
        ------
        NotSendable
            The recorded request can't be sent.
        """
        request = sendable(recorded.request)
        self._current = (
            None if recorded.response is None else _upstream_response(recorded.response, recorded.request.method)
        )
        return self.proxy.send(request, worker=worker, http2=recorded.http2)

    def send_timed(self, recorded: RecordedExchange, worker: int) -> Exchange:
        """Send a request now without waiting for its response, which takes as long as it was recorded."""
        request = sendable(recorded.request)
        response = recorded.response
        if response is not None:
            response = replace(_upstream_response(response, request.method), latency=recorded.duration or 0.0)
        self._current = response
        exchange = self.proxy.send(request, worker=worker, http2=recorded.http2, wait=0.0)
        if not exchange.done:
            self._pending.append((exchange, response))
        return exchange

    def wait(self, seconds: float) -> None:
        """Wait until the requests of `send_timed` are done.

        Parameters
        ----------
        seconds
            Largest number of virtual seconds to wait.
        """
        loop = self.proxy.loop
        loop.run_while(lambda: any(not exchange.done for exchange, _ in self._pending), seconds)
        self._pending.clear()

    def forget(self) -> None:
        """Empty the proxy's trace and list of exchanges, to keep the memory bounded."""
        self.proxy.trace.clear()
        self.proxy.exchanges.clear()

    def close(self) -> None:
        """Close the proxy."""
        self.proxy.close()

    def _respond(self, request: Request) -> Any:
        """Return the recorded response of the exchange that this upstream request belongs to."""
        response = self._current
        for exchange, recorded in self._pending:
            if any(sent is request for sent in exchange.upstream_requests):
                response = recorded
        if response is not None:
            return response
        return self._fallback.respond(request) if self._fallback is not None else Response(200)


def sendable(request: Request) -> Request:
    """Return a recorded request as a client can send it.

    Headers of the recorded connection are left out, and a content-length that doesn't match the recorded body is corrected.

    Raises
    ------
    NotSendable
        The method is CONNECT, or the request is an upgrade.
    """
    if request.method == "CONNECT":
        raise NotSendable("CONNECT opens a tunnel, which can't be replayed.")
    if any(name == b"upgrade" and value.lower() == b"websocket" for name, value in request.headers.raw):
        raise NotSendable("An upgrade to WebSocket can't be replayed.")
    headers = _end_to_end(request.headers, len(request.body))
    return Request(
        request.method,
        request.path,
        headers,
        request.body,
        request.trailers,
        request.authority,
        request.scheme,
        request.chunks,
    )


def _upstream_response(response: Response, method: str) -> Response:
    length = None if method == "HEAD" or response.status in (204, 304) else len(response.body)
    headers = _end_to_end(response.headers, length)
    return Response(response.status, headers, response.body, response.trailers, response.chunks, 0.0, response.reset)


def _end_to_end(headers: Headers, length: int | None) -> Headers:
    """Return headers without those of the connection, with the right content-length; None leaves it unchanged."""
    copied = Headers()
    copied.raw = [
        (name, value if name != _LENGTH or length is None else b"%d" % length)
        for name, value in headers.raw
        if name not in _HOP_BY_HOP
    ]
    return copied


def settings_of(subject: Any, workers: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a replay's proxy.

    Parameters
    ----------
    subject
        A proxy, whose settings are copied; anything else has none.
    workers
        Number of workers.
    options
        Parameters of `Proxy` that override the copied ones.
    """
    arguments: dict[str, Any] = {}
    if isinstance(subject, Proxy):
        arguments = subject.settings.arguments() | subject.simulation.arguments()
        arguments.pop("trace_limit")
    try:
        return arguments | {"workers": workers} | dict(options)
    except TypeError as error:
        raise UsageError(f"The settings can't be used: {error}.") from None
