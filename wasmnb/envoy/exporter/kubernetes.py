"""The filter for Istio (`WasmPlugin`) and for Envoy Gateway (`EnvoyExtensionPolicy`), and what neither can say.

Both hand a plugin's configuration over as JSON: Istio takes an object only, Envoy Gateway any JSON value. Istio's
`pluginName` is what Envoy calls root_id; its `sha256` is the digest of the image's manifest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ...host.plugins.plugin import to_config
from ..config.plugin_config import EnvoyPlugin
from .setup import Part, Setup

__all__ = ["GATEWAY", "ISTIO", "extension_policy", "notes", "wasm_plugins"]

Resource = dict[str, Any]
ISTIO, GATEWAY = "Istio", "Envoy Gateway"

#: Images of the modules: module name -> reference.
Images = dict[str, str]
_MISSING = object()


def wasm_plugins(setup: Setup, images: Images, digests: dict[str, str]) -> list[Resource]:
    """A `WasmPlugin` for every HTTP and network filter."""
    placed = [part for part in setup.parts if part.plugin.kind in ("http", "network")]
    return [
        _wasm_plugin(part, images[part.module.name], digests[part.module.name], priority=len(placed) - number)
        for number, part in enumerate(placed)
    ]


def _wasm_plugin(part: Part, image: str, digest: str, *, priority: int) -> Resource:
    plugin = part.plugin
    spec: Resource = {
        "selector": {"matchLabels": {"istio": "ingressgateway"}},
        "url": f"oci://{image}",
        "sha256": digest.removeprefix("sha256:"),
        "imagePullPolicy": "IfNotPresent",
        "priority": priority,  # higher ones come first
        "failStrategy": _policy(plugin).replace("CLOSED", "CLOSE"),
    }
    if plugin.kind == "network":
        spec["type"] = "NETWORK"
    if plugin.root_id:
        spec["pluginName"] = plugin.root_id
    config = _json(plugin)
    if isinstance(config, dict):
        spec["pluginConfig"] = config
    if plugin.environment:
        spec["vmConfig"] = {"env": [{"name": n, "value": v} for n, v in plugin.environment.items()]}
    metadata = {"name": part.name, "namespace": "istio-system"}
    return {"apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": metadata, "spec": spec}


def extension_policy(setup: Setup, images: Images) -> list[Resource]:
    """One `EnvoyExtensionPolicy` with all HTTP filters in order; none if there are none."""
    wasm = [_extension(part, images[part.module.name]) for part in setup.parts if part.plugin.kind == "http"]
    if not wasm:
        return []
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg"}
    return [
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyExtensionPolicy",
            "metadata": {"name": setup.name, "namespace": "default"},
            "spec": {"targetRefs": [target], "wasm": wasm},
        }
    ]


def _extension(part: Part, image: str) -> Resource:
    plugin = part.plugin
    made: Resource = {"name": part.name, "failOpen": _policy(plugin) == "FAIL_OPEN"}
    if plugin.root_id:
        made["rootID"] = plugin.root_id
    made["code"] = {"type": "Image", "image": {"url": image}}
    config = _json(plugin)
    if config is not _MISSING:
        made["config"] = config
    return made


def _policy(plugin: EnvoyPlugin) -> str:
    return "FAIL_OPEN" if plugin.fail_open else plugin.failure_policy or "FAIL_CLOSED"


def _json(plugin: EnvoyPlugin) -> Any:
    """The configuration as a JSON value; `_MISSING` if there is none or it is not JSON."""
    try:
        return json.loads(to_config(plugin.config))
    except ValueError:
        return _MISSING


# -- what cannot be said ----------------------------------------------------------------------------------------------


def _no_object(plugin: EnvoyPlugin) -> bool:
    return bool(plugin.config) and not isinstance(_json(plugin), dict)


def _no_json(plugin: EnvoyPlugin) -> bool:
    return bool(plugin.config) and _json(plugin) is _MISSING


#: Who cannot say it, whether a plugin needs it said, and the words.
_UNSAID: tuple[tuple[tuple[str, ...], Callable[[EnvoyPlugin], Any], str], ...] = (
    ((ISTIO,), _no_object, "its configuration, which is no JSON object"),
    ((GATEWAY,), _no_json, "its configuration, which is not JSON"),
    ((ISTIO, GATEWAY), lambda p: p.vm_config, "its VM configuration"),
    ((ISTIO, GATEWAY), lambda p: p.vm_id, "its vm_id"),
    ((GATEWAY,), lambda p: p.environment, "its environment variables"),
    ((ISTIO, GATEWAY), lambda p: p.allowed_capabilities, "its allowed capabilities"),
    ((GATEWAY,), lambda p: p.failure_policy == "FAIL_RELOAD", "FAIL_RELOAD: it fails closed there"),
    ((GATEWAY,), lambda p: p.kind == "network", "a network filter"),
    ((ISTIO, GATEWAY), lambda p: p.kind in ("access_log", "singleton", "service"), "a plugin of its kind"),
)


def notes(setup: Setup) -> Iterator[str]:
    """A sentence for each thing that a plugin has and a manifest cannot say."""
    for part in setup.parts:
        for systems, needed, words in _UNSAID:
            if needed(part.plugin):
                yield f"{part.name}: {' and '.join(systems)} cannot be told {words}."
