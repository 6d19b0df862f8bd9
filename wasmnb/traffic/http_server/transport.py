"""`WasmTransport`: an httpx transport that sends requests through a simulated proxy without sockets."""

from __future__ import annotations

import httpx

from ...errors import UsageError
from ...host import Exchange, Proxy
from ...messages import Headers, Request, to_text
from ...parsing.header_block import HOP_BY_HOP

__all__ = ["WasmTransport"]


class WasmTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for `httpx.Client` and `httpx.AsyncClient` that sends requests through a simulated proxy.

        client = httpx.Client(transport=wasmnb.WasmTransport(proxy), base_url="http://example.com")

    `response.extensions["exchange"]` contains the exchange of a response. Delays pass in the proxy's virtual time only, so a
    slow upstream doesn't delay the client. Closing the client doesn't close the proxy.

    Parameters
    ----------
    proxy
        The simulated proxy that serves the requests.
    worker
        Number of the worker that serves all requests (default None: the workers serve them in turn).
    http2
        Whether to send the requests over HTTP/2 (default False).

    Raises
    ------
    UsageError
        `proxy` is not a simulated proxy.
    """

    def __init__(self, proxy: Proxy, *, worker: int | None = None, http2: bool = False) -> None:
        if not isinstance(proxy, Proxy):
            raise UsageError(
                f"WasmTransport requires a Proxy, not {type(proxy).__name__}. Start one with Proxy(filter)."
            )
        self.proxy = proxy
        self._worker = worker
        self._http2 = http2

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the proxy."""
        return self._send(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request through the proxy. This blocks the event loop while the filter runs."""
        return self._send(request, await request.aread())

    def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        exchange = self.proxy.send(_sent(request, body), worker=self._worker, http2=self._http2)
        return _received(exchange, request, b"HTTP/2" if self._http2 else b"HTTP/1.1")


def _sent(request: httpx.Request, body: bytes) -> Request:
    authority = request.headers.get("host", "") or request.url.netloc.decode("ascii")
    headers = Headers()
    headers.raw = [
        (name.lower(), value)
        for name, value in request.headers.raw
        if name.lower() != b"host" and name.lower() not in HOP_BY_HOP
    ]
    path = to_text(request.url.raw_path)
    return Request(request.method, path, headers, body, authority=authority, scheme=request.url.scheme)


def _received(exchange: Exchange, request: httpx.Request, version: bytes) -> httpx.Response:
    """Return the response of an exchange as an httpx response.

    Raises
    ------
    httpx.ReadTimeout
        There is no response, because a filter still holds the request.
    httpx.RemoteProtocolError
        The proxy closed the connection.
    """
    response = exchange.response
    if response is None:
        reason = exchange.paused or exchange.state
        raise httpx.ReadTimeout(f"No response arrived within the time limit: {reason}.", request=request)
    if not response.status or response.reset:
        raise httpx.RemoteProtocolError(
            "The proxy closed the connection before the end of the response.", request=request
        )
    headers = [pair for pair in response.headers.raw if pair[0] not in HOP_BY_HOP]
    return httpx.Response(
        response.status,
        headers=headers,
        stream=httpx.ByteStream(response.body),
        extensions={"http_version": version, "exchange": exchange},
    )
