"""Import of an `envoy.yaml` into the simulated proxy: Wasm plugins, their configuration, routes and clusters.

Parts that the simulation doesn't support (TLS, other filters) are ignored. `left_out` lists every ignored field that the file
sets, with its path and line. Each cluster becomes an echo server unless the caller passes an upstream for it.

Reference: https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/extensions/wasm/v3/wasm.proto
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from ..._display import short
from ...compiler import Filter
from ...errors import UsageError
from ...host.clusters.cluster import Cluster, to_cluster
from ...host.contexts.stream_info import Listener
from ...host.envoy_messages.message_check import Checked, checked
from ...host.http.connection_manager.manager import HttpConnectionManager
from ...host.http.route_table.reader import to_table
from ...host.http.route_table.route import RouteMatch
from ...host.plugins.envoy_filter_config import BUILT_IN, BUILT_IN_MESSAGES, BuiltIn
from ...host.plugins.plugin import Plugin
from ...parsing.yaml_lines import line_of, read_yaml
from . import supported_fields
from .field_names import with_field_names
from .fields import FileFields
from .route_checks import check_routes
from .validation import config_problem

__all__ = ["EnvoySetup", "read_envoy"]

_MANAGER = "HttpConnectionManager"
#: Fields of a connection manager that can have plugins, and the last parts of their messages' names.
_WITH_PLUGINS, _PLUGIN_KINDS = ("http_filters", "access_log"), frozenset(("Wasm", "WasmAccessLog"))
_OTHER_TIMEOUTS = (("stream_idle_timeout", "idle_timeout"), ("request_timeout", "request_timeout"))
_DIRECTIONS = {"INBOUND": 1, "OUTBOUND": 2}
#: Message type of one of Envoy's own filters that are simulated -> kind of the filter.
_BUILT_IN = {
    "envoy.extensions.filters.http.set_metadata.v3.Config": BUILT_IN[0],
    "envoy.extensions.filters.http.header_mutation.v3.HeaderMutation": BUILT_IN[1],
}
#: Filter that isn't simulated -> its effect in Envoy.
_OTHER_FILTERS = {
    "Cors": "Envoy would answer preflight requests itself and add access-control headers",
    "LocalRateLimit": "Envoy would answer requests above the limit with 429",
    "Buffer": "Envoy would hold every request until it is complete, and answer requests that are too large with 413",
    "Lua": "Envoy would run its script on every request and response",
    "ExtAuthz": "Envoy would ask a service about every request, and answer those that it denies with 403",
}


@dataclass
class EnvoySetup:
    """Parts of a configuration file that the simulated proxy uses.

    Attributes
    ----------
    plugins
        Plugins of the chosen listener in order, including Wasm services and access loggers.
    clusters, routes
        Values for the parameters `clusters` and `routes` of `Proxy`.
    options
        Other arguments for `Proxy`.
    listener
        Name of the chosen listener.
    left_out
        Sentences about ignored parts of the file, with line numbers.
    """

    plugins: list[Plugin] = field(default_factory=list)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    routes: Any = None
    options: dict[str, Any] = field(default_factory=dict)
    listener: str = ""
    left_out: list[str] = field(default_factory=list)

    @property
    def main_cluster(self) -> str:
        """Name of the first cluster in the routes, or an empty string."""
        named = to_table(self.routes).clusters if self.routes is not None else []
        return named[0] if named else ""

    def leave_out_unsupported(self, message: Any, schema: supported_fields.MessageSchema, path: str) -> None:
        """Record the fields of a message that the file sets but the simulation doesn't support."""
        for unsupported in supported_fields.unsupported_fields(message, schema, path):
            self.leave_out(f"{unsupported.path} isn't simulated", unsupported.holder, unsupported.name)

    def leave_out(self, text: str, holder: Any, key: str = "") -> None:
        """Record an ignored part of the file, with its line number if it is known."""
        line = line_of(holder, key)
        self.left_out.append(f"line {line}: {text}" if line else text)


