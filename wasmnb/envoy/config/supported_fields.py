"""Fields of Envoy's configuration that the simulation supports. All other fields that a file sets are listed with their paths.

A schema maps each field of a message to the schema of its value. `ALL` marks a field that is fully supported, `FORMAT` a text
(or a JSON template) whose operators must be known, and `PER_FILTER` a route's configurations for individual filters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...host.http.route_table.formatter import SubstitutionFormat

__all__ = [
    "ACCESS_LOG",
    "ALL",
    "BOOTSTRAP",
    "BUILT_IN",
    "CLUSTER",
    "LISTENER",
    "PLUGIN",
    "ROUTER",
    "ROUTES",
    "TCP_PROXY",
    "UnsupportedField",
    "manager_schema",
    "unsupported_fields",
]

MessageSchema = Mapping[str, Any]

ALL: MessageSchema | None = None
FORMAT: MessageSchema = {"a format": None}
PER_FILTER: MessageSchema = {"configurations by filter": None}


def _all(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, ALL)


_PATTERN: MessageSchema = _all("regex", "google_re2")
_REGEX: MessageSchema = {"pattern": _PATTERN, "substitution": ALL}
_TEXT: MessageSchema = {**_all("exact", "prefix", "suffix", "contains", "ignore_case"), "safe_regex": _PATTERN}
_HEADER: MessageSchema = {
    **_all("name", "invert_match", "present_match", "treat_missing_header_as_empty", "range_match"),
    **_all("exact_match", "prefix_match", "suffix_match", "contains_match"),
    "string_match": _TEXT,
    "safe_regex_match": _PATTERN,
}
_PARAMETER: MessageSchema = {**_all("name", "present_match", "invert_match"), "string_match": _TEXT}
_ADDITION: MessageSchema = {
    **_all("append", "append_action", "keep_empty_value"),
    "header": {"key": ALL, "value": FORMAT},
}
_BODY: MessageSchema = _all("inline_string", "inline_bytes")
_BODY_FORMAT: MessageSchema = {
    **_all("content_type"),
    **dict.fromkeys(("text_format", "json_format"), FORMAT),
    "text_format_source": {"inline_string": FORMAT},
}
_LEVEL: dict[str, Any] = {
    **_all("request_headers_to_remove", "response_headers_to_remove"),
    **dict.fromkeys(("request_headers_to_add", "response_headers_to_add"), _ADDITION),
    "typed_per_filter_config": PER_FILTER,
}

_RETRY: MessageSchema = {
    **_all("retry_on", "num_retries", "per_try_timeout", "per_try_idle_timeout", "retriable_status_codes"),
    **dict.fromkeys(("retriable_headers", "retriable_request_headers"), _HEADER),
    "retry_back_off": _all("base_interval", "max_interval"),
    "rate_limited_retry_back_off": {"max_interval": ALL, "reset_headers": _all("name", "format")},
}
_HEDGE: MessageSchema = _all("hedge_on_per_try_timeout")
_MATCH: MessageSchema = {
    **_all("prefix", "path", "path_separated_prefix", "connect_matcher", "case_sensitive", "grpc"),
    "headers": _HEADER,
    **dict.fromkeys(("query_parameters", "cookies"), _PARAMETER),
    "safe_regex": _PATTERN,
    "path_match_policy": {"name": ALL, "typed_config": _all("@type", "path_template")},
    "runtime_fraction": _all("default_value"),
}
_ACTION: MessageSchema = {
    **_all(
        "cluster",
        "cluster_header",
        "timeout",
        "idle_timeout",
        "cluster_not_found_response_code",
        "max_grpc_timeout",
        "grpc_timeout_offset",
    ),
    **_all("prefix_rewrite", "path_rewrite", "host_rewrite_literal", "host_rewrite_header", "append_x_forwarded_host"),
    "weighted_clusters": {"clusters": {**_all("name", "weight", "host_rewrite_literal"), **_LEVEL}},
    "retry_policy": _RETRY,
    "hedge_policy": _HEDGE,
    "max_stream_duration": _all("max_stream_duration", "grpc_timeout_header_max", "grpc_timeout_header_offset"),
    "upgrade_configs": _all("upgrade_type", "enabled"),
    "regex_rewrite": _REGEX,
    "host_rewrite_path_regex": _REGEX,
}
_REDIRECT: MessageSchema = {
    **_all("response_code", "https_redirect", "scheme_redirect", "host_redirect", "port_redirect", "path_redirect"),
    **_all("prefix_rewrite", "strip_query"),
    "regex_rewrite": _REGEX,
}
_DIRECT: MessageSchema = {"status": ALL, "body": _BODY, "body_format": _BODY_FORMAT}
_ROUTE: MessageSchema = {
    **_all("name", "metadata"),
    **_LEVEL,
    "match": _MATCH,
    "route": _ACTION,
    "redirect": _REDIRECT,
    "direct_response": _DIRECT,
}
_HOST: MessageSchema = {
    **_all("name", "domains", "require_tls", "include_request_attempt_count", "include_attempt_count_in_response"),
    **_all("metadata", "include_is_timeout_retry_header"),
    **_LEVEL,
    "retry_policy": _RETRY,
    "hedge_policy": _HEDGE,
    "routes": _ROUTE,
}
#: Schema of `RouteConfiguration`.
ROUTES: MessageSchema = {
    **_all("name", "internal_only_headers", "ignore_port_in_host_matching", "most_specific_header_mutations_wins"),
    **_all("validate_clusters"),
    **_LEVEL,
    "virtual_hosts": _HOST,
}
#: Schema of the `PluginConfig` of a Wasm plugin.
PLUGIN: MessageSchema = {
    **_all("name", "root_id", "configuration", "failure_policy", "fail_open", "allow_on_headers_stop_iteration"),
    "vm_config": {
        **_all("vm_id", "runtime", "configuration", "environment_variables", "allow_precompiled"),
        "code": {"local": ALL},
        "capability_restriction_config": _all("allowed_capabilities"),
    },
    "reload_config": {"backoff": _all("base_interval")},
    "capability_restriction_config": _all("allowed_capabilities"),
}
#: Schema of the router filter.
ROUTER: MessageSchema = _all("@type", "suppress_envoy_headers")
#: Schema of the TCP proxy that follows network filters.
TCP_PROXY: MessageSchema = _all("@type", "stat_prefix", "cluster")
#: Schema of an access logger that is a Wasm plugin.
ACCESS_LOG: MessageSchema = _all("name", "typed_config")
#: Schema of `Listener`. The filters are reported separately.
LISTENER: MessageSchema = {
    **_all("name", "address", "per_connection_buffer_limit_bytes", "traffic_direction", "metadata"),
    "filter_chains": _all("name", "filters", "transport_socket"),
}
_PROTOCOLS: MessageSchema = {
    "@type": ALL,
    "explicit_http_config": _all("http_protocol_options", "http2_protocol_options"),
}
#: Schema of `Cluster`. Its servers are replaced, so fields about how Envoy connects to them count as supported.
CLUSTER: MessageSchema = {
    **_all("name", "type", "load_assignment", "connect_timeout", "lb_policy", "dns_lookup_family", "metadata"),
    "http2_protocol_options": {},
    "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": _PROTOCOLS},
}
#: Schema of `Bootstrap`.
BOOTSTRAP: MessageSchema = {
    **_all("admin", "bootstrap_extensions", "dynamic_resources", "stats_sinks", "stats_flush_interval"),
    "node": _all("id", "cluster", "metadata"),
    "static_resources": _all("listeners", "clusters"),
}
_FILTER: dict[str, Any] = {
    **_all("status_code_filter", "response_flag_filter", "not_health_check_filter"),
    "header_filter": {"header": _HEADER},
}
_FILTER["and_filter"] = _FILTER["or_filter"] = {"filters": _FILTER}
_REPLIES: MessageSchema = {
    "mappers": {
        "filter": _FILTER,
        "status_code": ALL,
        "body": _BODY,
        "headers_to_add": _ADDITION,
        "body_format_override": _BODY_FORMAT,
    },
    "body_format": _BODY_FORMAT,
}
_STEPS: MessageSchema = {"remove": ALL, "remove_on_match": {"key_matcher": _TEXT}, "append": _ADDITION}
_MUTATED = ("request_mutations", "response_mutations", "request_trailers_mutations", "response_trailers_mutations")
_QUERY: MessageSchema = {"remove": ALL, "append": {"record": _all("key", "value"), "action": ALL}}
_MUTATIONS: MessageSchema = {
    "@type": ALL,
    "mutations": {**dict.fromkeys(_MUTATED, _STEPS), "query_parameter_mutations": _QUERY},
}
_METADATA: MessageSchema = {
    **_all("@type", "metadata_namespace", "value"),
    "metadata": _all("metadata_namespace", "value", "allow_overwrite"),
}
#: Schemas of Envoy's own filters that are simulated, by the end of their message type.
BUILT_IN: dict[str, MessageSchema] = {
    "set_metadata.v3.Config": _METADATA,
    "header_mutation.v3.HeaderMutation": _MUTATIONS,
}
_ROUTE_CONFIGS: dict[str, MessageSchema] = {
    "route.v3.FilterConfig": _all("@type", "disabled", "is_optional", "config"),
    "header_mutation.v3.HeaderMutationPerRoute": _MUTATIONS,
}


def manager_schema(fields: set[str]) -> MessageSchema:
    """Return the schema of a connection manager. `fields` contains the names returned by
    `HttpConnectionManager.from_config`.
    """
    schema: dict[str, Any] = _all(
        "@type", "stat_prefix", "codec_type", "http_filters", "route_config", "rds", "access_log", "stream_idle_timeout",
        "request_timeout",
    )  # fmt: skip
    for name in fields:
        outer, _, inner = name.partition(".")
        if inner:
            schema.setdefault(outer, {})[inner] = ALL
        else:
            schema[outer] = ALL
    nested = {"local_reply_config": _REPLIES, "upgrade_configs": _all("upgrade_type", "enabled")}
    return schema | nested | {"internal_address_config": _all("cidr_ranges")}


class UnsupportedField(NamedTuple):
    """A field that a configuration file sets but the simulation doesn't support.

    Attributes
    ----------
    path
        Path of the field from the outermost message, such as `virtual_hosts[0].cors`.
    holder, name
        Message that contains the field, and the field's name in it.
    """

    path: str
    holder: Any
    name: str


def unsupported_fields(message: Any, schema: MessageSchema | None, path: str = "") -> Iterator[UnsupportedField]:
    """Yield the fields of a message that its schema doesn't contain."""
    if schema is None:
        return
    if isinstance(message, list):
        for index, item in enumerate(message):
            yield from unsupported_fields(item, schema, f"{path}[{index}]")
    elif isinstance(message, Mapping):
        for name, value in message.items():
            inner = f"{path}.{name}" if path else name
            if name not in schema:
                yield UnsupportedField(inner, message, name)
            elif schema[name] is FORMAT:
                for operator in dict.fromkeys(_unknown_operators(value)):
                    yield UnsupportedField(f"{inner}: %{operator}%", message, name)
            elif schema[name] is PER_FILTER:
                yield from _unsupported_by_filter(value, inner)
            else:
                yield from unsupported_fields(value, schema[name], inner)


def _unsupported_by_filter(configs: Any, path: str) -> Iterator[UnsupportedField]:
    for name, config in configs.items() if isinstance(configs, Mapping) else ():
        kind = str(config.get("@type", "")) if isinstance(config, Mapping) else ""
        schema = next((s for k, s in _ROUTE_CONFIGS.items() if kind.endswith(k)), None)
        if schema is None:
            yield UnsupportedField(f"{path}.{name}", configs, name)
        else:
            yield from unsupported_fields(config, schema, f"{path}.{name}")


def _unknown_operators(value: Any) -> Iterator[str]:
    """Yield the operators in a text or in the texts of a template that the simulation doesn't support."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _unknown_operators(item)
    elif isinstance(value, str):
        yield from SubstitutionFormat(value).unknown
