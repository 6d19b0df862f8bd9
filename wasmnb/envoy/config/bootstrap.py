"""Envoy's bootstrap configuration as plain dictionaries. They are written as JSON, which Envoy reads as YAML.

An HTTP listener has a connection manager (codec AUTO, with HTTP/1 trailers) with Wasm filters and a router. A TCP listener has
Wasm network filters and `tcp_proxy`. Clusters are static. All listeners use 127.0.0.1 and port 0, so the system chooses the
ports; `admin.Admin.listeners` returns them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ALLOCATOR", "Config", "EnvoyCluster", "EnvoyListener", "bootstrap", "merge"]

Config = dict[str, Any]

_EXTENSIONS = "type.googleapis.com/envoy.extensions."
_LOOPBACK = "127.0.0.1"

#: `memory_allocator_manager`: returns the memory that is free after compiling a module (20 MB) to the system. Envoy keeps it
#: otherwise.
ALLOCATOR: Config = {"bytes_to_release": 128 << 20, "memory_release_interval": "5s"}


@dataclass(frozen=True)
class EnvoyCluster:
    """An upstream cluster with at most one endpoint.

    Attributes
    ----------
    name
        Name of the cluster.
    address
        (host, port) of the endpoint, or None if the cluster has no endpoint.
    http2
        Whether Envoy connects with HTTP/2 without TLS, which gRPC requires (default False).
    extra
        Additional fields of the message (default none). They override the fields above.
    """

    name: str
    address: tuple[str, int] | None
    http2: bool = False
    extra: Config = field(default_factory=dict)

    def as_config(self) -> Config:
        """Return the cluster as an `envoy.config.cluster.v3.Cluster` message."""
        protocol: Config = (
            {"http2_protocol_options": {}} if self.http2 else {"http_protocol_options": {"enable_trailers": True}}
        )
        options = {
            "@type": _EXTENSIONS + "upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": protocol,
        }
        endpoints = [{"endpoint": {"address": socket_address(*self.address)}}] if self.address else []
        config: Config = {
            "name": self.name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "load_assignment": {"cluster_name": self.name, "endpoints": [{"lb_endpoints": endpoints}]},
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        }
        return merge(config, self.extra)


@dataclass(frozen=True)
class EnvoyListener:
    """A listener with one filter chain.

    Attributes
    ----------
    name
        Name of the listener, which is also the prefix of its statistics.
    plugins
        `PluginConfig` messages in the order of the chain (`EnvoyPlugin.as_config`).
    cluster
        Cluster that receives all traffic if there are no `routes` (default "up").
    kind
        "http" (the default) or "tcp".
    routes
        Routes of the virtual host. By default (None), one route sends all requests to `cluster`.
    virtual_host
        Additional fields of the virtual host (default none).
    access_logs
        `PluginConfig` messages of Wasm access loggers (default none).
    files
        `AccessLog` messages, which precede the loggers of `access_logs` (default none).
    built_in
        Envoy's own HTTP filters as pairs: the number of plugins before the filter, and the filter's configuration (default
        none).
    router
        Fields of the router filter (default none).
    hcm, extra
        Additional fields of the connection manager and of the listener (default none). They override the other fields.
    """

    name: str
    plugins: Sequence[Config]
    cluster: str = "up"
    kind: str = "http"
    routes: Sequence[Config] | None = None
    virtual_host: Config = field(default_factory=dict)
    access_logs: Sequence[Config] = ()
    files: Sequence[Config] = ()
    built_in: Sequence[tuple[int, Config]] = ()
    router: Config = field(default_factory=dict)
    hcm: Config = field(default_factory=dict)
    extra: Config = field(default_factory=dict)

    def as_config(self) -> Config:
        """Return the listener as an `envoy.config.listener.v3.Listener` message."""
        filters = self._http() if self.kind == "http" else self._tcp()
        config: Config = {
            "name": self.name,
            "address": socket_address(_LOOPBACK, 0),
            "filter_chains": [{"filters": filters}],
        }
        return merge(config, self.extra)

    def _http(self) -> list[Config]:
        router = {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": _EXTENSIONS + "filters.http.router.v3.Router", **self.router},
        }
        filters = [config for before, config in self.built_in if before == 0]
        for number, plugin in enumerate(self.plugins, 1):
            filters.append(_filter("http", plugin))
            filters += [config for before, config in self.built_in if before == number]
        routes = self.routes or [{"match": {"prefix": "/"}, "route": {"cluster": self.cluster}}]
        host = {"name": "vh", "domains": ["*"], "routes": list(routes), **self.virtual_host}
        hcm: Config = {
            "@type": _EXTENSIONS + "filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": self.name,
            "codec_type": "AUTO",
            "http_protocol_options": {"enable_trailers": True},
            "route_config": {"name": "routes", "virtual_hosts": [host]},
            "http_filters": [*filters, router],
        }
        if self.access_logs or self.files:
            hcm["access_log"] = [*self.files, *(_access_log(plugin) for plugin in self.access_logs)]
        return [{"name": "envoy.filters.network.http_connection_manager", "typed_config": merge(hcm, self.hcm)}]

    def _tcp(self) -> list[Config]:
        proxy = {
            "@type": _EXTENSIONS + "filters.network.tcp_proxy.v3.TcpProxy",
            "stat_prefix": self.name,
            "cluster": self.cluster,
        }
        return [
            *(_filter("network", p) for p in self.plugins),
            {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy},
        ]


def bootstrap(
    listeners: Sequence[EnvoyListener],
    clusters: Sequence[EnvoyCluster],
    *,
    node: Mapping[str, Any] | None = None,
    services: Sequence[Config] = (),
    stats_sinks: Sequence[Config] = (),
    extra: Config | None = None,
) -> Config:
    """Return the complete `envoy.config.bootstrap.v3.Bootstrap` message.

    Parameters
    ----------
    listeners, clusters
        Listeners and clusters of the static resources.
    node
        Id, cluster and metadata of the node, which filters read as the property `xds.node` (default none).
    services
        `WasmService` messages for bootstrap extensions (default none).
    stats_sinks
        `PluginConfig` messages of stats sinks (default none).
    extra
        Additional fields of the bootstrap. They override the other fields (default none).
    """
    config: Config = {
        "node": dict(node or {"id": "wasmnb", "cluster": "wasmnb"}),
        "admin": {"address": socket_address(_LOOPBACK, 0)},
        "static_resources": {
            "listeners": [listener.as_config() for listener in listeners],
            "clusters": [cluster.as_config() for cluster in clusters],
        },
    }
    if services:
        config["bootstrap_extensions"] = [
            {"name": "envoy.bootstrap.wasm", "typed_config": {"@type": _EXTENSIONS + "wasm.v3.WasmService", **service}}
            for service in services
        ]
    if stats_sinks:
        config["stats_sinks"] = [
            {
                "name": "envoy.stat_sinks.wasm",
                "typed_config": {"@type": _EXTENSIONS + "stat_sinks.wasm.v3.Wasm", "config": p},
            }
            for p in stats_sinks
        ]
    return merge(config, extra or {})


def merge(base: Config, over: Mapping[str, Any]) -> Config:
    """Return a copy of `base` with the values of `over`. Mappings are merged recursively, and other values are replaced."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return result


def socket_address(host: str, port: int) -> Config:
    """Return an `envoy.config.core.v3.Address` message."""
    return {"socket_address": {"address": host, "port_value": port}}


def _filter(level: str, plugin: Config) -> Config:
    kind = f"filters.{level}.wasm.v3.Wasm"
    return {"name": f"envoy.filters.{level}.wasm", "typed_config": {"@type": _EXTENSIONS + kind, "config": plugin}}


def _access_log(plugin: Config) -> Config:
    kind = "access_loggers.wasm.v3.WasmAccessLog"
    return {"name": "envoy.access_loggers.wasm", "typed_config": {"@type": _EXTENSIONS + kind, "config": plugin}}
