"""Import of an `envoy.yaml` into the simulated proxy: Wasm plugins, their configuration, routes and clusters.

Parts that the simulation doesn't have (TLS, other filters, matchers other than prefixes) are ignored; `left_out` lists them
with their lines in the file. Clusters become echoes, unless the caller gives upstreams for them.

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/wasm/v3/wasm.proto
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..._display import short
from ...abi.text import encode_text
from ...compiler import Filter
from ...errors import UsageError
from ...formats import protobuf
from ...formats.yaml_lines import line_of, read_yaml
from ...host.http.routing.routes import RouteMatch
from ...host.plugins.plugin import Plugin
from ...host.upstream.cluster import Cluster, to_cluster
from .validation import config_problem

__all__ = ["EnvoySetup", "read_envoy"]

_MANAGER = "HttpConnectionManager"
_IGNORED = {"Router", "TcpProxy"}  # the simulation always has them at the end of a chain


@dataclass
class EnvoySetup:
    """The parts of a configuration.

    Attributes
    ----------
    plugins
        The chain of the chosen listener, including Wasm services and access loggers.
    clusters, routes
        As `Proxy` takes them.
    listener
        Name of the chosen listener.
    left_out
        Sentences about ignored parts, with their lines.
    """

    plugins: list[Plugin] = field(default_factory=list)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    routes: list[RouteMatch] = field(default_factory=list)
    listener: str = ""
    left_out: list[str] = field(default_factory=list)

    def leave_out(self, text: str, holder: Any, key: str = "") -> None:
        """Record an ignored part."""
        line = line_of(holder, key)
        self.left_out.append(f"line {line}: {text}" if line else text)


def read_envoy(
    path: str | Path, *, listener: str | None = None, clusters: Mapping[str, Any] | None = None, upstream: Any = None
) -> EnvoySetup:
    """Read a static configuration.

    Parameters
    ----------
    path
        YAML or JSON file. Paths of modules in it are relative to its folder.
    listener
        Name of the listener to take; by default the first one with a Wasm filter.
    clusters
        Upstreams by cluster name, as `Proxy` takes them.
    upstream
        Responder of all other clusters, as `Proxy` takes it; None for an echo.

    Raises
    ------
    UsageError
        There is no such file or listener, it has no plugin, or a plugin can't be read; the message has the line. If the
        real Envoy is installed, also any error that it reports for the file.
    """
    path = Path(path)
    config = read_yaml(path)
    _validate(path, config)
    setup = EnvoySetup()
    fields = _Fields(path)
    reader = _Reader(fields, setup)
    resources = fields.mapping(config, "static_resources")
    if config.get("dynamic_resources"):
        setup.leave_out("dynamic_resources: only static resources are read", config, "dynamic_resources")
    for entry in fields.mappings(resources, "clusters"):
        name = str(entry.get("name", ""))
        chosen = clusters or {}
        setup.clusters[name] = to_cluster(name, chosen.get(name, upstream), main=name not in chosen)
        setup.clusters[name].http2 = "http2_protocol_options" in str(entry)
    for name in set(clusters or {}) - set(setup.clusters):
        raise UsageError(f"{path} has no cluster {name!r}; it has {', '.join(setup.clusters) or 'none'}.")
    reader.read_listener(reader.choose(fields.mappings(resources, "listeners"), listener))
    for extension in fields.mappings(config, "bootstrap_extensions"):
        reader.read_service(extension)
    if not setup.plugins:
        raise UsageError(f"{path}: listener {setup.listener!r} has no Wasm plugin.")
    return setup


def _validate(path: Path, config: Any) -> None:
    """Validate the file with the real Envoy, if it is installed: it knows all fields, and this module only some."""
    problem = config_problem(path)
    if problem is not None:
        line = _line_of_path(config, problem)
        raise UsageError(f"{path}{f', line {line}' if line else ''}: Envoy's error: {problem}")


def _line_of_path(config: Any, problem: str) -> int:
    """Return the line of a path like `static_resources.listeners[0].name` in Envoy's message, or of its last known part."""
    match = re.search(r"@ ?([\w.\[\]<>@]+)", problem)
    line, here = 0, config
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", match[1] if match else ""):
        try:
            line = line_of(here, name) or line if name else line
            here = here[name] if name else here[int(index)]
        except (KeyError, IndexError, TypeError):
            if name != "any":
                break
            continue
        line = line_of(here) or line
    named = re.search(r"no such field: '?([\w.]+)'?|field '([\w.]+)'|: ([\w]+): Cannot find field", problem)
    wrong = next((g for g in named.groups() if g), "") if named else ""
    return line_of(here, wrong) or line


