"""An Envoy configuration with most of the fields that wasmnb reads, and values that damage it."""

import copy
import json

from tests.host.test_from_envoy import EXTENSIONS, plugin, write
from wasmnb.engine import assemble

#: Replacements for a value.
ODD = (
    None, [], {}, "x", "x" * 5000, "\0", "\ud800", 3, -1.5, True, [None], [[]], ["x"], [{}], {"a": None}, 10**400, 1e999, {"@type": 3},
    {"@type": "a/b.Struct", "value": [1]},
)  # fmt: skip

_FRAME = """(module (memory (export "memory") 1) (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 1024)) (func (export "%s") (param i32)))"""

_ADD = {"header": {"key": "a", "value": "%PROTOCOL%"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD", "keep_empty_value": True}
_HEADERS = {
    "request_headers_to_add": [_ADD], "request_headers_to_remove": ["b"],
    "response_headers_to_add": [{"header": {"key": "a", "value": "b"}, "append": False}], "response_headers_to_remove": ["b"],
}  # fmt: skip
_RETRY = {
    "retry_on": "5xx", "num_retries": 2, "per_try_timeout": "1s", "retriable_status_codes": [503],
    "retriable_headers": [{"name": "x"}], "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"},
    "rate_limited_retry_back_off": {"reset_headers": [{"name": "x", "format": "SECONDS"}]},
}  # fmt: skip
_MATCH = {
    "prefix": "/", "case_sensitive": False,
    "headers": [
        {"name": "x", "string_match": {"exact": "1", "ignore_case": True}}, {"name": "y", "range_match": {"start": 1, "end": 3}},
        {"name": "z", "present_match": True, "invert_match": True}, {"name": "q", "string_match": {"safe_regex": {"regex": "a.*"}}},
    ],
    "query_parameters": [{"name": "p", "string_match": {"prefix": "a"}}],
    "cookies": [{"name": "c", "string_match": {"suffix": "a"}}],
    "runtime_fraction": {"default_value": {"numerator": 3, "denominator": "HUNDRED"}},
}  # fmt: skip
_ACTION = {
    "cluster": "one", "timeout": "3s", "idle_timeout": "3s", "prefix_rewrite": "/x", "host_rewrite_literal": "h",
    "append_x_forwarded_host": True, "retry_policy": _RETRY, "hedge_policy": {"hedge_on_per_try_timeout": True},
    "max_stream_duration": {"max_stream_duration": "3s"}, "cluster_not_found_response_code": "NOT_FOUND",
    "upgrade_configs": [{"upgrade_type": "websocket", "enabled": True}],
}  # fmt: skip
_WEIGHTED = {
    "weighted_clusters": {"clusters": [{"name": "one", "weight": 3, "host_rewrite_literal": "a"}]},
    "regex_rewrite": {"pattern": {"regex": "a"}, "substitution": "b"},
}  # fmt: skip
_REDIRECT = {
    "https_redirect": True, "host_redirect": "h", "port_redirect": 80, "response_code": "FOUND", "path_redirect": "/x",
    "strip_query": True,
}  # fmt: skip
_DIRECT = {
    "status": 200, "body": {"inline_string": "x"}, "body_format": {"text_format_source": {"inline_string": "%PROTOCOL%"}},
}  # fmt: skip
_TEMPLATE = {"path_match_policy": {"name": "x", "typed_config": {"@type": "x/y", "path_template": "/e/{a}"}}}
_METADATA = {"filter_metadata": {"a": {"b": 1}}}
_ROUTES = [
    {"name": "r", "match": _MATCH, "metadata": _METADATA, **_HEADERS, "route": _ACTION},
    {"match": {"path": "/b"}, "route": _WEIGHTED, "typed_per_filter_config": {"m": {"mutations": {"request_mutations": []}}}},
    {"match": {"safe_regex": {"regex": "/c"}}, "redirect": _REDIRECT},
    {"match": {"path_separated_prefix": "/d"}, "direct_response": _DIRECT},
    {"match": _TEMPLATE, "route": {"cluster_header": "x"}},
    {"match": {"prefix": "/"}, "route": {"cluster": "one"}},
]  # fmt: skip
_MUTATIONS = {
    "request_mutations": [{"append": {**_ADD, "append_action": "APPEND_IF_EXISTS_OR_ADD"}}, {"remove": "x"}],
    "response_mutations": [{"remove": "y"}],
}  # fmt: skip
_REPLIES = {
    "mappers": [
        {
            "filter": {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": 404, "runtime_key": "x"}}}},
            "status_code": 200, "body": {"inline_string": "x"}, "headers_to_add": [{"header": {"key": "a", "value": "b"}}],
            "body_format_override": {"text_format_source": {"inline_string": "y"}},
        },
        {"filter": {"and_filter": {"filters": [
            {"header_filter": {"header": {"name": "x"}}}, {"response_flag_filter": {"flags": ["NR"]}},
        ]}}},
    ],
    "body_format": {"json_format": {"a": "%PROTOCOL%"}, "content_type": "x"},
}  # fmt: skip
_MANAGER = {
    "stat_prefix": "x", "stream_idle_timeout": "3s", "request_timeout": "3s", "server_name": "x", "via": "y",
    "use_remote_address": True, "xff_num_trusted_hops": 1, "max_request_headers_kb": 60, "strip_any_host_port": True,
    "strip_trailing_host_dot": True, "merge_slashes": True, "normalize_path": True, "generate_request_id": True,
    "path_with_escaped_slashes_action": "REJECT_REQUEST", "preserve_external_request_id": True,
    "always_set_request_id_in_response": True, "server_header_transformation": "OVERWRITE", "delayed_close_timeout": "1s",
    "internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]},
    "upgrade_configs": [{"upgrade_type": "websocket", "enabled": True}],
    "common_http_protocol_options": {
        "idle_timeout": "3s", "max_stream_duration": "3s", "max_headers_count": 100, "headers_with_underscores_action": "ALLOW",
        "max_requests_per_connection": 3,
    },
    "http_protocol_options": {
        "header_key_format": {"proper_case_words": {}}, "accept_http_10": True, "default_host_for_http_10": "x",
        "allow_absolute_url": True, "enable_trailers": True,
    },
    "scheme_header_transformation": {"scheme_to_overwrite": "https"}, "local_reply_config": _REPLIES,
}  # fmt: skip


def _wasm(filename, **options):
    """Return the configuration of a Wasm plugin."""
    config = plugin({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"a": 1}}, **options)["typed_config"]["config"]
    config["vm_config"]["code"]["local"]["filename"] = filename
    config["vm_config"]["environment_variables"] = {"host_env_keys": ["HOME"], "key_values": {"a": "b"}}
    return config


def write_whole(folder):
    """Write the configuration with its modules. Return its path."""
    for name, callback in (("log", "proxy_on_log"), ("tick", "proxy_on_tick")):
        (folder / f"{name}.wasm").write_bytes(assemble(_FRAME % callback))
    mutation = {"name": "m", "typed_config": {"@type": EXTENSIONS + "filters.http.header_mutation.v3.HeaderMutation", "mutations": _MUTATIONS}}
    values = [{"metadata_namespace": "a", "value": {"b": 1}, "allow_overwrite": True}]
    metadata = {"name": "s", "disabled": False, "typed_config": {"@type": EXTENSIONS + "filters.http.set_metadata.v3.Config", "metadata": values}}
    settings = {
        "failure_policy": "FAIL_OPEN", "reload_config": {"backoff": {"base_interval": "1s"}},
        "capability_restriction_config": {"allowed_capabilities": {"proxy_log": {}}},
    }  # fmt: skip
    item = plugin()
    item["typed_config"]["config"] = _wasm("f.wasm", **settings)
    service = {"@type": EXTENSIONS + "wasm.v3.WasmService", "singleton": True, "config": _wasm("tick.wasm")}
    path = write(
        folder, [mutation, metadata, item], copy.deepcopy(_ROUTES), node={"id": "a", "cluster": "b", "metadata": {"x": 1}},
        stats_flush_interval="3s", bootstrap_extensions=[{"name": "service", "typed_config": service}],
    )  # fmt: skip
    config = json.loads(path.read_text())
    listener = config["static_resources"]["listeners"][0]
    listener |= {"per_connection_buffer_limit_bytes": 1000, "traffic_direction": "INBOUND", "metadata": _METADATA}
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    log = {"@type": EXTENSIONS + "access_loggers.wasm.v3.WasmAccessLog", "config": _wasm("log.wasm")}
    manager |= {**_MANAGER, "access_log": [{"name": "log", "typed_config": log}]}
    manager["route_config"] |= {"name": "rc", "internal_only_headers": ["x"], "ignore_port_in_host_matching": True, **_HEADERS}
    manager["route_config"]["virtual_hosts"][0] |= {
        "metadata": _METADATA, "require_tls": "NONE", "retry_policy": _RETRY, "include_request_attempt_count": True,
    }  # fmt: skip
    address = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 80}}}}
    config["static_resources"]["clusters"][0] |= {
        "metadata": _METADATA, "connect_timeout": "1s", "type": "STATIC",
        "load_assignment": {"cluster_name": "one", "endpoints": [{"lb_endpoints": [address]}]},
    }  # fmt: skip
    path.write_text(json.dumps(config, indent=1))
    return path


def places(value, path=()):
    """Yield the place of every value in a configuration, as keys and indices."""
    yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def damaged(config, place, odd):
    """Return a copy of a configuration with another value at one place."""
    config = holder = copy.deepcopy(config)
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = odd
    return config
