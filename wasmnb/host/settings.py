"""A second proxy like a first one: same plugins, configuration, clusters, routes and limits, and none of its past."""

from __future__ import annotations

from typing import Any

from .proxy import Proxy

__all__ = ["settings_of", "twin_of"]


def settings_of(proxy: Proxy) -> dict[str, Any]:
    """What a simulated proxy has around its plugins and a real one can have, too; `clusters` holds the main one."""
    limits = proxy._limits
    return {
        "workers": len(proxy.workers),
        "clusters": dict(proxy._server.clusters),
        "routes": proxy.workers[0].routes,
        "listener": proxy._listener,
        "node": proxy._server.node,
        "buffer_limit": limits.buffer,
        "route_timeout": limits.route_timeout,
        "idle_timeout": limits.idle_timeout,
        "request_timeout": limits.request_timeout,
        "name": proxy.name,
    }


def twin_of(proxy: Proxy, **changes: Any) -> Proxy:
    """Start a proxy like `proxy`; `changes` are parameters of `Proxy` (or `plugins`) that are to be different. Upstreams are shared."""
    server = proxy._server
    settings = settings_of(proxy) | {
        "plugins": list(proxy.plugins),
        "seed": server.clock.seed,
        "start_time": server.clock.start,
        "deadline": server.deadline,
        "memory_limit": server.memory_limit,
    }
    settings["upstream"] = settings["clusters"].pop("upstream")
    settings |= changes
    return Proxy(settings.pop("plugins"), **settings)