def read_envoy(
    path: str | Path, *, listener: str | None = None, clusters: Mapping[str, Any] | None = None, upstream: Any = None
) -> EnvoySetup:
    """Read a static configuration of Envoy from a file.

    Parameters
    ----------
    path
        Path of a YAML or JSON file. Paths of modules in the file can be relative to its folder.
    listener
        Name of the listener to use. By default, the first one with a Wasm filter.
    clusters
        Upstreams by cluster name, as for `Proxy` (default none).
    upstream
        Upstream of all other clusters, as for `Proxy`. By default (None), an echo server.

    Raises
    ------
    UsageError
        The file or the listener doesn't exist, the listener has no plugin, or a plugin can't be read. If the real Envoy is
        installed, also raised for errors that it reports. The message contains the line.
    """
    path = Path(path)
    config = read_yaml(path)
    _validate(path, config)  # before field names are converted, so that Envoy's errors contain the file's spelling
    config = with_field_names(config)
    setup = EnvoySetup()
    fields = FileFields(path)
    reader = _ListenerReader(fields, setup, dynamic=bool(config.get("dynamic_resources")))
    resources = fields.mapping(config, "static_resources")
    if config.get("dynamic_resources"):
        setup.leave_out("dynamic_resources: only static resources are read", config, "dynamic_resources")
    setup.leave_out_unsupported(config, supported_fields.BOOTSTRAP, "")
    if config.get("node"):
        node = fields.mapping(config, "node")
        setup.options["node"] = {k: v for k, v in node.items() if k in ("id", "cluster", "metadata")}
    for index, entry in enumerate(fields.mappings(resources, "clusters")):
        name = str(entry.get("name", ""))
        setup.leave_out_unsupported(entry, supported_fields.CLUSTER, f"clusters[{index}]")
        chosen = clusters or {}
        setup.clusters[name] = to_cluster(name, chosen.get(name, upstream), main=name not in chosen)
        setup.clusters[name].http2 = _speaks_http2(fields, entry)
        setup.clusters[name].metadata = setup.clusters[name].metadata or entry.get("metadata")
    for name in set(clusters or {}) - set(setup.clusters):
        raise UsageError(
            f"{path} has no cluster {name!r}. Clusters in the file: {', '.join(setup.clusters) or 'none'}."
        )
    reader.read_listener(reader.choose(fields.mappings(resources, "listeners"), listener))
    for extension in fields.mappings(config, "bootstrap_extensions"):
        reader.read_service(extension)
    for sink in fields.mappings(config, "stats_sinks"):
        reader.read_stats_sink(sink)
    if config.get("stats_flush_interval"):
        setup.options["stats_flush_interval"] = fields.seconds(config, "stats_flush_interval", "5s")
    if not setup.plugins:
        raise UsageError(f"{path}: listener {setup.listener!r} has no Wasm plugin. Choose another one with listener=.")
    return setup


def _speaks_http2(fields: FileFields, cluster: Mapping[str, Any]) -> bool:
    """Return whether Envoy speaks HTTP/2 to a cluster."""
    extensions = fields.mapping(cluster, "typed_extension_protocol_options")
    options = [fields.mapping(fields.mapping(extensions, name), "explicit_http_config") for name in extensions]
    return any("http2_protocol_options" in holder for holder in (cluster, *options))


def _validate(path: Path, config: Any) -> None:
    """Validate the file with the real Envoy if it is installed. Envoy checks all fields, and this module checks only some."""
    problem = config_problem(path)
    if problem is not None:
        line = _line_of_path(config, problem)
        raise UsageError(f"{path}{f', line {line}' if line else ''}: Envoy refuses the file: {problem}")


def _line_of_path(config: Any, problem: str) -> int:
    """Return the line of the path in Envoy's message (`static_resources.listeners[0].name`), or of the last
    part that exists.
    """
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


