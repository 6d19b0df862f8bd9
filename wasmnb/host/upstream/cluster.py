"""Clusters: upstreams that respond to requests and callouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...abi.text import encode_text
from ...errors import UsageError
from ...messages import Headers, Request, Response

__all__ = ["Cluster", "Upstream", "echo", "to_cluster", "to_clusters"]

#: Source of a cluster's responses: a fixed response, a function, or None for the echo.
Upstream = Response | Callable[[Request], Any] | None


def echo(request: Request) -> Response:
    """Respond with 200, the request's body, and method and path in `x-echo-*` headers."""
    headers = Headers([("x-echo-method", request.method), ("x-echo-path", request.path)])
    content_type = request.headers.get("content-type")
    if content_type is not None:
        headers.add("content-type", content_type)
    return Response(200, headers, request.body)


@dataclass
class Cluster:
    """An upstream and its configuration.

    Parameters
    ----------
    upstream
        A `Response`, a function from `Request` to `Response`, or None for the echo (the default). The function may raise
        `ConnectionRefusedError` (connection refused) or another `ConnectionError` (closed before the response).
    name
        Name of the cluster.
    alive
        False to refuse connections (default True).
    endpoints
        Number of hosts (default 1); with 0 a request fails at once.
    http2
        The cluster speaks HTTP/2, as gRPC needs it (default False).
    buffer_limit
        Bytes, as `per_connection_buffer_limit_bytes` (default 1 MiB).
    address
        Value of the upstream's address properties (default `127.0.0.1:10080`).
    metadata
        As in Envoy's configuration: `{"filter_metadata": {...}}`.
    early
        Called when a request's headers have arrived. It returns a `Response` to respond before the body, or None.
    """

    upstream: Upstream = None
    name: str = ""
    alive: bool = True
    endpoints: int = 1
    http2: bool = False
    buffer_limit: int = 1 << 20
    address: str = "127.0.0.1:10080"
    metadata: Any = None
    early: Callable[[Request], Response | None] | None = None

    def respond(self, request: Request) -> Response:
        """Call the upstream.

        Parameters
        ----------
        request
            The complete request.

        Returns
        -------
        Response
            A number or text from the function becomes a response with that status or body.

        Raises
        ------
        ConnectionError
            The cluster is not alive, or the function raised it.
        UsageError
            The function did not return a response.
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
        raise UsageError(f"The upstream {self.name!r} returned {type(result).__name__}; it must return a Response.")


def to_cluster(name: str, value: Any, *, main: bool = False) -> Cluster:
    """Build a cluster from a user's value.

    Parameters
    ----------
    name
        Its name.
    value
        A `Response`, a function, a `Cluster` or None.
    main
        It is the main upstream, for which None means the echo; for any other None means a cluster without endpoints.

    Raises
    ------
    UsageError
        The value is of another type.
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
    """Build all clusters by name.

    Parameters
    ----------
    main, upstream
        Name and value of the main upstream.
    others
        Values of the other clusters by name, or None.
    """
    clusters = {main: to_cluster(main, upstream, main=True)}
    clusters.update({name: to_cluster(name, value) for name, value in (others or {}).items()})
    return clusters
