"""Bootstrap configuration of the real Envoy for a chain of plugins, with listeners, clusters and services."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...host.plugins.plugin import has_http
from ...host.settings import MAIN_CLUSTER, ProxySettings
from ..access_log import access_log_config
from ..tap import TapRecording
from .bootstrap import Config, EnvoyCluster, EnvoyListener, bootstrap
from .plugin_config import EnvoyPlugin
from .request_state import RequestState
from .resources import (
    Backends,
    built_in_filters,
    listener_config,
    manager_config,
    route_configs,
    stats_config,
    virtual_host_config,
)

__all__ = ["ACCESS_LOG", "HTTP", "TCP", "TCP_CLUSTER", "proxy_config"]

#: Names of the listeners, which are also the prefixes of their statistics.
HTTP, TCP = "http", "tcp"

#: Cluster of TCP connections. It isn't the main cluster, because HTTP and TCP upstreams are different servers.
TCP_CLUSTER = "upstream tcp"

#: File name of the access log. The file is in the same folder as the modules.
ACCESS_LOG = "access.log"


def proxy_config(
    settings: ProxySettings,
    plugins: Sequence[EnvoyPlugin],
    backends: Backends,
    directory: Path,
    recording: TapRecording | None = None,
    state: RequestState | None = None,
) -> Config:
    """Start the servers behind the clusters, write the modules, and return Envoy's bootstrap configuration.

    Parameters
    ----------
    settings
        Settings of the proxy, such as workers, routes, clusters and timeouts.
    plugins
        Plugins of the filter chain in order, loggers and services.
    backends
        Object that starts the upstream servers and stops them later.
    directory
        Existing folder to which the modules and the access log are written.
    recording
        Recording whose tap filters are added. By default (None), nothing is recorded.
    state
        Lua filter that adds filter state and metadata to requests. It is placed before the chain. By default (None), none is
        added.
    """
    return bootstrap(
        _listeners(settings, plugins, directory, recording, state),
        _clusters(settings, plugins, backends),
        node=settings.node,
        services=_services(plugins, directory),
        stats_sinks=[plugin.as_config(directory) for plugin in plugins if plugin.kind == "stat_sink"],
        extra=stats_config(settings),
    )


def _listeners(
    settings: ProxySettings,
    plugins: Sequence[EnvoyPlugin],
    directory: Path,
    recording: TapRecording | None,
    state: RequestState | None,
) -> list[EnvoyListener]:
    """Return the listeners: HTTP unless all plugins are network filters, and TCP if there are network filters."""
    by_kind: dict[str, list[Config]] = {}
    for plugin in plugins:
        by_kind.setdefault(plugin.kind, []).append(plugin.as_config(directory))
    extra = listener_config(settings)
    http = by_kind.get("http", [])
    before, behind = ([], []) if recording is None else recording.filters(directory, len(http))
    first = [] if state is None else [(0, state.config)]
    listeners = [
        EnvoyListener(
            HTTP, http, routes=route_configs(settings), virtual_host=virtual_host_config(settings),
            access_logs=by_kind.get("access_log", []), files=[access_log_config(directory / ACCESS_LOG)],
            built_in=[*first, *before, *built_in_filters(settings), *behind], hcm=manager_config(settings), extra=extra,
            router={"suppress_envoy_headers": True} if settings.manager.suppress_envoy_headers else {},
        ),
    ]  # fmt: skip
    if "network" in by_kind:
        listeners.append(EnvoyListener(TCP, by_kind["network"], TCP_CLUSTER, "tcp", extra=extra))
    return listeners if has_http(plugins) else listeners[1:]


def _clusters(settings: ProxySettings, plugins: Sequence[EnvoyPlugin], backends: Backends) -> list[EnvoyCluster]:
    tcp = any(plugin.kind == "network" for plugin in plugins)
    limit = settings.changed("buffer_limit")
    clusters = [
        backends.cluster(MAIN_CLUSTER, None if tcp else settings.upstream, main=True, limit=limit),
        *(backends.cluster(n, backend) for n, backend in settings.clusters.items() if n != MAIN_CLUSTER),
    ]
    if tcp:
        clusters.append(backends.cluster(TCP_CLUSTER, settings.upstream, tcp=True, main=True, limit=limit))
    return clusters


def _services(plugins: Sequence[EnvoyPlugin], directory: Path) -> list[Config]:
    return [
        {"config": plugin.as_config(directory), "singleton": plugin.kind == "singleton"}
        for plugin in plugins
        if plugin.kind in ("singleton", "service")
    ]
