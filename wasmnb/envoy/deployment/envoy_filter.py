"""Istio's `EnvoyFilter` resources. They contain Envoy's own configuration, so they support every setting of a plugin.

In Istio 1.30, the agent downloads the modules of `EXTENSION_CONFIG` resources, even from `oci://` references. It does the same
for a `WasmPlugin`, which Istio translates to such resources. A filter that refers to a resource with `config_discovery` waits
until the resource is available. Several patches that insert filters before the router keep their order.
"""

from __future__ import annotations

from typing import Any

from ..config.bootstrap import Config, merge
from .setup import PluginResources, Setup

__all__ = ["envoy_filters"]

_TYPE = "type.googleapis.com/envoy.extensions.filters"
_ROUTER = "envoy.filters.http.router"
_MANAGER = "envoy.filters.network.http_connection_manager"


def envoy_filters(setup: Setup, images: dict[str, str], digests: dict[str, str], *, context: str) -> list[Config]:
    """Return a list with one `EnvoyFilter` for all HTTP and network filters in order, or [] if there are none.

    Parameters
    ----------
    setup
        Input of the export.
    images, digests
        Reference and digest of each image, by module name.
    context
        Where Istio applies the `EnvoyFilter`: "GATEWAY", "SIDECAR_INBOUND" or "SIDECAR_OUTBOUND".
    """
    patches: list[Config] = []
    for part in setup.parts:
        if part.plugin.kind in ("http", "network"):
            patches += _patches(part, images[part.module.name], digests[part.module.name], context)
    if not patches:
        return []
    return [
        {
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "EnvoyFilter",
            "metadata": {"name": setup.name, "namespace": "istio-system"},
            "spec": {"workloadSelector": {"labels": {"istio": "ingressgateway"}}, "configPatches": patches},
        }
    ]


def _patches(part: PluginResources, image: str, digest: str, context: str) -> list[Config]:
    """Return two patches: one adds a resource with the plugin's configuration, the other a filter that uses the resource."""
    kind = part.plugin.kind
    message = f"{_TYPE}.{kind}.wasm.v3.Wasm"
    name = f"{part.name}.wasm"
    config = {"name": name, "typed_config": {"@type": message, "config": _plugin(part, image, digest)}}
    discovery = {
        "config_source": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
        "type_urls": [message],
    }
    return [
        {"applyTo": "EXTENSION_CONFIG", "match": {"context": context}, "patch": {"operation": "ADD", "value": config}},
        {
            "applyTo": f"{kind.upper()}_FILTER",
            "match": {"context": context, "listener": {"filterChain": {"filter": _before(kind)}}},
            "patch": {"operation": "INSERT_BEFORE", "value": {"name": name, "config_discovery": discovery}},
        },
    ]


def _before(kind: str) -> Config:
    """Return the part of a patch that matches the filter before which the plugin is inserted."""
    if kind == "http":
        return {"name": _MANAGER, "subFilter": {"name": _ROUTER}}
    return {"name": "envoy.filters.network.tcp_proxy"}


def _plugin(part: PluginResources, image: str, digest: str) -> Config:
    """Return the plugin's `PluginConfig` message, with the image as the source of the module instead of a file."""
    uri = {"uri": f"oci://{image}", "cluster": "_", "timeout": "30s"}
    code: dict[str, Any] = {"remote": {"http_uri": uri, "sha256": digest.removeprefix("sha256:")}}
    config = part.config()
    config["vm_config"] = {**config["vm_config"], "code": code}
    return merge(config, {})
