"""The route table, with virtual hosts by domain, and the choice of a request's route.

In Envoy 1.40, exact domains are tried first, then the longest `*.suffix`, then the longest `prefix.*`, then `*`, ignoring case.
A request without `x-forwarded-proto`, or with an empty one, has no route. A virtual host that requires TLS redirects requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ..header_map import HeaderMap
from .matchers import PathMatcher
from .mutations import Mutations
from .retry_policy import RetryPolicy
from .route import Redirect, Route, RouteEntry

__all__ = ["RouteTable", "VirtualHost"]

_TO_TLS = RouteEntry(PathMatcher("prefix", b""), redirect=Redirect(https=True))


@dataclass
class VirtualHost:
    """A virtual host, with the routes for one or more domains.

    Attributes
    ----------
    require_tls
        Requests that must use TLS: "NONE", "ALL", or "EXTERNAL_ONLY" (all except internal requests).
    timeout_retry
        Whether to add `x-envoy-is-timeout-retry` to retries.
    hedge
        Whether an attempt that takes too long continues while it is retried. None (the default): not configured.
    """

    name: str = ""
    domains: Sequence[str] = ("*",)
    routes: Sequence[RouteEntry] = ()
    mutations: Mutations = field(default_factory=Mutations)
    retry: RetryPolicy | None = None
    per_filter: Mapping[str, Any] = field(default_factory=dict)
    metadata: Any = None
    require_tls: str = "NONE"
    attempt_count: bool = False
    attempt_count_in_response: bool = False
    timeout_retry: bool = False
    hedge: bool | None = None
    table: RouteTable | None = None

    def redirects_to_tls(self, headers: HeaderMap) -> bool:
        """Return whether a request must be redirected to TLS."""
        if headers.get(b"x-forwarded-proto") == b"https":
            return False
        internal = headers.get(b"x-envoy-internal") == b"true"
        return self.require_tls == "ALL" or (self.require_tls == "EXTERNAL_ONLY" and not internal)


@dataclass
class RouteTable:
    """The routes of a connection manager.

    Attributes
    ----------
    hosts
        The virtual hosts.
    internal_only_headers
        Headers that are removed from external requests.
    """

    hosts: Sequence[VirtualHost] = ()
    mutations: Mutations = field(default_factory=Mutations)
    per_filter: Mapping[str, Any] = field(default_factory=dict)
    internal_only_headers: Sequence[bytes] = ()
    ignore_port: bool = False
    most_specific_wins: bool = False

    def __post_init__(self) -> None:
        for host in self.hosts:
            host.table = self

    @classmethod
    def of(cls, routes: Iterable[RouteEntry], name: str = "default") -> RouteTable:
        """Create a table with one virtual host for all domains."""
        return cls([VirtualHost(name, routes=list(routes))])

    @property
    def clusters(self) -> list[str]:
        """Names of the routes' clusters, without duplicates."""
        entries = [e for host in self.hosts for e in host.routes]
        return list(dict.fromkeys(n for e in entries for n in (e.cluster, *(w.name for w in e.weighted)) if n))

    def enables(self, name: str) -> bool:
        """Return whether any level of the routes enables an HTTP filter that the chain disables."""
        entries = [entry for host in self.hosts for entry in host.routes]
        weighted = [cluster for entry in entries for cluster in entry.weighted]
        levels = [self.per_filter]
        levels += [host.per_filter for host in self.hosts]
        levels += [entry.per_filter for entry in entries]
        levels += [cluster.per_filter for cluster in weighted]
        return any(not level[name].get("disabled", False) for level in levels if name in level)

    def find(self, headers: HeaderMap, random: Random) -> Route | None:
        """Return the route of a request, or None if no route matches."""
        if not headers.get(b"x-forwarded-proto"):
            return None
        host = self._host(headers)
        if host is None:
            return None
        if host.redirects_to_tls(headers):
            return Route("", entry=_TO_TLS, host=host)
        entry = next((r for r in host.routes if r.matches(headers)), None)
        return entry.resolve(headers, host, random) if entry is not None else None

    def host(self, headers: HeaderMap) -> VirtualHost | None:
        """Return the virtual host of a request, or None if no domain matches."""
        return self._host(headers)

    def _host(self, headers: HeaderMap) -> VirtualHost | None:
        if len(self.hosts) == 1 and "*" in self.hosts[0].domains:
            return self.hosts[0]
        name = (headers.get(b":authority") or b"").decode("latin-1").lower()
        if self.ignore_port and (parts := name.rpartition(":"))[1] and parts[2].isdigit():
            name = parts[0]
        ranked = [(_rank(d.lower(), name), host) for host in self.hosts for d in host.domains]
        best = max((r for r in ranked if r[0] is not None), key=lambda r: r[0], default=None)  # type: ignore[arg-type,return-value]
        return best[1] if best is not None else None


def _rank(domain: str, name: str) -> tuple[int, int] | None:
    """Return a sort key that is larger for domains that match a host more specifically, or None without a match."""
    if domain == name:
        return (3, 0)
    if domain == "*":
        return (0, 0)
    if domain.startswith("*"):
        return (2, len(domain)) if name.endswith(domain[1:]) and len(name) >= len(domain) else None
    if domain.endswith("*"):
        return (1, len(domain)) if name.startswith(domain[:-1]) and len(name) >= len(domain) else None
    return None
