"""The route cache of a stream.

Facts (Envoy 1.40): the route is chosen when the headers arrive, and again by the router if a filter has cleared the route
cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ...contexts.stream_info import StreamInfo
    from ..header_map import HeaderMap
    from .route import Route
    from .table import RouteTable

__all__ = ["RouteCache", "RouteChooser"]


class RouteChooser(Protocol):
    """Chooses routes; the worker does."""

    #: Routes of requests that begin from now on.
    table: RouteTable

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the route for request headers, or None."""
        ...


class RouteCache:
    """The route of one stream, kept until a filter clears it.

    Parameters
    ----------
    info
        Facts about the stream; its `route` is the cached one.
    routes
        Chooses the route for request headers.
    """

    def __init__(self, info: StreamInfo, routes: RouteChooser) -> None:
        self._info = info
        self._routes = routes
        self._valid = self._chosen = False

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the cached route, or choose it by the request's headers."""
        info = self._info
        if not self._valid or info.route is None:
            self._valid = self._chosen = True
            info.route = self._routes.route(headers)
            self._set_host(headers)
        return info.route

    def find_host(self, headers: HeaderMap) -> None:
        """Find the virtual host of a request that gets no route."""
        if not self._chosen:
            self._set_host(headers)

    def clear(self) -> None:
        """Choose the route again at the next use."""
        self._valid = False

    def _set_host(self, headers: HeaderMap) -> None:
        host = self._routes.table.host(headers)
        self._info.host_name = host.name if host is not None else ""
