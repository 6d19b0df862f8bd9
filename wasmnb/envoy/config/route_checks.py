"""Checks for errors in routes that Envoy reports only when it loads listeners. `validation` stops Envoy before that step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .fields import FileFields

__all__ = ["check_routes"]

#: Kinds of actions. A route must have one of them.
_ACTIONS = ("route", "redirect", "direct_response", "filter_action", "non_forwarding_action")
_MATCHES = ("prefix", "path", "safe_regex", "connect_matcher", "path_separated_prefix", "path_match_policy")
_STATUSES = range(200, 600)


def check_routes(fields: FileFields, config: Mapping[str, Any], clusters: Collection[str] | None) -> None:
    """Raise an error if Envoy would refuse a `RouteConfiguration`.

    Parameters
    ----------
    fields
        Reader of the file, which adds line numbers to error messages.
    config
        The route configuration.
    clusters
        Names of the file's clusters. If None, clusters aren't checked, because Envoy can receive more clusters at run time.

    Raises
    ------
    UsageError
        Envoy would refuse the configuration.
    """
    names: set[str] = set()
    domains: set[str] = set()
    for host in fields.mappings(config, "virtual_hosts"):
        name = fields.text(host, "name")
        if name in names:
            raise fields.fail(f"Envoy refuses two virtual hosts with the name {name!r}. Rename one.", host, "name")
        names.add(name)
        if not fields.sequence(host, "domains"):
            raise fields.fail(f"Envoy refuses the virtual host {name!r}, because it has no domains. Add domains.", host)
        for domain in fields.sequence(host, "domains"):
            if str(domain).lower() in domains:
                raise fields.fail(
                    f"Envoy refuses the domain {domain!r}, because it occurs twice. Remove one.", host, "domains"
                )
            domains.add(str(domain).lower())
        for route in fields.mappings(host, "routes"):
            _check_route(fields, route)
            if clusters is not None and config.get("validate_clusters", True) is not False:
                _check_clusters(fields, route, clusters)


def _check_route(fields: FileFields, route: Mapping[str, Any]) -> None:
    if not any(name in fields.mapping(route, "match") for name in _MATCHES):
        raise fields.fail(
            f"Envoy refuses the route, because its match has no condition. Add one of {', '.join(_MATCHES)}.",
            route,
            "match",
        )
    if not any(name in route for name in _ACTIONS):
        raise fields.fail(
            "Envoy refuses the route, because it has no action. Add route, redirect or direct_response.", route
        )
    direct = fields.mapping(route, "direct_response")
    if direct and direct.get("status") not in _STATUSES:
        raise fields.fail(
            f"The status of a direct response must be between {_STATUSES[0]} and {_STATUSES[-1]}, not {direct.get('status')!r}.",
            direct,
            "status",
        )
    weights = fields.mappings(fields.mapping(fields.mapping(route, "route"), "weighted_clusters"), "clusters")
    if weights and not any(
        fields.integer(cluster, "weight") for cluster in weights if cluster.get("weight") is not None
    ):
        raise fields.fail(
            "Envoy refuses weighted_clusters whose weights are all 0. Set one to 1 or more.", weights[0], "weight"
        )


def _check_clusters(fields: FileFields, route: Mapping[str, Any], clusters: Collection[str]) -> None:
    for holder, key in _named_clusters(fields, fields.mapping(route, "route")):
        name = fields.text(holder, key)
        if name and name not in clusters:
            known = ", ".join(sorted(clusters)) or "none"
            raise fields.fail(
                f"Envoy refuses the route, because its cluster {name!r} is unknown. Clusters in the file: {known}.",
                holder,
                key,
            )


def _named_clusters(fields: FileFields, action: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    yield action, "cluster"
    for cluster in fields.mappings(fields.mapping(action, "weighted_clusters"), "clusters"):
        yield cluster, "name"
