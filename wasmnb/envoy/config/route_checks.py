"""Route configurations that Envoy refuses when it loads the listener, after the part of the file that `validation` lets it read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .fields import FileFields

__all__ = ["check_routes"]

#: Kinds of actions, of which a route needs one.
_ACTIONS = ("route", "redirect", "direct_response", "filter_action", "non_forwarding_action")
_MATCHES = ("prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix", "path_match_policy")
_STATUSES = range(200, 600)


def check_routes(fields: FileFields, config: Mapping[str, Any], clusters: Collection[str] | None) -> None:
    """Check a `RouteConfiguration`.

    Parameters
    ----------
    fields
        Reader of the file, which knows its lines.
    config
        The configuration.
    clusters
        Names of the file's clusters; None if others may be added.

    Raises
    ------
    UsageError
        Envoy refuses it.
    """
    names: set[str] = set()
    domains: set[str] = set()
    for host in fields.mappings(config, "virtual_hosts"):
        name = fields.text(host, "name")
        if name in names:
            raise fields.fail(f"Envoy refuses two virtual hosts with the name {name!r}.", host, "name")
        names.add(name)
        if not fields.sequence(host, "domains"):
            raise fields.fail(f"Envoy refuses the virtual host {name!r}, because it has no domains.", host)
        for domain in fields.sequence(host, "domains"):
            if str(domain).lower() in domains:
                raise fields.fail(f"Envoy refuses the domain {domain!r} twice.", host, "domains")
            domains.add(str(domain).lower())
        for route in fields.mappings(host, "routes"):
            _check_route(fields, route)
            if clusters is not None and config.get("validate_clusters", True) is not False:
                _check_clusters(fields, route, clusters)


def _check_route(fields: FileFields, route: Mapping[str, Any]) -> None:
    if not any(name in fields.mapping(route, "match") for name in _MATCHES):
        raise fields.fail(f"Envoy refuses a route whose match has none of {', '.join(_MATCHES)}.", route, "match")
    if not any(name in route for name in _ACTIONS):
        raise fields.fail("Envoy refuses a route without an action: route, redirect or direct_response.", route)
    direct = fields.mapping(route, "direct_response")
    if direct and direct.get("status") not in _STATUSES:
        raise fields.fail(f"Envoy refuses the status {direct.get('status')!r} of a direct response.", direct, "status")
    weights = fields.mappings(fields.mapping(fields.mapping(route, "route"), "weighted_clusters"), "clusters")
    if weights and not any(
        fields.integer(cluster, "weight") for cluster in weights if cluster.get("weight") is not None
    ):
        raise fields.fail("Envoy refuses weighted clusters whose weights are all 0.", weights[0], "weight")


def _check_clusters(fields: FileFields, route: Mapping[str, Any], clusters: Collection[str]) -> None:
    for holder, key in _named_clusters(fields, fields.mapping(route, "route")):
        name = fields.text(holder, key)
        if name and name not in clusters:
            known = ", ".join(sorted(clusters)) or "none"
            raise fields.fail(
                f"Envoy refuses a route to the unknown cluster {name!r}; the file has {known}.", holder, key
            )


def _named_clusters(fields: FileFields, action: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    yield action, "cluster"
    for cluster in fields.mappings(fields.mapping(action, "weighted_clusters"), "clusters"):
        yield cluster, "name"
