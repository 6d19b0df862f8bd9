"""Manifests for Istio (`WasmPlugin`, `TrafficExtension`) and Envoy Gateway (`EnvoyExtensionPolicy`), and notes about their
limits.

`TrafficExtension` of Istio 1.30 has the same fields as `WasmPlugin`, but the fields about the module are under `wasm`. A
plugin's configuration is JSON in all manifests: Istio accepts only an object, and Envoy Gateway any JSON value. Istio's
`pluginName` is Envoy's `root_id`, and its `sha256` is the digest of the image's manifest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from ...abi.wasi import PAUSED_HEADERS
from ...host.plugins.plugin import to_config
from ...host.plugins.typed_config import TypedConfig
from ..config.plugin_config import EnvoyPlugin
from .mesh import backends, cluster_notes
from .setup import PluginResources, Setup

__all__ = ["GATEWAY", "ISTIO", "extension_policy", "notes", "traffic_extensions", "wasm_plugins"]

Resource = dict[str, Any]
ISTIO, GATEWAY = "Istio", "Envoy Gateway"

#: Name of a module -> reference of its image.
Images = dict[str, str]
_MISSING = object()


def wasm_plugins(setup: Setup, images: Images, digests: dict[str, str]) -> list[Resource]:
    """Return a `WasmPlugin` for each HTTP and network filter."""
    filters = [part for part in setup.parts if part.plugin.kind in ("http", "network")]
    return [
        _wasm_plugin(part, images[part.module.name], digests[part.module.name], priority=len(filters) - number)
        for number, part in enumerate(filters)
    ]


def traffic_extensions(setup: Setup, images: Images, digests: dict[str, str]) -> list[Resource]:
    """Return a `TrafficExtension` for each HTTP and network filter."""
    plugins = wasm_plugins(setup, images, digests)
    for resource in plugins:
        resource["kind"] = "TrafficExtension"
        spec = resource["spec"]
        around = {name: spec.pop(name) for name in ("selector", "priority")}
        resource["spec"] = {**around, "wasm": spec}
    return plugins


def _wasm_plugin(part: PluginResources, image: str, digest: str, *, priority: int) -> Resource:
    plugin = part.plugin
    spec: Resource = {
        "selector": {"matchLabels": {"istio": "ingressgateway"}},
        "url": f"oci://{image}",
        "sha256": digest.removeprefix("sha256:"),
        "imagePullPolicy": "IfNotPresent",
        "priority": priority,  # higher priorities run first
        "failStrategy": _policy(plugin).replace("CLOSED", "CLOSE"),
    }
    if plugin.kind == "network":
        spec["type"] = "NETWORK"
    if plugin.root_id:
        spec["pluginName"] = plugin.root_id
    config = _json(plugin)
    if isinstance(config, dict):
        spec["pluginConfig"] = config
    environment = [{"name": n, "value": v} for n, v in _environment(plugin).items()]
    environment += [{"name": n, "valueFrom": "HOST"} for n in plugin.host_environment]
    if environment:
        spec["vmConfig"] = {"env": environment}
    metadata = {"name": part.name, "namespace": "istio-system"}
    return {"apiVersion": "extensions.istio.io/v1alpha1", "kind": "WasmPlugin", "metadata": metadata, "spec": spec}


def extension_policy(setup: Setup, images: Images) -> list[Resource]:
    """Return a list with one `EnvoyExtensionPolicy` for all HTTP filters in order, or [] if there are none."""
    wasm = [_extension(part, images[part.module.name]) for part in setup.parts if part.plugin.kind == "http"]
    if not wasm:
        return []
    target = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg"}
    bound = backends(setup)
    return [
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "EnvoyExtensionPolicy",
            "metadata": {"name": setup.name, "namespace": "default"},
            "spec": {"targetRefs": [target], **({"backends": bound} if bound else {}), "wasm": wasm},
        }
    ]


def _extension(part: PluginResources, image: str) -> Resource:
    plugin = part.plugin
    extension: Resource = {"name": part.name, "failOpen": _policy(plugin) == "FAIL_OPEN"}
    if plugin.root_id:
        extension["rootID"] = plugin.root_id
    extension["code"] = {"type": "Image", "image": {"url": image}}
    config = _json(plugin)
    if config is not _MISSING:
        extension["config"] = config
    if plugin.host_environment:
        extension["env"] = {"hostKeys": list(plugin.host_environment)}
    return extension


def _environment(plugin: EnvoyPlugin) -> dict[str, str]:
    """Return the plugin's environment variables, except the variable that makes the SDK pause headers.

    The manifests can't set `allow_on_headers_stop_iteration`. Without this setting, a filter that pauses its headers would wait
    forever.
    """
    return {name: value for name, value in plugin.environment.items() if name != PAUSED_HEADERS}


def _policy(plugin: EnvoyPlugin) -> str:
    return "FAIL_OPEN" if plugin.fail_open else plugin.failure_policy or "FAIL_CLOSED"


def _json(plugin: EnvoyPlugin) -> Any:
    """Return a plugin's configuration as a JSON value, or `_MISSING` if it is empty, not JSON, or another protobuf type."""
    config = to_config(plugin.config)
    try:
        return _MISSING if isinstance(config, TypedConfig) else json.loads(config)
    except ValueError:
        return _MISSING


# -- settings without a field -----------------------------------------------------------------------------------------


def _not_an_object(plugin: EnvoyPlugin) -> bool:
    return bool(plugin.config) and not isinstance(_json(plugin), dict)


def _not_json(plugin: EnvoyPlugin) -> bool:
    return bool(plugin.config) and _json(plugin) is _MISSING


#: Systems that don't support a setting, a function that tests whether a plugin uses the setting, and text for the setting.
_UNSUPPORTED: tuple[tuple[tuple[str, ...], Callable[[EnvoyPlugin], Any], str], ...] = (
    ((ISTIO,), _not_an_object, "its configuration, which is not a JSON object"),
    ((GATEWAY,), _not_json, "its configuration, which is not JSON"),
    ((ISTIO, GATEWAY), lambda p: p.vm_config, "its VM configuration"),
    ((ISTIO, GATEWAY), lambda p: p.vm_id, "its vm_id"),
    ((GATEWAY,), _environment, "its environment variables"),
    ((ISTIO, GATEWAY), lambda p: p.allowed_capabilities, "its allowed capabilities"),
    (
        (ISTIO, GATEWAY),
        lambda p: p.allow_on_headers_stop_iteration,
        "allow_on_headers_stop_iteration; the EnvoyFilter sets it, and an EnvoyPatchPolicy can",
    ),
    ((GATEWAY,), lambda p: p.failure_policy == "FAIL_RELOAD", "FAIL_RELOAD; it fails closed there"),
    ((GATEWAY,), lambda p: p.kind == "network", "network filters"),
    ((ISTIO, GATEWAY), lambda p: p.kind in ("access_log", "singleton", "service", "stat_sink"), "plugins of its kind"),
)


def notes(setup: Setup) -> Iterator[str]:
    """Yield a sentence for each plugin setting that a manifest can't express, and for each cluster whose name differs in
    the mesh.
    """
    for part in setup.parts:
        for systems, needed, setting in _UNSUPPORTED:
            if needed(part.plugin):
                yield f"{part.name}: {' and '.join(systems)} {'has' if len(systems) == 1 else 'have'} no field for {setting}."
    yield from cluster_notes(setup)
