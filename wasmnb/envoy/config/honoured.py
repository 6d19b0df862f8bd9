"""Fields of Envoy's configuration that the simulation honours; everything else that a file sets is listed with its path.

A schema maps the fields of a message to those of the messages in them; `ALL` stands for a field that is honoured as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

__all__ = [
    "ALL",
    "BOOTSTRAP",
    "CLUSTER",
    "LISTENER",
    "PLUGIN",
    "ROUTER",
    "ROUTES",
    "Unread",
    "manager_schema",
    "unread",
]

Schema = Mapping[str, Any]

ALL: Schema | None = None


def _all(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, ALL)


_REGEX: Schema = {"pattern": _all("regex", "google_re2"), "substitution": ALL}
_HEADERS = _all(
    "request_headers_to_add", "request_headers_to_remove", "response_headers_to_add", "response_headers_to_remove"
)
_LEVEL: dict[str, Any] = {**_HEADERS, **_all("typed_per_filter_config")}

_RETRY: Schema = {
    **_all("retry_on", "num_retries", "per_try_timeout", "per_try_idle_timeout", "retriable_status_codes"),
    **_all("retriable_headers", "retriable_request_headers", "retry_back_off"),
    "rate_limited_retry_back_off": _all("reset_headers"),
}
_MATCH: Schema = {
    **_all("prefix", "path", "path_separated_prefix", "connect_matcher", "case_sensitive", "headers"),
    **_all("query_parameters", "cookies", "grpc"),
    "safe_regex": _all("regex", "google_re2"),
    "runtime_fraction": _all("default_value"),
}
_ACTION: Schema = {
    **_all("cluster", "cluster_header", "timeout", "idle_timeout", "cluster_not_found_response_code"),
    **_all("prefix_rewrite", "path_rewrite", "host_rewrite_literal", "host_rewrite_header", "append_x_forwarded_host"),
    "weighted_clusters": {"clusters": {**_all("name", "weight", "host_rewrite_literal"), **_LEVEL}},
    "retry_policy": _RETRY,
    "hedge_policy": _all("hedge_on_per_try_timeout"),
    "max_stream_duration": _all("max_stream_duration"),
    "upgrade_configs": _all("upgrade_type", "enabled"),
    "regex_rewrite": _REGEX,
    "host_rewrite_path_regex": _REGEX,
}
_REDIRECT: Schema = {
    **_all("response_code", "https_redirect", "scheme_redirect", "host_redirect", "port_redirect", "path_redirect"),
    **_all("prefix_rewrite", "strip_query"),
    "regex_rewrite": _REGEX,
}
_DIRECT: Schema = {
    "status": ALL,
    "body": _all("inline_string"),
    "body_format": {"text_format_source": _all("inline_string")},
}
_ROUTE: Schema = {
    **_all("name", "metadata"),
    **_LEVEL,
    "match": _MATCH,
    "route": _ACTION,
    "redirect": _REDIRECT,
    "direct_response": _DIRECT,
}
_HOST: Schema = {
    **_all("name", "domains", "require_tls", "include_request_attempt_count", "include_attempt_count_in_response"),
    **_all("metadata"),
    **_LEVEL,
    "retry_policy": _RETRY,
    "routes": _ROUTE,
}
#: `RouteConfiguration`.
ROUTES: Schema = {
    **_all("name", "internal_only_headers", "ignore_port_in_host_matching", "most_specific_header_mutations_wins"),
    **_all("validate_clusters"),
    **_LEVEL,
    "virtual_hosts": _HOST,
}
#: `PluginConfig` of a Wasm plugin.
PLUGIN: Schema = {
    **_all("name", "root_id", "configuration", "failure_policy", "fail_open", "allow_on_headers_stop_iteration"),
    "vm_config": {
        **_all("vm_id", "runtime", "configuration", "environment_variables", "allow_precompiled"),
        "code": {"local": ALL},
        "capability_restriction_config": _all("allowed_capabilities"),
    },
    "reload_config": {"backoff": _all("base_interval")},
    "capability_restriction_config": _all("allowed_capabilities"),
}
#: The router filter.
ROUTER: Schema = _all("@type", "suppress_envoy_headers")
#: `Listener`; sentences of their own are made for the filters.
LISTENER: Schema = {
    **_all("name", "address", "per_connection_buffer_limit_bytes", "traffic_direction", "metadata"),
    "filter_chains": _all("name", "filters", "transport_socket"),
}
#: `Cluster`: its servers are replaced, so how Envoy reaches them doesn't matter.
CLUSTER: Schema = _all(
    "name", "type", "load_assignment", "connect_timeout", "lb_policy", "dns_lookup_family", "http2_protocol_options",
    "typed_extension_protocol_options",
)  # fmt: skip
#: `Bootstrap`.
BOOTSTRAP: Schema = {
    **_all("admin", "node", "bootstrap_extensions", "dynamic_resources"),
    "static_resources": _all("listeners", "clusters"),
}
_REPLIES: Schema = {
    "mappers": {
        "filter": _all("status_code_filter", "response_flag_filter", "header_filter", "and_filter", "or_filter"),
        "status_code": ALL,
        "body": _all("inline_string"),
        "headers_to_add": ALL,
        "body_format_override": _all("text_format", "text_format_source", "json_format", "content_type"),
    },
    "body_format": _all("text_format", "text_format_source", "json_format", "content_type"),
}


def manager_schema(honoured: set[str]) -> Schema:
    """Return the schema of a connection manager from the names that `HttpConnectionManager.from_config` returns."""
    schema: dict[str, Any] = _all(
        "@type", "stat_prefix", "codec_type", "http_filters", "route_config", "rds", "access_log", "stream_idle_timeout",
        "request_timeout",
    )  # fmt: skip
    for name in honoured:
        outer, _, inner = name.partition(".")
        if inner:
            schema.setdefault(outer, {})[inner] = ALL
        else:
            schema[outer] = ALL
    return schema | {"local_reply_config": _REPLIES}


class Unread(NamedTuple):
    """A field that a file sets and the simulation doesn't honour.

    Attributes
    ----------
    path
        From the outermost message: `virtual_hosts[0].cors`.
    holder, name
        The message that holds it, and its name there.
    """

    path: str
    holder: Any
    name: str


def unread(message: Any, schema: Schema | None, path: str = "") -> Iterator[Unread]:
    """Iterate over the fields of a message that a schema doesn't have."""
    if schema is None:
        return
    if isinstance(message, list):
        for index, item in enumerate(message):
            yield from unread(item, schema, f"{path}[{index}]")
    elif isinstance(message, Mapping):
        for name, value in message.items():
            inner = f"{path}.{name}" if path else name
            if name in schema:
                yield from unread(value, schema[name], inner)
            else:
                yield Unread(inner, message, name)
