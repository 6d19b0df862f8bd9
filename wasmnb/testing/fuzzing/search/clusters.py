"""Clusters that are created when they are first used, so that every callout of a filter reaches a service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....host import Cluster

__all__ = ["OnDemandClusters"]

#: Name of the proxy's upstream. Its number of hosts is never changed.
_MAIN = "upstream"


class OnDemandClusters(dict[str, Any]):
    """A dict of clusters by name, in which missing clusters are created when they are looked up.

    Parameters
    ----------
    known
        Existing clusters by name.
    make
        Function that receives the name of a missing cluster and creates it.

    Attributes
    ----------
    requested
        Names of the clusters that were created.
    """

    def __init__(self, known: Mapping[str, Any], make: Callable[[str], Cluster]) -> None:
        super().__init__(known)
        self.requested: set[str] = set()
        self._make = make
        self._hosts = 1

    def get(self, name: str, default: Any = None) -> Any:  # noqa: ARG002 -- dict's signature
        """Return the cluster with this name. It is created if it is missing."""
        if name not in self:
            self.requested.add(name)
            self[name] = self._make(name)
            self[name].endpoints = self._hosts
        return self[name]

    def set_hosts(self, hosts: int) -> None:
        """Set the number of hosts of all clusters except the proxy's upstream."""
        self._hosts = hosts
        for name, cluster in self.items():
            if name != _MAIN:
                cluster.endpoints = hosts
