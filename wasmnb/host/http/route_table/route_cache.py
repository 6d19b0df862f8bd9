"""The route cache of a stream.

In Envoy 1.40, the route is chosen when the headers arrive. If a filter clears the route cache, the router chooses the route
again.
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
    """Interface of the worker, which chooses routes."""

    #: Routes for new requests.
    table: RouteTable

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the route for request headers, or None if no route matches."""
        ...


class RouteCache:
    """Cache of the route of one stream, which filters can clear.

    Parameters
    ----------
    info
        Information about the stream, whose `route` is the cached route.
    routes
        The worker, which chooses routes.
    """

    def __init__(self, info: StreamInfo, routes: RouteChooser) -> None:
        self._info = info
        self._routes = routes
        self._valid = self._chosen = False

    def route(self, headers: HeaderMap) -> Route | None:
        """Return the cached route. If there is none, choose the route for these request headers."""
        info = self._info
        if not self._valid or info.route is None:
            self._valid = self._chosen = True
            info.route = self._routes.route(headers)
            self._set_host(headers)
        return info.route

    def find_host(self, headers: HeaderMap) -> None:
        """Set the virtual host in the stream's information, if no route has been chosen."""
        if not self._chosen:
            self._set_host(headers)

    def clear(self) -> None:
        """Clear the cached route, so that it is chosen again when it is needed."""
        self._valid = False

    def _set_host(self, headers: HeaderMap) -> None:
        host = self._routes.table.host(headers)
        self._info.host_name = host.name if host is not None else ""
