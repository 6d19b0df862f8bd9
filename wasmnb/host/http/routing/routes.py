"""Routes: which cluster a request goes to.

Facts (Envoy 1.40): the first match counts. A request without `:path` or without `x-forwarded-proto` matches nothing. The
route is chosen when the headers arrive, and again by the router if a filter has cleared the route cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ....messages import to_bytes
from ...contexts.stream_info import Route, StreamInfo
from ..header_map import HeaderMap

__all__ = ["RouteCache", "RouteMatch", "choose_route"]


@dataclass(frozen=True)
class RouteMatch:
    """One route.

    Parameters
    ----------
    prefix
        Prefix of the path (default `/`, which every path has).
    headers
        Headers that must have these values (default none).
    cluster
        Name of the cluster (default `upstream`).
    name, metadata
        Values of the route's properties (default none).
    """

    prefix: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    cluster: str = "upstream"
    name: str = ""
    metadata: Any = None

    def matches(self, path: bytes, headers: HeaderMap) -> bool:
        """Return whether a request with this path and these headers takes the route."""
        if not path.startswith(to_bytes(self.prefix)):
            return False
        return all(headers.get(to_bytes(n).lower()) == to_bytes(v) for n, v in self.headers.items())

    @property
    def route(self) -> Route:
        """The route as a stream keeps it."""
        return Route(self.cluster, self.name, self.metadata)


def choose_route(routes: Iterable[RouteMatch], headers: HeaderMap) -> Route | None:
    """Return the first route that matches a request's headers, or None."""
    path = headers.get(b":path")
    if path is None or b"x-forwarded-proto" not in headers:
        return None
    return next((r.route for r in routes if r.matches(path, headers)), None)


class RouteCache:
    """The route of one stream, kept until a filter clears it.

    Parameters
    ----------
    info
        Facts about the stream; its `route` is the cached one.
    choose
        Returns the route for request headers.
    """

    def __init__(self, info: StreamInfo, choose: Callable[[HeaderMap], Route | None]) -> None:
        self._info = info
        self._choose = choose
        self._valid = False

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the cached route, or choose it by the request's headers."""
        info = self._info
        if not self._valid or info.route is None:
            self._valid = True
            info.route = self._choose(headers)
        return info.route

    def clear(self) -> None:
        """Have the route chosen again at the next use."""
        self._valid = False
