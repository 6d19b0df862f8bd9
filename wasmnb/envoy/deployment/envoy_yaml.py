"""The file `envoy.yaml` of an export: a complete configuration for Envoy with the exported filters.

`..config.bootstrap` creates the listeners and clusters, with fixed ports on loopback. Upstreams that are Python functions in
the simulation receive addresses: 127.0.0.1:8000 (the port can be changed) for the main one, and the next ports for other
clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...host import Cluster
from ...host.plugins.plugin import has_http
from ..config.bootstrap import ALLOCATOR, Config, EnvoyCluster, EnvoyListener, bootstrap, merge, socket_address
from ..config.resources import listener_config, route_configs, stats_config, timeouts, virtual_host_config
from .setup import Setup
from .stats_tags import stats_tags

__all__ = ["Ports", "addresses", "envoy_config"]

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Ports of an exported Envoy on 127.0.0.1. If a port is 0, the system chooses it.

    Attributes
    ----------
    http, tcp, admin
        Ports of the listeners and the admin interface. If `tcp` is None, the TCP listener uses the port after `http`, or `http`
        itself if there is no HTTP listener.
    upstream
        First port for upstreams without an address. Further upstreams use the next ports.
    """

    http: int = 10000
    tcp: int | None = None
    admin: int = 9901
    upstream: int = 8000


def addresses(clusters: Mapping[str, Cluster], first: int) -> dict[str, tuple[str, int] | None]:
    """Return the address of each cluster, or None for a cluster without endpoints.

    Clusters without an address get ports on loopback, beginning with `first`.
    """
    result: dict[str, tuple[str, int] | None] = {}
    for number, (name, cluster) in enumerate(clusters.items()):
        host, _, port = cluster.address.rpartition(":")
        default = cluster.address == Cluster.address or not port.isdigit()
        result[name] = (_LOOPBACK, first + number) if default else (host, int(port))
        if not cluster.endpoints:
            result[name] = None
    return result


def envoy_config(setup: Setup, ports: Ports) -> Config:
    """Return the bootstrap configuration. Paths of modules in it are relative, so Envoy must be started in
    the exported folder.
    """
    by_kind: dict[str, list[Config]] = {}
    for part in setup.parts:
        by_kind.setdefault(part.plugin.kind, []).append(part.config())
    services = [
        {"config": plugin, "singleton": kind == "singleton"}
        for kind in ("singleton", "service")
        for plugin in by_kind.get(kind, ())
    ]
    return bootstrap(
        _listeners(setup, by_kind, ports),
        _clusters(setup, ports.upstream),
        node=setup.settings.node,
        services=services,
        stats_sinks=by_kind.get("stat_sink", ()),
        extra=merge(
            stats_config(setup.settings),
            {
                "admin": {"address": socket_address(_LOOPBACK, ports.admin)},
                "memory_allocator_manager": ALLOCATOR,
                **({"stats_config": {"stats_tags": stats_tags(setup.tags)}} if setup.tags else {}),
            },
        ),
    )


def _listeners(setup: Setup, by_kind: Mapping[str, Sequence[Config]], ports: Ports) -> list[EnvoyListener]:
    settings = setup.settings
    extra = listener_config(settings)
    listeners = []
    http = has_http([part.plugin for part in setup.parts])
    if http:
        address = {"address": socket_address(_LOOPBACK, ports.http)}
        listeners.append(
            EnvoyListener(
                "http", by_kind.get("http", ()), routes=route_configs(settings), virtual_host=virtual_host_config(settings),
                access_logs=by_kind.get("access_log", ()), extra={**extra, **address},
                hcm=timeouts(settings),
            )
        )  # fmt: skip
    if "network" in by_kind:
        following = ports.http + 1 if http and ports.http else ports.http
        address = {"address": socket_address(_LOOPBACK, following if ports.tcp is None else ports.tcp)}
        listeners.append(EnvoyListener("tcp", by_kind["network"], "upstream", "tcp", extra={**extra, **address}))
    return listeners


def _clusters(setup: Setup, first: int) -> list[EnvoyCluster]:
    places = addresses(setup.clusters, first)
    return [
        EnvoyCluster(
            name, places[name], http2=cluster.http2, extra={"metadata": cluster.metadata} if cluster.metadata else {}
        )
        for name, cluster in setup.clusters.items()
    ]
