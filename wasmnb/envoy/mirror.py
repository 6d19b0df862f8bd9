"""The real Envoy set up like a simulated proxy: plugins, configuration, clusters, routes, limits."""

from __future__ import annotations

from typing import Any

from ..host import Proxy
from .proxy import Envoy

__all__ = ["envoy_like"]


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
    clusters = dict(proxy._environment.clusters)
    limits = proxy._limits
    settings: dict[str, Any] = {
        "workers": len(proxy.workers),
        "upstream": clusters.pop("upstream"),
        "clusters": clusters,
        "routes": proxy.workers[0].routes,
        "listener": proxy._listener,
        "node": proxy._environment.node,
        "buffer_limit": limits.buffer,
        "route_timeout": limits.route_timeout,
        "idle_timeout": limits.idle_timeout,
        "request_timeout": limits.request_timeout,
        "name": proxy.name,
    }
    return Envoy(list(proxy.plugins), **{**settings, **changes})
