"""The real Envoy set up like a simulated proxy: plugins, configuration, clusters, routes, limits."""

from __future__ import annotations

from typing import Any

from ...host import Proxy
from ...host.settings import settings_of
from ..proxy import Envoy

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
    settings = settings_of(proxy)
    settings["upstream"] = settings["clusters"].pop("upstream")
    return Envoy(list(proxy.plugins), **{**settings, **changes})
