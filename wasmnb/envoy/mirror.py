"""The real Envoy set up like a simulated proxy: plugins, configuration, clusters, routes, limits."""

from __future__ import annotations

from typing import Any

from ..host import Proxy
from .proxy import Envoy

__all__ = ["envoy_like", "settings_of"]


def settings_of(proxy: Proxy) -> dict[str, Any]:
    """What a simulated proxy has around its plugins, as parameters of `Envoy`; `clusters` holds the main one, too."""
    limits = proxy._limits
    return {
        "workers": len(proxy.workers),
        "clusters": dict(proxy._environment.clusters),
        "routes": proxy.workers[0].routes,
        "listener": proxy._listener,
        "node": proxy._environment.node,
        "buffer_limit": limits.buffer,
        "route_timeout": limits.route_timeout,
        "idle_timeout": limits.idle_timeout,
        "request_timeout": limits.request_timeout,
        "name": proxy.name,
    }


def envoy_like(proxy: Proxy, **changes: Any) -> Envoy:
    """Start an Envoy with the settings of a simulated proxy.

    Parameters
    ----------
    changes
        Parameters of `Envoy` that are to be different.

    Notes
    -----
    Upstreams that are Python functions are the same functions, called by real servers on loopback.
    """
    settings = settings_of(proxy)
    settings["upstream"] = settings["clusters"].pop("upstream")
    return Envoy(list(proxy.plugins), **{**settings, **changes})
