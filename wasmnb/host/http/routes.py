"""Routes: which cluster a request goes to.

Facts (Envoy 1.40): the first match counts. A request without `:path` or without `x-forwarded-proto` matches nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...messages import to_bytes
from ..contexts.stream_info import Route
from .header_map import HeaderMap

__all__ = ["RouteMatch", "choose"]


@dataclass(frozen=True)
class RouteMatch:
    """One route.

    Parameters
    ----------
    prefix
        What the path begins with.
    headers
        Headers that must have these values.
    cluster, name, metadata
        Where such requests go, and what properties tell of the route.
    """

    prefix: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    cluster: str = "upstream"
    name: str = ""
    metadata: Any = None

    def matches(self, path: bytes, headers: HeaderMap) -> bool:
        """Whether a request goes here."""
        if not path.startswith(to_bytes(self.prefix)):
            return False
        return all(headers.get(to_bytes(n).lower()) == to_bytes(v) for n, v in self.headers.items())

    @property
    def route(self) -> Route:
        """What the stream keeps of it."""
        return Route(self.cluster, self.name, self.metadata)


def choose(routes: Iterable[RouteMatch], headers: HeaderMap) -> Route | None:
    """The route of a request, or None."""
    path = headers.get(b":path")
    if path is None or b"x-forwarded-proto" not in headers:
        return None
    return next((r.route for r in routes if r.matches(path, headers)), None)
