"""The function `envoy_like`, which starts a real Envoy with the plugins and settings of a simulated proxy."""

from __future__ import annotations

from typing import Any

from ...host import Proxy
from ..proxy import Envoy

__all__ = ["envoy_like"]


def envoy_like(proxy: Proxy, **changes: Any) -> Envoy:
    """Start and return an Envoy with the plugins and settings of a simulated proxy.

    Parameters
    ----------
    proxy
        The simulated proxy. If one of its upstreams is a Python function, a server on loopback calls the function.
    changes
        Parameters of `Envoy` that replace the values from `proxy`.
    """
    return Envoy(list(proxy.plugins), **(proxy.settings.arguments() | changes))
