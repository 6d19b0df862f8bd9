"""The configuration of one Wasm plugin, which is Envoy's message `envoy.extensions.wasm.v3.PluginConfig`, as plain data.

In Envoy 1.40, a filter receives the bytes inside a `StringValue` or `BytesValue`. It receives a `Struct` as serialised
protobuf, not as JSON, so a `Struct` is used only for a `TypedConfig`. Only one of `failure_policy` and the legacy `fail_open`
can be set.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ...host.plugins.plugin import to_config, with_paused_headers
from ...host.plugins.typed_config import TypedConfig

__all__ = ["EnvoyPlugin", "any_value", "write_module"]

_TYPE = "type.googleapis.com/"


@dataclass(frozen=True)
class EnvoyPlugin:
    """A plugin as Envoy's configuration describes it.

    Attributes
    ----------
    module
        Wasm module: bytes, or the path of a file.
    name, root_id, vm_id
        Fields of the same names in Envoy's configuration (default "filter" for the name, otherwise "").
    config, vm_config
        Plugin and VM configuration: bytes, text or a `TypedConfig`. Other values are written as JSON, as in the simulated proxy
        (default empty).
    failure_policy
        "FAIL_CLOSED", "FAIL_OPEN" or "FAIL_RELOAD". By default (None), Envoy uses "FAIL_CLOSED".
    reload_backoff
        `reload_config.backoff.base_interval` in seconds. By default (None), Envoy's default applies.
    fail_open
        Whether to set the legacy field `fail_open`, which means "FAIL_OPEN" (default False).
    allow_on_headers_stop_iteration
        Whether Envoy holds only the headers and still delivers the body if a headers callback returns StopIteration (default
        False). A Python filter then holds the headers while it awaits the body.
    environment, host_environment
        WASI environment variables, and names of variables to copy from Envoy's own environment (default none).
    allowed_capabilities
        Names of the capabilities that the module can use. By default (empty), it can use all of them.
    kind
        Where Envoy uses the plugin: "http" (the default), "network", "access_log", "singleton" (a service on the main thread)
        or "service".
    file_names
        Original names of source files and cells by their names in the module, for tracebacks in the log (default none).
    """

    module: bytes | Path
    name: str = "filter"
    root_id: str = ""
    vm_id: str = ""
    config: Any = b""
    vm_config: Any = b""
    failure_policy: str | None = None
    fail_open: bool = False
    reload_backoff: float | None = None
    allow_on_headers_stop_iteration: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    host_environment: tuple[str, ...] = ()
    allowed_capabilities: Sequence[str] = ()
    kind: str = "http"
    file_names: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, plugin: Any, *, profile: Any = None, strip: bool = True, **defaults: Any) -> EnvoyPlugin:
        """Return the configuration of a plugin.

        Parameters
        ----------
        plugin
            An `EnvoyPlugin`, a host `Plugin`, a `Filter`, a path, or the bytes of a module.
        profile
            Profile of the code to compile in the release module of a Python filter, as for `Filter.release` (default None).
        strip
            Whether to remove comments and docstrings from the module of a Python filter (default True).
        defaults
            Values for fields that the plugin doesn't set.
        """
        if isinstance(plugin, cls):
            return plugin
        if isinstance(plugin, bytes):
            return cls(plugin, **defaults)
        if isinstance(plugin, str | Path):
            return cls(Path(plugin), **{"name": Path(plugin).stem, **defaults})
        values = {name: getattr(plugin, name) for name in (f.name for f in fields(cls)) if hasattr(plugin, name)}
        inner = getattr(plugin, "filter", plugin)
        deployed = inner.release(profile=profile, strip=strip) if hasattr(inner, "release") else inner
        values["module"], values["file_names"] = deployed.wasm, getattr(deployed, "file_names", {})
        values.setdefault("name", inner.name)
        if "kind" not in values and "kind" not in defaults and hasattr(inner, "callbacks"):
            values["kind"] = inner.callbacks.kind
        known = {name: value for name, value in values.items() if value is not None}
        return replace(cls(values["module"]), **{**defaults, **known})

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables of the plugin, including those that wasmnb's SDK reads."""
        return (
            with_paused_headers(self.environment, self.name)
            if self.allow_on_headers_stop_iteration
            else dict(self.environment)
        )

    def as_config(self, directory: Path) -> dict[str, Any]:
        """Return the plugin as a `PluginConfig` message. If the module is bytes, they are written to a file in `directory`."""
        path = write_module(self.module, directory)
        vm: dict[str, Any] = {
            "vm_id": self.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(path)}},
        }
        vm_config, config = to_config(self.vm_config), to_config(self.config)
        if vm_config or isinstance(vm_config, TypedConfig):
            vm["configuration"] = any_value(vm_config)
        if self.variables or self.host_environment:
            vm["environment_variables"] = {
                "key_values": self.variables,
                "host_env_keys": list(self.host_environment),
            }
        if self.allowed_capabilities:
            allowed: dict[str, Any] = {n: {} for n in self.allowed_capabilities}
            vm["capability_restriction_config"] = {"allowed_capabilities": allowed}
        plugin: dict[str, Any] = {"name": self.name, "root_id": self.root_id, "vm_config": vm}
        if config or isinstance(config, TypedConfig):
            plugin["configuration"] = any_value(config)
        if self.allow_on_headers_stop_iteration:
            plugin["allow_on_headers_stop_iteration"] = True
        return plugin | self._failure()

    def _failure(self) -> dict[str, Any]:
        config: dict[str, Any] = {}
        if self.failure_policy:
            config["failure_policy"] = self.failure_policy
        if self.fail_open:
            config["fail_open"] = True
        if self.reload_backoff is not None:
            config["reload_config"] = {"backoff": {"base_interval": f"{self.reload_backoff}s"}}
        return config


def write_module(module: bytes | Path, directory: Path) -> Path:
    """Return the path of a module's file. Bytes are written to a file named after their hash, unless it exists."""
    if isinstance(module, Path):
        return module.resolve()
    path = directory / f"{hashlib.sha256(module).hexdigest()[:16]}.wasm"
    if not path.exists():
        path.write_bytes(module)
    return path


def any_value(data: bytes) -> dict[str, Any]:
    """Return a configuration as a `google.protobuf.Any`: a message for a `TypedConfig`, a string for UTF-8, and bytes
    otherwise.
    """
    if isinstance(data, TypedConfig):
        return data.as_any()
    try:
        return {"@type": _TYPE + "google.protobuf.StringValue", "value": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"@type": _TYPE + "google.protobuf.BytesValue", "value": base64.b64encode(data).decode()}
