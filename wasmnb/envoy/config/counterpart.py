"""The counterpart of a simulated proxy: the real Envoy with the same plugins and settings."""

from __future__ import annotations

from typing import Any

from ...host import Proxy
from ..proxy import Envoy

__all__ = ["envoy_like"]


def envoy_like(proxy: Proxy, **changes: Any) -> Envoy:
    """Start an Envoy with the plugins and settings of a simulated proxy.

    Parameters
    ----------
    proxy
        The simulated proxy. Its upstreams that are Python functions become servers on loopback that call the same
        functions.
    changes
        Parameters of `Envoy` with other values.
    """
    return Envoy(list(proxy.plugins), **(proxy.settings.arguments() | changes))