class _ListenerReader:
    """Reader of a listener, which stores the listener's parts in a setup."""

    def __init__(self, fields: FileFields, setup: EnvoySetup, *, dynamic: bool) -> None:
        self.dynamic = dynamic
        self.fields = fields
        self.path = fields.path
        self.setup = setup

    def choose(self, listeners: Sequence[Any], name: str | None) -> Any:
        if name is not None:
            listener = next((item for item in listeners if item.get("name") == name), None)
            if listener is None:
                names = ", ".join(repr(item.get("name", "")) for item in listeners) or "none"
                raise UsageError(f"{self.path} has no listener {name!r}. Listeners in the file: {names}.")
            return listener
        with_wasm = [item for item in listeners if self._has_plugin(item)]
        if not with_wasm:
            raise UsageError(
                f"{self.path} has no listener with a Wasm filter (envoy.filters.http.wasm or network.wasm). Add one."
            )
        for other in listeners:
            if other is not with_wasm[0]:
                self.setup.leave_out(f"listener {other.get('name', '')!r}: choose it with listener=", other)
        return with_wasm[0]

    def _has_plugin(self, listener: Any) -> bool:
        """Return whether a listener has a Wasm filter or a Wasm access logger."""
        chains = self.fields.mappings(listener, "filter_chains")
        filters = [self.fields.typed(item) for chain in chains for item in self.fields.mappings(chain, "filters")]
        managers = [typed for typed, kind in filters if kind == _MANAGER]
        inside = [item for m in managers for name in _WITH_PLUGINS for item in self.fields.mappings(m, name)]
        kinds = {kind for _, kind in filters} | {self.fields.typed(item)[1] for item in inside}
        return not kinds.isdisjoint(_PLUGIN_KINDS)

    def read_listener(self, listener: Any) -> None:
        setup = self.setup
        setup.listener = self.fields.text(listener, "name")
        setup.leave_out_unsupported(listener, supported_fields.LISTENER, "listener")
        if "per_connection_buffer_limit_bytes" in listener:
            setup.options["buffer_limit"] = self.fields.integer(listener, "per_connection_buffer_limit_bytes")
        setup.options["listener"] = Listener(
            direction=_DIRECTIONS.get(self.fields.text(listener, "traffic_direction"), 0),
            metadata=self.fields.mapping(listener, "metadata") or None,
        )
        chains = self.fields.mappings(listener, "filter_chains")
        for extra in chains[1:]:
            self.setup.leave_out("a second filter chain: only the first one is used", extra)
        for chain in chains[:1]:
            if "transport_socket" in chain:
                self.setup.leave_out(
                    "transport_socket: the simulated client doesn't use TLS", chain, "transport_socket"
                )
            for item in self.fields.mappings(chain, "filters"):
                self.read_network_filter(item)

    def read_network_filter(self, item: Any) -> None:
        typed, kind = self.fields.typed(item)
        if kind == _MANAGER:
            self.read_manager(typed)
        elif kind == "Wasm":
            self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), "network"))
        elif kind == "TcpProxy":
            self.setup.leave_out_unsupported(typed, supported_fields.TCP_PROXY, "tcp_proxy")
            self.setup.routes = [RouteMatch(cluster=self.fields.text(typed, "cluster"))]
        else:
            self.setup.leave_out(f"network filter {item.get('name', kind)!r}", item)

    def read_manager(self, manager: Any) -> None:
        setup, manager = self.setup, checked(self.fields, manager, "HttpConnectionManager")
        switches, names = HttpConnectionManager.from_config(manager)
        setup.leave_out_unsupported(manager, supported_fields.manager_schema(names), "http_connection_manager")
        for theirs, ours in _OTHER_TIMEOUTS:
            if theirs in manager:
                setup.options[ours] = self.fields.seconds(manager, theirs, "0s")
        codec = self.fields.text(manager, "codec_type", "AUTO")
        if codec not in ("AUTO", "HTTP1"):
            setup.leave_out(
                f"codec_type {codec}: the simulation also accepts requests over HTTP/1", manager, "codec_type"
            )
        for item in self.fields.mappings(manager, "http_filters"):
            typed, kind = self.fields.typed(item)
            if kind == "Router":
                setup.leave_out_unsupported(typed, supported_fields.ROUTER, "router")
                hidden = self.fields.boolean(typed, "suppress_envoy_headers")
                switches = replace(switches, suppress_envoy_headers=hidden)
            else:
                self.read_http_filter(item, typed, kind, manager.get("route_config"))
        setup.options["connection_manager"] = switches
        self.read_access_loggers(manager)
        if "rds" in manager:
            setup.leave_out("rds: only the routes in route_config are read", manager, "rds")
        self.read_routes(self.fields.mapping(manager, "route_config"))

    def read_http_filter(self, item: Any, typed: Any, kind: str, routes: Any) -> None:
        setup, name, disabled = self.setup, str(item.get("name", kind)), self.fields.boolean(item, "disabled")
        full_kind = str(typed.get("@type", "")).rpartition("/")[2]
        built_in = _BUILT_IN.get(full_kind)
        if kind == "Wasm":
            plugin = self.plugin(self.fields.mapping(typed, "config"), "http")
            setup.plugins.append(replace(plugin, filter_name=name, disabled=disabled))
        elif built_in is not None:
            before = sum(plugin.kind == "http" for plugin in setup.plugins)
            schema = supported_fields.BUILT_IN[full_kind.removeprefix("envoy.extensions.filters.http.")]
            setup.leave_out_unsupported(typed, schema, f"HTTP filter {name!r}")
            message = checked(self.fields, typed, BUILT_IN_MESSAGES[built_in])
            config = Checked.like(message, {key: value for key, value in message.items() if key != "@type"})
            chain = setup.options.setdefault("built_in", [])
            chain.append(BuiltIn(built_in, config, name, before, disabled))
        elif not disabled or to_table(routes or {}).enables(name):
            done = f": {_OTHER_FILTERS[kind]}" if kind in _OTHER_FILTERS else ""
            setup.leave_out(f"HTTP filter {name!r}{done}", item)

    def read_access_loggers(self, manager: Any) -> None:
        for index, item in enumerate(self.fields.mappings(manager, "access_log")):
            typed, kind = self.fields.typed(item)
            if kind == "WasmAccessLog":
                self.setup.leave_out_unsupported(item, supported_fields.ACCESS_LOG, f"access_log[{index}]")
                self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), "access_log"))
            else:
                self.setup.leave_out(f"access log {item.get('name', kind)!r}", item)

    def read_routes(self, routes: Any) -> None:
        setup = self.setup
        setup.leave_out_unsupported(routes, supported_fields.ROUTES, "route_config")
        setup.routes = routes
        check_routes(self.fields, routes, None if self.dynamic else setup.clusters)
        hosts = self.fields.mappings(routes, "virtual_hosts")
        if len(hosts) == 1:
            listener = setup.options["listener"]
            setup.options["listener"] = replace(
                listener,
                virtual_host=self.fields.text(hosts[0], "name"),
                virtual_host_metadata=hosts[0].get("metadata"),
            )

    def read_service(self, extension: Any) -> None:
        typed, kind = self.fields.typed(extension)
        if kind == "WasmService":
            where = "singleton" if self.fields.boolean(typed, "singleton") else "service"
            self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), where))
        else:
            self.setup.leave_out(f"bootstrap extension {extension.get('name', kind)!r}", extension)

    def read_stats_sink(self, sink: Any) -> None:
        typed, kind = self.fields.typed(sink)
        if str(typed.get("@type", "")).endswith("stat_sinks.wasm.v3.Wasm"):
            self.setup.plugins.append(self.plugin(self.fields.mapping(typed, "config"), "stat_sink"))
        else:
            self.setup.leave_out(f"stats sink {sink.get('name', kind)!r}", sink)

    def plugin(self, config: Any, kind: str) -> Plugin:
        """Return the plugin described by a `PluginConfig` message."""
        fields = self.fields
        vm = fields.mapping(config, "vm_config")
        runtime = fields.text(vm, "runtime", "envoy.wasm.runtime.v8")
        if not runtime.endswith(".v8"):
            self.setup.leave_out(f"runtime {runtime!r}: wasmnb runs the module in its own engine", vm, "runtime")
        backoff = fields.mapping(fields.mapping(config, "reload_config"), "backoff")
        restriction = fields.mapping(config, "capability_restriction_config")
        restriction = restriction or fields.mapping(vm, "capability_restriction_config")
        self.setup.leave_out_unsupported(config, supported_fields.PLUGIN, f"plugin {fields.text(config, 'name')!r}")
        make = partial(
            Plugin,
            self.module(vm, fields.text(config, "name")),
            name=fields.text(config, "name"),
            root_id=fields.text(config, "root_id"),
            vm_id=fields.text(vm, "vm_id"),
            vm_config=fields.any_bytes(vm, "configuration"),
            config=fields.any_bytes(config, "configuration"),
            failure_policy=fields.text(config, "failure_policy") or None,
            fail_open=fields.boolean(config, "fail_open"),
            allow_on_headers_stop_iteration=fields.boolean(config, "allow_on_headers_stop_iteration"),
            environment=fields.environment(vm, "environment_variables"),
            allowed_capabilities=tuple(fields.mapping(restriction, "allowed_capabilities")),
            kind=kind,
            reload_backoff=fields.seconds(backoff, "base_interval", "1s"),
        )
        try:
            return make()
        except UsageError as error:
            raise fields.fail(str(error), config) from None

    def module(self, vm: Mapping[str, Any], name: str) -> Filter:
        """Return the module of a `VmConfig` message. Its path can be relative to the folder of the configuration file."""
        local = self.fields.mapping(self.fields.mapping(vm, "code"), "local")
        if "filename" in local:
            path = Path(self.fields.text(local, "filename"))
            places = [p for p in (path, self.path.parent / path) if os.path.isfile(p)]  # noqa: PTH113 -- any text
            if not places:
                raise self.fields.fail(
                    f"The module {short(str(path))} doesn't exist. Correct code.local.filename.", local, "filename"
                )
            return Filter.from_file(places[0], name or path.stem)
        if "inline_bytes" in local:
            return Filter.from_bytes(self.fields.base64(local, "inline_bytes"), name or "inline")
        raise self.fields.fail(
            "The plugin's module must be a local file. Set code.local.filename or code.local.inline_bytes.", vm, "code"
        )
