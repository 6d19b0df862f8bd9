"""Start of a real Envoy with the plugins and settings of a simulated proxy."""

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
        The simulated proxy. If an upstream is a Python function, the real Envoy gets a server on loopback that calls it.
    changes
        Parameters of `Envoy` that replace the values from `proxy`.
    """
    return Envoy(list(proxy.plugins), **(proxy.settings.arguments() | changes))
