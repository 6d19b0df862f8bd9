"""Clusters, whose upstreams respond to requests and callouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...abi.text import encode_text
from ...errors import UsageError
from ...messages import Headers, Request, Response

__all__ = ["Cluster", "UpstreamArgument", "echo", "to_cluster", "to_clusters"]

#: Source of a cluster's responses: a fixed response, a function, or None for the echo.
UpstreamArgument = Response | Callable[[Request], Any] | None


def echo(request: Request) -> Response:
    """Respond with status 200 and the request's body. The request's method and path are in the headers `x-echo-method` and
    `x-echo-path`.
    """
    headers = Headers([("x-echo-method", request.method), ("x-echo-path", request.path)])
    content_type = request.headers.get("content-type")
    if content_type is not None:
        headers.add("content-type", content_type)
    return Response(200, headers, request.body)


@dataclass
class Cluster:
    """An upstream cluster with its settings in Envoy's configuration.

    Parameters
    ----------
    upstream
        A `Response`, or a function that accepts a `Request` and returns a `Response`. By default (None), the upstream echoes
        the request. To simulate a failure, the function can raise `ConnectionRefusedError` (connection refused) or another
        `ConnectionError` (connection closed before the response).
    name
        Name of the cluster. By default, its key in `Proxy(clusters=...)`.
    alive
        Whether the cluster accepts connections (default True).
    endpoints
        Number of hosts (default 1). With 0, requests fail immediately.
    http2
        Whether the cluster uses HTTP/2, which gRPC requires (default False).
    buffer_limit
        Buffer limit of a connection in bytes, Envoy's `per_connection_buffer_limit_bytes` (default 1 MiB).
    address
        Address and port of the host, as in `upstream` properties (default `127.0.0.1:10080`).
    metadata
        Metadata of the cluster, as in Envoy's configuration: `{"filter_metadata": {...}}` (default none).
    early
        Function called with a request whose headers have arrived. It returns a `Response` to respond before the body arrives,
        or None to wait for the body. By default, the upstream waits for the body.
    """

    upstream: UpstreamArgument = None
    name: str = ""
    alive: bool = True
    endpoints: int = 1
    http2: bool = False
    buffer_limit: int = 1 << 20
    address: str = "127.0.0.1:10080"
    metadata: Any = None
    early: Callable[[Request], Response | None] | None = None

    def respond(self, request: Request) -> Response:
        """Return the upstream's response to a request.

        Parameters
        ----------
        request
            The complete request.

        Returns
        -------
        Response
            The response. If the upstream's function returns a number or text, this is the status or the body.

        Raises
        ------
        ConnectionError
            The cluster isn't alive, or the function raised the error.
        UsageError
            The function returned a value that isn't a response, a number, text or bytes.
        """
        if not self.alive:
            raise ConnectionRefusedError(self.name)
        if isinstance(self.upstream, Response):
            return self.upstream
        result = echo(request) if self.upstream is None else self.upstream(request)
        if isinstance(result, Response):
            return result
        if isinstance(result, int):
            return Response(result)
        if isinstance(result, str | bytes):
            return Response(200, body=result if isinstance(result, bytes) else encode_text(result))
        raise UsageError(
            f"The upstream function of cluster {self.name!r} must return a Response, not {type(result).__name__}."
        )


def to_cluster(name: str, value: Any, *, main: bool = False) -> Cluster:
    """Convert an upstream passed by the user to a cluster.

    Parameters
    ----------
    name
        Name of the cluster.
    value
        A `Response`, a function, a `Cluster` or None.
    main
        Whether this is the main cluster (default False). If `value` is None, the main cluster echoes requests, and any other
        cluster has no endpoints.

    Raises
    ------
    UsageError
        The value has another type.
    """
    if value is None and not main:
        return Cluster(name=name, endpoints=0)
    if isinstance(value, Cluster):
        value.name = value.name or name
        return value
    if value is None or isinstance(value, Response) or callable(value):
        return Cluster(value, name)
    raise UsageError(f"Cluster {name!r} must be a Response, a function, a Cluster or None, not {type(value).__name__}.")


def to_clusters(main: str, upstream: Any, others: Mapping[str, Any] | None) -> dict[str, Cluster]:
    """Convert the upstreams passed by the user to clusters by name.

    Parameters
    ----------
    main, upstream
        Name and value of the main cluster.
    others
        Values of the other clusters by name, or None.
    """
    clusters = {main: to_cluster(main, upstream, main=True)}
    clusters.update({name: to_cluster(name, value) for name, value in (others or {}).items()})
    return clusters
