"""Interface for sending requests, with the options of a request."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from types import EllipsisType
from typing import Any, Protocol, TypedDict, TypeVar, Unpack

from ...messages import HeadersLike, Request, Text

__all__ = ["RequestOptions", "Requests", "SendOptions", "Wait"]

#: Type of the exchanges that the methods return.
E_co = TypeVar("E_co", covariant=True)

#: Seconds to wait for a response. None for no limit, `...` for the proxy's default.
Wait = float | EllipsisType | None


class SendOptions(TypedDict, total=False):
    """Options for sending a request. See `Requests.request` for details."""

    worker: int | None
    http2: bool
    wait: Wait
    timeout: float | None
    complete: bool
    properties: Mapping[str, Any] | None
    metadata: Mapping[str, Any] | None


class RequestOptions(SendOptions, total=False):
    """All options of a request, including parts of its message. See `Requests.request` for details."""

    trailers: HeadersLike
    chunks: Iterable[Text] | None
    json: Any
    authority: str


class Requests(Protocol[E_co]):
    """Methods for sending requests, shared by both kinds of proxy and their sessions. All of them call `send`."""

    @abstractmethod
    def send(self, request: Request, **options: Unpack[SendOptions]) -> E_co:
        """Send a `Request` object, wait for the end of its exchange, and return the exchange.

        Parameters
        ----------
        request
            The request, for example from `Request(...)` or from another exchange.
        options
            Options of `request`, from `worker` to `metadata`.
        """

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
        """Send a request, wait for the end of its exchange, and return the exchange.

        Parameters
        ----------
        method, path
            Method and path of the request line (default `GET /`).
        headers, trailers
            `Headers`, a mapping, or pairs of names and values (default none).
        body, chunks, json
            The body (default empty), in one of three forms: `body` is bytes or text to send as one chunk with a content-length,
            `chunks` contains several chunks, and `json` is a value to send as JSON with its content-type.
        authority
            Value of the `host` header, or of `:authority` (default `example.com`).
        worker
            Number of the worker that accepts the connection, from 1. By default, the simulated proxy uses its workers in turn.
            In a real Envoy, the kernel always chooses the worker.
        http2
            Whether to send the request over HTTP/2 instead of HTTP/1.1 (default False). With a real Envoy, this requires the
            package `h2`.
        wait
            Maximum seconds to wait for the end of the response, or None for no limit. If the exchange hasn't ended then, it is
            returned with the state `open` or `paused`. By default, the simulated proxy waits 20 virtual seconds, and the
            exchange continues in later calls. By default, a real Envoy waits until its `timeout` of 5 seconds passes without
            traffic; the client then closes its connection, unless it is that of a session.
        timeout
            Seconds after which the client gives up and closes its connection (virtual seconds in the simulated proxy). By
            default (None), the client doesn't give up.
        complete
            Whether the client sends the end of the body (default True). With False and a `timeout`, the client disconnects
            in the middle of the body.
        properties
            Properties that filters can read during this request, by path, such as `{"source.address": "10.0.0.1:80"}`. A real
            Envoy accepts only `filter_state.NAME`, and only if it was started with `request_state=True`.
        metadata
            Dynamic metadata of the request, such as `{"com.example": {"tier": "gold"}}`. A real Envoy accepts it only if it was
            started with `request_state=True`.

        Raises
        ------
        UsageError
            The proxy is closed, the worker doesn't exist, several bodies were passed, or a property can't be set.
        """
        return self.send(Request.of(method, path, headers, body, trailers, authority, chunks, json), **options)

    def get(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a GET request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        body
            Bytes or text to send (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("GET", path, headers, body, **options)

    def post(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a POST request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        body
            Bytes or text to send (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("POST", path, headers, body, **options)

    def put(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a PUT request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        body
            Bytes or text to send (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("PUT", path, headers, body, **options)

    def patch(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a PATCH request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        body
            Bytes or text to send (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("PATCH", path, headers, body, **options)

    def head(self, path: str = "/", headers: HeadersLike = (), **options: Unpack[RequestOptions]) -> E_co:
        """Send a HEAD request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("HEAD", path, headers, **options)

    def options(self, path: str = "/", headers: HeadersLike = (), **options: Unpack[RequestOptions]) -> E_co:
        """Send an OPTIONS request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("OPTIONS", path, headers, **options)

    def delete(
        self, path: str = "/", headers: HeadersLike = (), body: Text = b"", **options: Unpack[RequestOptions]
    ) -> E_co:
        """Send a DELETE request.

        Parameters
        ----------
        path
            Path with the query string (default `/`).
        headers
            `Headers`, a mapping, or pairs of names and values (default none).
        body
            Bytes or text to send (default none).
        options
            Any other parameter of `request`.

        Returns
        -------
        Exchange
            Record of the request and its response.
        """
        return self.request("DELETE", path, headers, body, **options)
