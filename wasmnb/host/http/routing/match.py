"""`RouteMatch`: the short way to write a route."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....messages import to_bytes
from .matchers import HeaderMatcher, PathMatcher
from .route import RouteEntry

__all__ = ["RouteMatch"]


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

    @property
    def entry(self) -> RouteEntry:
        """The route as the route table has it."""
        conditions = [HeaderMatcher({"name": n, "string_match": {"exact": v}}) for n, v in self.headers.items()]
        path = PathMatcher("prefix", to_bytes(self.prefix))
        return RouteEntry(path, conditions, self.name, self.metadata, self.cluster)
