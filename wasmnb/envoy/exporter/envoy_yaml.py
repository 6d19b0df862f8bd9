"""`envoy.yaml`: the filter in a proxy that can be started as it is, and taken apart by people.

Listeners and clusters are those of `wasmnb.envoy.config.bootstrap`, with fixed ports on loopback. What stands as a Python function
in the simulation is a server's address here: 127.0.0.1:8000 for the main upstream, the next ports for other clusters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...host import Cluster as Simulated
from ...host.http.timeouts import Limits
from ..config.bootstrap import Cluster, Config, Listener, bootstrap, merge, socket_address
from ..config.resources import listener_facts, route_config, timeouts, with_route_timeout
from .setup import Part, Setup

__all__ = ["ALLOCATOR", "FIRST_UPSTREAM_PORT", "addresses", "envoy_config"]

FIRST_UPSTREAM_PORT = 8000
_LOOPBACK = "127.0.0.1"
#: What Envoy takes where nothing is said: left out, so that the file shows what was decided.
_DEFAULTS = {
    "buffer_limit": Limits.buffer,
    "route_timeout": Limits.route_timeout,
    "idle_timeout": Limits.idle_timeout,
    "request_timeout": None,
}


def addresses(clusters: Mapping[str, Simulated]) -> dict[str, tuple[str, int] | None]:
    """Where each cluster is: the address that it was given, else a port of its own; None without endpoints."""
    found: dict[str, tuple[str, int] | None] = {}
    for number, (name, cluster) in enumerate(clusters.items()):
        host, _, port = cluster.address.rpartition(":")
        default = cluster.address == Simulated.address or not port.isdigit()
        found[name] = (_LOOPBACK, FIRST_UPSTREAM_PORT + number) if default else (host, int(port))
        if not cluster.endpoints:
            found[name] = None
    return found


#: Gives back to the system what compiling the module has freed: some 20 MB that Envoy keeps otherwise.
ALLOCATOR = {"bytes_to_release": 128 << 20, "memory_release_interval": "5s"}


def envoy_config(setup: Setup, port: int, admin_port: int) -> Config:
    """The bootstrap; modules are named by file names relative to the folder that Envoy is started in."""
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
        node=setup.settings.get("node"),
        services=services,
        extra={"admin": {"address": socket_address(_LOOPBACK, admin_port)}, "memory_allocator_manager": ALLOCATOR},
    )


def _plugin(part: Part) -> Config:
    reloads = part.plugin.failure_policy == "FAIL_RELOAD"
    plain = replace(
        part.plugin, module=Path(part.module.file), reload_backoff=part.plugin.reload_backoff if reloads else None
    )
    local: Config = {"vm_config": {"code": {"local": {"filename": part.module.file}}}}
    made = merge(plain.as_config(Path()), local)
    made["vm_config"] = _without_empty(made["vm_config"])
    return _without_empty(made)


def _without_empty(config: Config) -> Config:
    return {key: value for key, value in config.items() if value != ""}


def _listeners(setup: Setup, by_kind: Mapping[str, Sequence[Config]], port: int) -> list[Listener]:
    limits = {name: _said(setup.settings, name) for name in _DEFAULTS}
    extra, host = listener_facts(setup.settings.get("listener"), limits["buffer_limit"])
    routes = with_route_timeout([route_config(route) for route in setup.routes], limits["route_timeout"])
    ports = iter((port, port and port + 1))
    found = []
    if "network" not in by_kind or "http" in by_kind:
        at = {"address": socket_address(_LOOPBACK, next(ports))}
        found.append(
            Listener(
                "http", by_kind.get("http", ()), routes=routes, virtual_host=host,
                access_logs=by_kind.get("access_log", ()), extra={**extra, **at},
                hcm=timeouts(limits["idle_timeout"], limits["request_timeout"]),
            )
        )  # fmt: skip
    if "network" in by_kind:
        at = {"address": socket_address(_LOOPBACK, next(ports))}
        found.append(Listener("tcp", by_kind["network"], "upstream", "tcp", extra={**extra, **at}))
    return found


def _clusters(setup: Setup) -> list[Cluster]:
    found = addresses(setup.clusters)
    return [
        Cluster(
            name, found[name], http2=cluster.http2, extra={"metadata": cluster.metadata} if cluster.metadata else {}
        )
        for name, cluster in setup.clusters.items()
    ]


def _said(settings: Mapping[str, Any], name: str) -> Any:
    """A limit, or None if it is Envoy's default."""
    value = settings.get(name) or None
    return None if value == _DEFAULTS[name] else value
