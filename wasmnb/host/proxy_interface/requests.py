"""Interface for sending requests, with the options of a request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from types import EllipsisType
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

from ...messages import HeadersLike, Request, Text

__all__ = ["RequestOptions", "Requests", "SendOptions", "Wait"]

#: Type of the exchanges.
E_co = TypeVar("E_co", covariant=True)

#: Seconds to wait for a response; None for no limit, `...` for the proxy's default.
Wait = float | EllipsisType | None


class SendOptions(TypedDict, total=False):
    """Options of how a request is sent, which `Requests.request` documents."""

    worker: int | None
    http2: bool
    wait: Wait
    timeout: float | None
    complete: bool
    properties: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None


class RequestOptions(SendOptions, total=False):
    """All options of a request, which `Requests.request` documents."""

    trailers: HeadersLike
    chunks: Iterable[Text] | None
    json: Any
    authority: str


class Requests(Protocol[E_co]):
    """Methods that send a request, for both kinds of proxy and their sessions. All of them call `send`."""

    @abstractmethod
    def send(self, request: Request, **options: Unpack[SendOptions]) -> E_co:
        """Send a `Request` object. The options are those of `request`."""

    def request(
        self,
        method: str = "GET",
        path: str = "/",
        headers: HeadersLike = (),
        body: Text = b"",
        trailers: HeadersLike = (),
        *,
        chunks: Iterable[Text] | None = None,
        json: Any = ...,
        authority: str = "example.com",
        **options: Unpack[SendOptions],
    ) -> E_co:
        """Send a request, wait for its end, and return the exchange.

        Parameters
        ----------
        method, path
            Method and path of the request line (default `GET /`).
        headers, trailers
            `Headers`, a mapping, or pairs of names and values (default none).
        body, chunks, json
            The body: bytes or text in one piece, with a content-length; several chunks; or a value to send as JSON, with its
            content-type. Give at most one of the three (default empty).
        authority
            Value of the `host` header, or of `:authority` (default `example.com`).
        worker
            Number of the worker that accepts the connection, from 1. By default the simulated workers take turns. In a
            real Envoy the kernel always chooses.
        http2
            Send the request over HTTP/2 instead of HTTP/1.1 (default False). With a real Envoy this needs the package `h2`.
        wait
            Seconds to wait for the end of the response, for example if a filter holds it back. Then the exchange is returned
            as `paused`. The simulated proxy waits 20 virtual seconds by default, and continues the exchange in later calls. A
            real Envoy waits for its `timeout` by default, 5 seconds without traffic. None: no limit.
        timeout
            Seconds after which the client gives up and closes its connection, virtual ones in the simulated proxy. None (the
            default): the client doesn't give up.
        complete
            Whether the client sends the end of the body (default True). With False and a `timeout`, it closes its connection
            in the middle of the body.
        properties
            Values of properties that filters read during this request, by path: `{"source.address": "10.0.0.1:80"}`. A real
            Envoy has its own values; it only accepts `filter_state.NAME`, if you started it with `request_state=True`.
        metadata
            Dynamic metadata of the request: `{"com.example": {"tier": "gold"}}`. For a real Envoy, see `properties`.

        Raises
        ------
        UsageError
            The proxy is closed, it has no such worker, there are several bodies, or a property can't be set.
        """
        return self.send(Request.of(method, path, headers, body, trailers, authority, chunks, json), **options)

    def get(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a GET request; the options are those of `request`."""
        return self.request("GET", path, headers, body, **options)

    def post(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a POST request; the options are those of `request`."""
        return self.request("POST", path, headers, body, **options)

    def put(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a PUT request; the options are those of `request`."""
        return self.request("PUT", path, headers, body, **options)

    def patch(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a PATCH request; the options are those of `request`."""
        return self.request("PATCH", path, headers, body, **options)

    def head(self, path: str = "/", headers: HeadersLike = (), **options: Unpack[RequestOptions]) -> E_co:
        """Send a HEAD request; the options are those of `request`."""
        return self.request("HEAD", path, headers, **options)

    def options(self, path: str = "/", headers: HeadersLike = (), **options: Unpack[RequestOptions]) -> E_co:
        """Send an OPTIONS request; the options are those of `request`."""
        return self.request("OPTIONS", path, headers, **options)

    def delete(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a DELETE request; the options are those of `request`."""
        return self.request("DELETE", path, headers, body, **options)
