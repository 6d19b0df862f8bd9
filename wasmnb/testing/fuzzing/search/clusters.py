"""Clusters that are created at their first use, so that every call of a filter has a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....host import Cluster

__all__ = ["OnDemandClusters"]

#: Name of the proxy's upstream, whose hosts stay.
_MAIN = "upstream"


class OnDemandClusters(dict[str, Any]):
    """Clusters by name; unknown ones are created and respond as the scenario says.

    Parameters
    ----------
    known
        Existing clusters by name.
    make
        Function that creates the cluster of a name.

    Attributes
    ----------
    requested
        Names of the created clusters.
    """

    def __init__(self, known: Mapping[str, Any], make: Callable[[str], Cluster]) -> None:
        super().__init__(known)
        self.requested: set[str] = set()
        self._make = make
        self._hosts = 1

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 -- dict's signature
        """Return the cluster, which is created if it is new."""
        if name not in self:
            self.requested.add(name)
            self[name] = self._make(name)
            self[name].endpoints = self._hosts
        return self[name]

    def set_hosts(self, hosts: int) -> None:
        """Set the number of hosts of each service."""
        self._hosts = hosts
        for name, cluster in self.items():
            if name != _MAIN:
                cluster.endpoints = hosts