class _Fields:
    """Reads fields of a configuration with the type that they must have.

    A field that is missing or null counts as empty. One of another type is a `UsageError` with file, line and field.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fail(self, message: str, holder: Any, key: str = "") -> UsageError:
        return UsageError(f"{self.path}, line {line_of(holder, key)}: {message}")

    def _wrong(self, holder: Any, key: str, required: str, value: Any) -> UsageError:
        shown = "a mapping" if isinstance(value, dict) else short(repr(value), 60)
        return self.fail(f"{key} must be {required}, not {shown}.", holder, key)

    def mapping(self, holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        """Return a field that is a mapping."""
        value = holder.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self._wrong(holder, key, "a mapping", value)
        return value

    def mappings(self, holder: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
        """Return a field that is a list of mappings."""
        values = self.sequence(holder, key)
        for value in values:
            if not isinstance(value, dict):
                raise self._wrong(holder, key, "a list of mappings", value)
        return values

    def sequence(self, holder: Mapping[str, Any], key: str) -> list[Any]:
        """Return a field that is a list."""
        value = holder.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(holder, key, "a list", value)
        return value

    def text(self, holder: Mapping[str, Any], key: str, default: str = "") -> str:
        """Return a field that is text; numbers and booleans count as text."""
        value = holder.get(key)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise self._wrong(holder, key, "text", value)
        return str(value)

    def base64(self, holder: Mapping[str, Any], key: str) -> bytes:
        """Return the bytes of a field in base64."""
        try:
            return base64.b64decode(self.text(holder, key), validate=True)
        except ValueError as error:
            raise self.fail(f"{key} is not base64: {error}.", holder, key) from None

    def seconds(self, holder: Mapping[str, Any], key: str, default: str) -> float:
        """Return a field such as `1.5s` in seconds."""
        text = self.text(holder, key, default)
        try:
            return float(text.removesuffix("s"))
        except ValueError:
            raise self.fail(f"{key} must be a duration such as 1.5s, not {short(text)!r}.", holder, key) from None

    def typed(self, item: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
        """Return a typed configuration and the last part of its type; of a TypedStruct, those inside it."""
        typed = self.mapping(item, "typed_config")
        kind = self.text(typed, "@type").rpartition("/")[2].rpartition(".")[2]
        if kind == "TypedStruct":
            return self.mapping(typed, "value"), self.text(typed, "type_url").rpartition(".")[2]
        return typed, kind

    def any_bytes(self, holder: Mapping[str, Any], key: str) -> bytes:
        """Return a configuration as the guest receives it."""
        value = self.mapping(holder, key)
        kind = self.text(value, "@type").rpartition(".")[2]
        if kind == "Struct":
            return protobuf.struct_message(self.mapping(value, "value"), default=str)  # as Envoy does: not JSON
        if kind == "BytesValue":
            return self.base64(value, "value")
        return encode_text(self.text(value, "value"))

    def environment(self, holder: Mapping[str, Any], key: str) -> dict[str, str]:
        """Return the configured variables, and those that are taken from the environment of this process."""
        variables = self.mapping(holder, key)
        names, inherited = [str(name) for name in self.sequence(variables, "host_env_keys")], dict(os.environ)
        own = self.mapping(variables, "key_values")
        return {name: self.text(own, name) for name in own} | {n: inherited[n] for n in names if n in inherited}


class _Reader:
    """Reads the parts of a listener into a setup."""

    def __init__(self, fields: _Fields, setup: EnvoySetup) -> None:
        self.fields = fields
        self.path = fields.path
        self.setup = setup

    def choose(self, listeners: list[Mapping[str, Any]], name: str | None) -> Mapping[str, Any]:
        if name is not None:
            listener = next((item for item in listeners if item.get("name") == name), None)
            if listener is None:
                names = ", ".join(repr(item.get("name", "")) for item in listeners) or "none"
                raise UsageError(f"{self.path} has no listener {name!r}; it has {names}.")
            return listener
        with_wasm = [item for item in listeners if "wasm.v3.Wasm" in str(item)]
        if not with_wasm:
            raise UsageError(f"{self.path} has no listener with a Wasm filter.")
        for other in listeners:
            if other is not with_wasm[0]:
                self.setup.leave_out(f"listener {other.get('name', '')!r}: choose it with listener=", other)
        return with_wasm[0]

    def read_listener(self, listener: Mapping[str, Any]) -> None:
        self.setup.listener = self.fields.text(listener, "name")
        chains = self.fields.mappings(listener, "filter_chains")
        for extra in chains[1:]:
            self.setup.leave_out("a second filter chain: the first one is taken", extra)
        for chain in chains[:1]:
            if "transport_socket" in chain:
                self.setup.leave_out(
                    "transport_socket: the simulated client doesn't use TLS", chain, "transport_socket"
                )
            for item in self.fields.mappings(chain, "filters"):
                self.read_network_filter(item)

    def read_network_filter(self, item: Mapping[str, Any]) -> None:
        typed, kind = self.fields.typed(item)
        if kind == _MANAGER:
            self.read_manager(typed)
        elif kind == "Wasm":
            self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), "network"))
        elif kind == "TcpProxy":
            self.setup.routes.append(RouteMatch(cluster=self.fields.text(typed, "cluster")))
        else:
            self.setup.leave_out(f"network filter {item.get('name', kind)!r}", item)

    def read_manager(self, manager: Mapping[str, Any]) -> None:
        for item in self.fields.mappings(manager, "http_filters"):
            typed, kind = self.fields.typed(item)
            if kind == "Wasm" and not item.get("disabled"):
                self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), "http"))
            elif kind not in _IGNORED:
                self.setup.leave_out(f"HTTP filter {item.get('name', kind)!r}", item)
        for item in self.fields.mappings(manager, "access_log"):
            typed, kind = self.fields.typed(item)
            if kind == "WasmAccessLog":
                self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), "access_log"))
            else:
                self.setup.leave_out(f"access log {item.get('name', kind)!r}", item)
        if "rds" in manager:
            self.setup.leave_out("rds: routes are read from route_config only", manager, "rds")
        for host in self.fields.mappings(self.fields.mapping(manager, "route_config"), "virtual_hosts"):
            for route in self.fields.mappings(host, "routes"):
                self.read_route(route)

    def read_route(self, route: Mapping[str, Any]) -> None:
        fields = self.fields
        match, action = fields.mapping(route, "match"), fields.mapping(route, "route")
        field = next((f for f in ("prefix", "path", "path_separated_prefix") if match.get(f) is not None), None)
        if field is None or not fields.text(action, "cluster"):
            self.setup.leave_out("a route that isn't a prefix or path to one cluster", route)
            return
        exact = {}
        for header in fields.mappings(match, "headers"):
            matcher = fields.mapping(header, "string_match")
            value = fields.text(matcher, "exact") if "exact" in matcher else header.get("exact_match")
            if value is None:
                self.setup.leave_out(f"header matcher {header.get('name')!r}: only exact ones are read", header)
                return
            exact[fields.text(header, "name")] = str(value)
        route_match = RouteMatch(
            fields.text(match, field), exact, fields.text(action, "cluster"), fields.text(route, "name")
        )
        self.setup.routes.append(route_match)

    def read_service(self, extension: Mapping[str, Any]) -> None:
        typed, kind = self.fields.typed(extension)
        if kind == "WasmService":
            where = "singleton" if typed.get("singleton") else "service"
            self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), where))
        else:
            self.setup.leave_out(f"bootstrap extension {extension.get('name', kind)!r}", extension)

    def plugin(self, config: Mapping[str, Any], kind: str) -> Plugin:
        """Return the plugin of a `PluginConfig` message."""
        fields = self.fields
        vm = fields.mapping(config, "vm_config")
        runtime = fields.text(vm, "runtime", "envoy.wasm.runtime.v8")
        if not runtime.endswith(".v8"):
            self.setup.leave_out(f"runtime {runtime!r}: the module runs in the embedded engine", vm, "runtime")
        backoff = fields.mapping(fields.mapping(config, "reload_config"), "backoff")
        restriction = fields.mapping(fields.mapping(config, "capability_restriction_config"), "allowed_capabilities")
        return Plugin(
            self.module(vm, fields.text(config, "name")),
            name=fields.text(config, "name"),
            root_id=fields.text(config, "root_id"),
            vm_id=fields.text(vm, "vm_id"),
            vm_config=fields.any_bytes(vm, "configuration"),
            config=fields.any_bytes(config, "configuration"),
            failure_policy=fields.text(config, "failure_policy") or None,
            fail_open=bool(config.get("fail_open", False)),
            allow_on_headers_stop_iteration=bool(config.get("allow_on_headers_stop_iteration", False)),
            environment=fields.environment(vm, "environment_variables"),
            allowed_capabilities=tuple(restriction),
            kind=kind,
            reload_backoff=fields.seconds(backoff, "base_interval", "1s"),
        )

    def module(self, vm: Mapping[str, Any], name: str) -> Filter:
        """Return the module of a `VmConfig`. Its path may be relative to the folder of the configuration."""
        local = self.fields.mapping(self.fields.mapping(vm, "code"), "local")
        if "filename" in local:
            path = Path(self.fields.text(local, "filename"))
            relative = self.path.parent / path
            if not path.is_file() and not relative.is_file():
                raise self.fields.fail(f"no such module: {path}", local, "filename")
            return Filter.from_file(path if path.is_file() else relative, name or path.stem)
        if "inline_bytes" in local:
            return Filter.from_bytes(self.fields.base64(local, "inline_bytes"), name or "inline")
        raise self.fields.fail("the module must be a local file or inline bytes (code.local.filename)", vm, "code")
