"""The ways to send a request, and their options."""

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
    """Options of sending, as `Requests.request` documents them."""

    worker: int | None
    http2: bool
    wait: Wait
    timeout: float | None
    complete: bool
    properties: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None


class RequestOptions(SendOptions, total=False):
    """Options of a request, as `Requests.request` documents them."""

    trailers: HeadersLike
    chunks: Iterable[Text] | None
    json: Any
    authority: str


class Requests(Protocol[E_co]):
    """The ways to send a request, which both kinds of proxy and their sessions inherit. They all end in `send`."""

    @abstractmethod
    def send(self, request: Request, **options: Unpack[SendOptions]) -> E_co:
        """Send a `Request` as `request` does."""

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
            The request line (`GET /`).
        headers, trailers
            `Headers`, a mapping, or names and values in pairs.
        body, chunks, json
            The body in one piece (with a content-length), in several chunks, or as a value that is written as JSON, with its
            content-type.
        authority
            The `host` header, or `:authority`.
        worker
            Number of the worker that accepts the connection, from 1. By default the simulated workers take turns. In a
            real Envoy the kernel always chooses.
        http2
            Send the request over HTTP/2 instead of HTTP/1.1. With a real Envoy this needs the package `h2`.
        wait
            Seconds to wait for a response that a filter holds back: 20 virtual seconds in the simulated proxy, where the
            exchange continues in later calls; the `timeout` of a real Envoy, 5 seconds without traffic. The exchange is
            `paused` then. None for no limit.
        timeout
            Seconds after which the client gives up: it closes its connection, and the filters' streams end as for any
            client that leaves. Virtual seconds in the simulated proxy; None, the default, for a patient client.
        complete
            False: the client never sends the end of its body, so that it leaves in the middle of it if it has a `timeout`.
        properties
            Properties that filters read during this request, by their paths with dots: `{"source.address": "10.0.0.1:80"}`.
            A real Envoy computes its own ones; it takes `filter_state.NAME` if it was started with `request_state=True`.
        metadata
            Dynamic metadata of the request: `{"com.example": {"tier": "gold"}}`, as for `properties`.

        Raises
        ------
        UsageError
            The proxy is closed or has no such worker; there are several bodies, or properties that can't be given.
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
