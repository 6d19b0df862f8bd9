"""What Envoy is told about one Wasm plugin: `envoy.extensions.wasm.v3.PluginConfig` as plain data.

Facts (Envoy 1.40): a `Struct` configuration reaches the guest as serialised protobuf, not as JSON; `StringValue` and
`BytesValue` give their inner bytes. `failure_policy` and the legacy `fail_open` exclude each other.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..messages import to_bytes

__all__ = ["EnvoyPlugin", "any_value", "write_module"]

_TYPE = "type.googleapis.com/"


@dataclass(frozen=True)
class EnvoyPlugin:
    """One plugin of a filter chain.

    Attributes
    ----------
    module
        The Wasm module: bytes, or the path of a file.
    config, vm_config
        Bytes or text, or a mapping, which is given to Envoy as a `Struct`.
    failure_policy
        "FAIL_CLOSED", "FAIL_OPEN", "FAIL_RELOAD", or None for Envoy's default (closed).
    reload_interval
        Seconds of `reload_config.backoff.base_interval`; None for Envoy's default.
    environment
        WASI environment variables; `host_environment` names those taken over from Envoy's own.
    capabilities
        Names that a capability restriction allows; None for no restriction.
    """

    module: bytes | Path
    name: str = "filter"
    root_id: str = ""
    vm_id: str = ""
    config: bytes | str | Mapping[str, Any] = b""
    vm_config: bytes | str | Mapping[str, Any] = b""
    failure_policy: str | None = None
    fail_open: bool = False
    reload_interval: float | None = None
    allow_on_headers_stop_iteration: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    host_environment: tuple[str, ...] = ()
    capabilities: tuple[str, ...] | None = None

    @classmethod
    def of(cls, thing: Any, **defaults: Any) -> EnvoyPlugin:
        """Take whatever names a plugin: one of these, a host `Plugin`, a `Filter`, a path, module bytes.

        `defaults` are used where the thing itself says nothing.
        """
        if isinstance(thing, cls):
            return thing
        if isinstance(thing, bytes):
            return cls(thing, **defaults)
        if isinstance(thing, str | Path):
            return cls(Path(thing), **{"name": Path(thing).stem, **defaults})
        given = {name: getattr(thing, name) for name in (f.name for f in fields(cls)) if hasattr(thing, name)}
        inner = getattr(thing, "filter", thing)
        given["module"] = inner.wasm
        given.setdefault("name", inner.name)
        known = {name: value for name, value in given.items() if value is not None}
        return replace(cls(given["module"]), **{**defaults, **known})

    def as_config(self, directory: Path) -> dict[str, Any]:
        """The `PluginConfig` message as JSON-ready data; a module in bytes is written into `directory`."""
        path = write_module(self.module, directory)
        vm: dict[str, Any] = {
            "vm_id": self.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": {"local": {"filename": str(path)}},
        }
        if self.vm_config:
            vm["configuration"] = any_value(self.vm_config)
        if self.environment or self.host_environment:
            vm["environment_variables"] = {
                "key_values": dict(self.environment),
                "host_env_keys": list(self.host_environment),
            }
        plugin: dict[str, Any] = {"name": self.name, "root_id": self.root_id, "vm_config": vm}
        if self.config:
            plugin["configuration"] = any_value(self.config)
        if self.capabilities is not None:
            plugin["capability_restriction_config"] = {"allowed_capabilities": {n: {} for n in self.capabilities}}
        if self.allow_on_headers_stop_iteration:
            plugin["allow_on_headers_stop_iteration"] = True
        return plugin | self._failure()

    def _failure(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.failure_policy:
            found["failure_policy"] = self.failure_policy
        if self.fail_open:
            found["fail_open"] = True
        if self.reload_interval is not None:
            found["reload_config"] = {"backoff": {"base_interval": f"{self.reload_interval}s"}}
        return found


def write_module(module: bytes | Path, directory: Path) -> Path:
    """Path of a module for Envoy to read: a file as it is, bytes written once under their hash."""
    if isinstance(module, Path):
        return module.resolve()
    path = directory / f"{hashlib.sha256(module).hexdigest()[:16]}.wasm"
    if not path.exists():
        path.write_bytes(module)
    return path


def any_value(value: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as `google.protobuf.Any`: text readable where it can be, bytes exact always."""
    if isinstance(value, Mapping):
        return {"@type": _TYPE + "google.protobuf.Struct", "value": dict(value)}
    data = to_bytes(value)
    try:
        return {"@type": _TYPE + "google.protobuf.StringValue", "value": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"@type": _TYPE + "google.protobuf.BytesValue", "value": base64.b64encode(data).decode()}
