"""`envoy.yaml`: a complete configuration that starts Envoy with the filter.

Listeners and clusters are those of `..config.bootstrap`, with fixed ports on loopback. Upstreams, which are Python functions in
the simulation, get addresses: 127.0.0.1:8000 for the main one, and the next ports for other clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ...host import Cluster as Simulated
from ...host.plugins.plugin import has_http
from ..config.bootstrap import Cluster, Config, Listener, bootstrap, merge, socket_address
from ..config.resources import listener_config, route_configs, timeouts, virtual_host_config
from .setup import Part, Setup

__all__ = ["ALLOCATOR", "FIRST_UPSTREAM_PORT", "addresses", "envoy_config"]

FIRST_UPSTREAM_PORT = 8000
_LOOPBACK = "127.0.0.1"


def addresses(clusters: Mapping[str, Simulated]) -> dict[str, tuple[str, int] | None]:
    """Return the address of each cluster: its own one, otherwise a port on loopback; None without endpoints."""
    result: dict[str, tuple[str, int] | None] = {}
    for number, (name, cluster) in enumerate(clusters.items()):
        host, _, port = cluster.address.rpartition(":")
        default = cluster.address == Simulated.address or not port.isdigit()
        result[name] = (_LOOPBACK, FIRST_UPSTREAM_PORT + number) if default else (host, int(port))
        if not cluster.endpoints:
            result[name] = None
    return result


#: Gives back to the system what compiling the module has freed: some 20 MB that Envoy keeps otherwise.
ALLOCATOR = {"bytes_to_release": 128 << 20, "memory_release_interval": "5s"}


def envoy_config(setup: Setup, port: int, admin_port: int) -> Config:
    """Return the bootstrap. Paths of modules are relative to the folder, in which Envoy must be started."""
    by_kind: dict[str, list[Config]] = {}
    for part in setup.parts:
        by_kind.setdefault(part.plugin.kind, []).append(_plugin(part))
    services = [
        {"config": plugin, "singleton": kind == "singleton"}
        for kind in ("singleton", "service")
        for plugin in by_kind.get(kind, ())
    ]
    return bootstrap(
        _listeners(setup, by_kind, port),
        _clusters(setup),
        node=setup.settings.node,
        services=services,
        extra={"admin": {"address": socket_address(_LOOPBACK, admin_port)}, "memory_allocator_manager": ALLOCATOR},
    )


def _plugin(part: Part) -> Config:
    reloads = part.plugin.failure_policy == "FAIL_RELOAD"
    plain = replace(
        part.plugin, module=Path(part.module.file), reload_backoff=part.plugin.reload_backoff if reloads else None
    )
    local: Config = {"vm_config": {"code": {"local": {"filename": part.module.file}}}}
    config = merge(plain.as_config(Path()), local)
    config["vm_config"] = _without_empty(config["vm_config"])
    return _without_empty(config)


def _without_empty(config: Config) -> Config:
    return {key: value for key, value in config.items() if value != ""}


def _listeners(setup: Setup, by_kind: Mapping[str, Sequence[Config]], port: int) -> list[Listener]:
    settings = setup.settings
    extra = listener_config(settings)
    ports = iter((port, port and port + 1))
    listeners = []
    if has_http([part.plugin for part in setup.parts]):
        address = {"address": socket_address(_LOOPBACK, next(ports))}
        listeners.append(
            Listener(
                "http", by_kind.get("http", ()), routes=route_configs(settings), virtual_host=virtual_host_config(settings),
                access_logs=by_kind.get("access_log", ()), extra={**extra, **address},
                hcm=timeouts(settings),
            )
        )  # fmt: skip
    if "network" in by_kind:
        address = {"address": socket_address(_LOOPBACK, next(ports))}
        listeners.append(Listener("tcp", by_kind["network"], "upstream", "tcp", extra={**extra, **address}))
    return listeners


def _clusters(setup: Setup) -> list[Cluster]:
    places = addresses(setup.clusters)
    return [
        Cluster(
            name, places[name], http2=cluster.http2, extra={"metadata": cluster.metadata} if cluster.metadata else {}
        )
        for name, cluster in setup.clusters.items()
    ]
