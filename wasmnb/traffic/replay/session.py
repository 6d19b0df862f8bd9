"""A proxy for a replay, whose upstream sends the recorded responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...errors import UsageError
from ...host import Exchange, Plugin, Proxy
from ...messages import Headers, Request, Response
from ...parsing.header_block import HOP_BY_HOP
from ..recorded.exchange import RecordedExchange

__all__ = ["NotSendable", "ReplaySession", "sendable", "settings_of"]

#: Maximum number of events in the trace of a replay. The trace is cleared after each batch.
TRACE_LIMIT = 50_000

#: Headers that are only valid for the recorded connection. Recordings of a browser behind a proxy have `proxy-connection`.
_OF_CONNECTION = HOP_BY_HOP | {b"proxy-connection"}

_LENGTH = b"content-length"


class NotSendable(ValueError):
    """A recorded request can't be sent. The message contains the reason."""


class ReplaySession:
    """A new proxy for one replay.

    Parameters
    ----------
    plugins
        Plugins of the filter chain.
    settings
        Parameters of `Proxy`. `upstream` sends the responses for requests without a recorded response.

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
        self.forget()  # discards the events of the start, which aren't part of the results

    def send(self, recorded: RecordedExchange, worker: int) -> Exchange:
        """Send a recorded request on a worker, and wait until it has ended.

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
        """Send a recorded request without waiting. Its response takes as long as in the recording."""
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
        """Wait until the requests sent by `send_timed` have ended.

        Parameters
        ----------
        seconds
            Maximum number of virtual seconds to wait.
        """
        loop = self.proxy.loop
        loop.run_while(lambda: any(not exchange.done for exchange, _ in self._pending), seconds)
        self._pending.clear()

    def forget(self) -> None:
        """Clear the proxy's trace and list of exchanges, so that they don't take more and more memory."""
        self.proxy.trace.clear()
        self.proxy.exchanges.clear()

    def close(self) -> None:
        """Close the proxy."""
        self.proxy.close()

    def _respond(self, request: Request) -> Any:
        """Return the recorded response for a request that has reached the upstream."""
        response = self._current
        for exchange, recorded in self._pending:
            if any(sent is request for sent in exchange.upstream_requests):
                response = recorded
        if response is not None:
            return response
        return self._fallback.respond(request) if self._fallback is not None else Response(200)


def sendable(request: Request) -> Request:
    """Return a copy of a recorded request that a client can send.

    Hop-by-hop headers are removed, and the content-length is set to the size of the recorded body.

    Raises
    ------
    NotSendable
        The method is CONNECT, or the request is an upgrade to WebSocket.
    """
    if request.method == "CONNECT":
        raise NotSendable("A CONNECT request can't be replayed, because it opens a tunnel.")
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
    """Return a copy of headers without hop-by-hop headers, and with the content-length set to `length` unless it is None."""
    copied = Headers()
    copied.raw = [
        (name, value if name != _LENGTH or length is None else b"%d" % length)
        for name, value in headers.raw
        if name not in _OF_CONNECTION
    ]
    return copied


def settings_of(subject: Any, workers: int, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `Proxy` for a replay.

    Parameters
    ----------
    subject
        The parameter `filter` of `replay`, or `old` or `new` of `diff`. If it is a proxy, its settings are copied.
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
        raise UsageError(f"The parameters of the proxy are invalid: {error}.") from None
