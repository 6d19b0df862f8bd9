"""Upstreams: what answers a request, on the main route and in callouts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import UsageError
from ...messages import Headers, Request, Response

__all__ = ["Cluster", "Upstream", "echo", "to_cluster", "to_clusters"]

#: What a cluster answers with: a fixed answer, a function, or nothing for the echo.
Upstream = Response | Callable[[Request], Any] | None


def echo(request: Request) -> Response:
    """Answer 200 with the request's body and, in `x-echo-*` headers, what arrived."""
    headers = Headers([("x-echo-method", request.method), ("x-echo-path", request.path)])
    kind = request.headers.get("content-type")
    if kind is not None:
        headers.add("content-type", kind)
    return Response(200, headers, request.body)


@dataclass
class Cluster:
    """An upstream with its circumstances.

    Parameters
    ----------
    upstream
        A `Response`, a function from `Request` to `Response`, or None for the echo. The function may raise
        `ConnectionRefusedError` (nobody listens) or another `ConnectionError` (it closes before answering).
    alive
        False: the connection is refused.
    endpoints
        Number of hosts; with 0 a call fails at once.
    http2
        The cluster speaks HTTP/2 (gRPC does).
    buffer_limit
        Bytes, as `per_connection_buffer_limit_bytes`.
    address
        Where it is, for the properties that tell.
    metadata
        As in Envoy's configuration: `{"filter_metadata": {...}}`.
    early
        Asked when a request's headers have arrived: a `Response` answers before the body is there, None waits for it.
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
        """Ask the upstream.

        Raises
        ------
        ConnectionError
            It does not answer.
        UsageError
            The function gave something that is no response.
        """
        if not self.alive:
            raise ConnectionRefusedError(self.name)
        if isinstance(self.upstream, Response):
            return self.upstream
        answer = echo(request) if self.upstream is None else self.upstream(request)
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, int):
            return Response(answer)
        if isinstance(answer, str | bytes):
            return Response(200, body=answer if isinstance(answer, bytes) else answer.encode())
        raise UsageError(f"The upstream {self.name!r} gave {type(answer).__name__}; it has to give a Response.")


def to_cluster(name: str, value: Any, *, main: bool = False) -> Cluster:
    """A cluster from what a caller gave for it: nothing is the echo for the main one, no endpoint for any other."""
    if value is None and not main:
        return Cluster(name=name, endpoints=0)
    if isinstance(value, Cluster):
        value.name = value.name or name
        return value
    if value is None or isinstance(value, Response) or callable(value):
        return Cluster(value, name)
    raise UsageError(f"Cluster {name!r} is a Response, a function, a Cluster or None, not {type(value).__name__}.")


def to_clusters(main: str, upstream: Any, others: Mapping[str, Any] | None) -> dict[str, Cluster]:
    """All clusters by name, the main upstream's among them."""
    found = {main: to_cluster(main, upstream, main=True)}
    found.update({name: to_cluster(name, value) for name, value in (others or {}).items()})
    return found
