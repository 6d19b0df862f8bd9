"""Clusters of any name: whatever a filter calls is there, and answers as the scenario says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....host import Cluster

__all__ = ["AnyCluster"]

#: The proxy's own upstream, which is no service that a filter calls.
_MAIN = "upstream"


class AnyCluster(dict[str, Any]):
    """Clusters by name; one that nobody made answers as the scenario says.

    Attributes
    ----------
    asked
        Names that the filter came up with.
    """

    def __init__(self, known: Mapping[str, Any], make: Callable[[str], Cluster]) -> None:
        super().__init__(known)
        self.asked: set[str] = set()
        self._make = make
        self._hosts = 1

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 -- dict's signature
        """The cluster, made if it is new."""
        if name not in self:
            self.asked.add(name)
            self[name] = self._make(name)
            self[name].endpoints = self._hosts
        return self[name]

    def populate(self, hosts: int) -> None:
        """Give each service so many hosts."""
        self._hosts = hosts
        for name, cluster in self.items():
            if name != _MAIN:
                cluster.endpoints = hosts
