"""Responses of routes without an upstream, which are redirects and direct responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..route_table.formatter import Facts
from ..route_table.route import Redirect

if TYPE_CHECKING:
    from ....abi import Pair
    from ...contexts.stream_info import StreamInfo
    from ..header_map import HeaderMap
    from ..route_table.route import Route

__all__ = ["RouteResponse", "response_of_route"]

_CREATED = 201
_REDIRECTS = range(300, 400)


class RouteResponse(NamedTuple):
    """A response that a route sends without an upstream."""

    status: int
    body: bytes
    headers: list[Pair]


def response_of_route(route: Route, headers: HeaderMap, info: StreamInfo) -> RouteResponse | None:
    """Return a route's redirect or direct response, or None if the route forwards requests to a cluster."""
    entry = route.entry
    if entry is None:
        return None
    if entry.redirect is not None:
        location = entry.redirect.location(headers, entry)
        return RouteResponse(entry.redirect.status, b"", [(b"location", location)])
    if entry.direct is None:
        return None
    direct = entry.direct
    body, kind = direct.body, b"text/plain"
    if direct.format is not None:
        body, kind = direct.format(Facts(info, headers, body=body)), direct.format.content_type
    added: list[Pair] = [(b"content-type", kind)] if kind != b"text/plain" else []
    located = direct.status == _CREATED or direct.status in _REDIRECTS
    if located:
        added.append((b"location", Redirect().location(headers, entry)))
    return RouteResponse(direct.status, body, added)
