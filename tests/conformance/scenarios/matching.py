"""Routes: domains, matchers, redirects, direct responses, weights, rewrites, header additions, and per-route filter configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Scenario, Send, Wire, maker
from .wire import _QUICK, _head

_make = maker("matching")

_LOG = """
on_request_headers: get_header_map_pairs REQUEST_HEADERS
on_response_headers: get_header_map_pairs RESPONSE_HEADERS
on_log: get_property response/code; get_property response/code_details; get_property response/flags; get_property xds/route_name; get_property xds/cluster_name; get_property xds/virtual_host_name
"""
_TYPES = "type.googleapis.com/envoy.extensions.filters.http."


def _s(
    name: str, steps: Sequence[Any], routes: Sequence[Mapping[str, Any]], script: str = _LOG, **options: Any
) -> Scenario:
    return _make(name, steps, script, routes=routes, hcm={**_QUICK, **options.pop("hcm", {})}, **options)


def _r(match: Mapping[str, Any], name: str = "hit", **options: Any) -> dict[str, Any]:
    action: dict[str, Any] = {}
    if not {"redirect", "direct_response"} & set(options):
        action = {"route": {k: v for k, v in {"cluster": "up", **options.pop("route", {})}.items() if v is not None}}
    return {"name": name, "match": dict(match), **action, **options}


_ELSE = _r({"prefix": "/"}, "else", direct_response={"status": 299, "body": {"inline_string": "else"}})


def _match(name: str, match: Mapping[str, Any], steps: Sequence[Any], **options: Any) -> Scenario:
    return _s(name, steps, [_r(match), _ELSE], **options)


def _gets(*paths: str, host: str = "h.test") -> list[Wire]:
    return [Wire(_head(f"GET {p} HTTP/1.1", host=host), f"{p} {host}" if host != "h.test" else p) for p in paths]


def _with(*headers: str, path: str = "/") -> Wire:
    return Wire(_head(f"GET {path} HTTP/1.1", *headers), "; ".join(headers) or "no header")


def _header(**matcher: Any) -> dict[str, Any]:
    return {"prefix": "/", "headers": [{"name": "x-h", **matcher}]}


_H = [
    _with(*h)
    for h in (
        [],
        ["x-h: abc"],
        ["x-h: ABC"],
        ["x-h: xabcx"],
        ["x-h: 5"],
        ["x-h: 15"],
        ["x-h: "],
        ["x-h: abc", "x-h: def"],
        ["x-h: abc,def"],
        ["x-h: -3"],
    )
]
_HM = {
    "exact": {"string_match": {"exact": "abc"}}, "exact ignoring case": {"string_match": {"exact": "abc", "ignore_case": True}}, "prefix": {"string_match": {"prefix": "ab"}}, "suffix": {"string_match": {"suffix": "bc"}}, "contains": {"string_match": {"contains": "bc"}}, "regex": {"string_match": {"safe_regex": {"regex": "a.c"}}},
    "present": {"present_match": True}, "absent": {"present_match": False}, "range": {"range_match": {"start": -5, "end": 10}}, "inverted": {"string_match": {"exact": "abc"}, "invert_match": True}, "missing counts as empty": {"string_match": {"exact": ""}, "treat_missing_header_as_empty": True}, "inverted presence": {"present_match": True, "invert_match": True}, "nothing said": {},
}  # fmt: skip
_QM = {
    "exact": {"string_match": {"exact": "1"}}, "prefix": {"string_match": {"prefix": "1"}}, "regex": {"string_match": {"safe_regex": {"regex": "1+"}}}, "present": {"present_match": True}, "absent": {"present_match": False}, "nothing said": {},
}  # fmt: skip
_Q = _gets(
    "/", "/?q=1", "/?q=11", "/?q=2", "/?q", "/?q=", "/?Q=1", "/?a=1&q=1", "/?q=2&q=1", "/?q=%31", "/?xq=1", "/?q=1#"
)[:-1]

_PATHS = _gets(
    "/exact", "/exact2", "/exact/", "/exact/x", "/exact?q=1", "/EXACT", "/exac", "/", "/%65xact", "/a/exact", "/exact//"
)

_REDIRECTS: dict[str, Mapping[str, Any]] = {
    "host": {"host_redirect": "other.test"}, "path": {"path_redirect": "/new"}, "path with a query": {"path_redirect": "/new?x=1"}, "https": {"https_redirect": True}, "scheme": {"scheme_redirect": "ftp"}, "port": {"port_redirect": 8443}, "prefix": {"prefix_rewrite": "/new"}, "regex": {"regex_rewrite": {"pattern": {"regex": "^/old(.*)$"}, "substitution": "/new\\1"}}, "code 302": {"path_redirect": "/new", "response_code": "FOUND"}, "code 303": {"path_redirect": "/new", "response_code": "SEE_OTHER"}, "code 307": {"path_redirect": "/new", "response_code": "TEMPORARY_REDIRECT"}, "code 308": {"path_redirect": "/new", "response_code": "PERMANENT_REDIRECT"}, "strip_query": {"path_redirect": "/new", "strip_query": True}, "all": {"https_redirect": True, "host_redirect": "o.test", "port_redirect": 444, "path_redirect": "/p"}, "empty": {},
}  # fmt: skip

_REWRITES: dict[str, Mapping[str, Any]] = {
    "prefix_rewrite": {"prefix_rewrite": "/new"}, "prefix_rewrite to the root": {"prefix_rewrite": "/"}, "regex_rewrite": {"regex_rewrite": {"pattern": {"regex": "^/old/(\\w+)"}, "substitution": "/n/\\1/x"}}, "host_rewrite_literal": {"host_rewrite_literal": "new.test"}, "host_rewrite_header": {"host_rewrite_header": "x-host"}, "host_rewrite_path_regex": {"host_rewrite_path_regex": {"pattern": {"regex": "^/(.+)/.+$"}, "substitution": "\\1"}}, "append_x_forwarded_host": {"host_rewrite_literal": "new.test", "append_x_forwarded_host": True}, "path_rewrite": {"path_rewrite": "/lit"},
}  # fmt: skip


def _add(key: str, value: str, action: str | None = None, **options: Any) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, **({"append_action": action} if action else {}), **options}


_ADD = {
    "request_headers_to_add": [_add("x-add", "1"), _add("x-there", "2"), _add("x-over", "3", "OVERWRITE_IF_EXISTS_OR_ADD"), _add("x-if", "4", "ADD_IF_ABSENT"), _add("x-only", "5", "OVERWRITE_IF_EXISTS"), _add("x-fmt", "%REQ(:path)% %PROTOCOL% %RESPONSE_CODE% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %% %REQ(x-none)% %ROUTE_NAME%"), _add("x-empty", ""), _add("x-keep", "", keep_empty_value=True)],
    "request_headers_to_remove": ["x-gone"],
    "response_headers_to_add": [_add("x-add", "1"), _add("x-up", "2"), _add("x-over", "%RESPONSE_CODE%", "OVERWRITE_IF_EXISTS_OR_ADD"), _add("server", "s"), _add("x-rf", "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%")],
    "response_headers_to_remove": ["x-envoy-upstream-service-time"],
}  # fmt: skip
_ADDED = [_with("x-there: a", "x-over: b", "x-if: c", "x-only: d", "x-gone: e"), _with(path="/a?b=c")]


def _per_route(config: Mapping[str, Any], key: str = "envoy.filters.http.wasm") -> dict[str, Any]:
    return {"typed_per_filter_config": {key: config}}


_FILTER_CONFIG = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
_DISABLED = _per_route({"@type": _FILTER_CONFIG, "disabled": True})
_SET_METADATA = {
    "name": "envoy.filters.http.set_metadata",
    "typed_config": {
        "@type": _TYPES + "set_metadata.v3.Config",
        "metadata": [
            {"metadata_namespace": "ns", "value": {"k": "v", "n": 1}},
            {"metadata_namespace": "ns", "value": {"k": "w"}},
            {"metadata_namespace": "ns", "value": {"m": "x"}, "allow_overwrite": True},
        ],
    },
}
_MUTATION = {"name": "envoy.filters.http.header_mutation", "typed_config": {"@type": _TYPES + "header_mutation.v3.HeaderMutation", "mutations": {
    "request_mutations": [{"append": _add("x-m", "1")}, {"append": _add("x-m", "2")}, {"append": _add("x-p", "%REQ(:path)%", "OVERWRITE_IF_EXISTS_OR_ADD")}, {"remove": "x-gone"}],
    "response_mutations": [{"append": _add("x-r", "%RESPONSE_CODE%")}, {"remove": "x-up"}],
}}}  # fmt: skip

SCENARIOS: list[Scenario] = [
    _match("path", {"path": "/exact"}, _PATHS),
    _match("path, ignoring case", {"path": "/exact", "case_sensitive": False}, _PATHS),
    _match("prefix", {"prefix": "/exact"}, _PATHS),
    _match("prefix, ignoring case", {"prefix": "/exact", "case_sensitive": False}, _PATHS),
    _match("path_separated_prefix", {"path_separated_prefix": "/exact"}, _PATHS),
    _match("safe_regex", {"safe_regex": {"regex": "/ex[a-z]*[0-9]?"}}, _PATHS),
    _match("path_match_policy", {"path_match_policy": {"name": "envoy.path.match.uri_template.uri_template_matcher", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", "path_template": "/{one}/x"}}}, _PATHS),
    *(_match(f"header, {name}", _header(**matcher), _H) for name, matcher in _HM.items()),
    *(_match(f"query parameter, {name}", {"prefix": "/", "query_parameters": [{"name": "q", **matcher}]}, _Q) for name, matcher in _QM.items()),
    _match("cookie", {"prefix": "/", "cookies": [{"name": "c", "string_match": {"exact": "1"}}]}, [_with(), _with("cookie: c=1"), _with("cookie: a=2; c=1")]),
    _match("headers :method, :authority and :path", {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}, {"name": ":authority", "string_match": {"suffix": ".test"}}, {"name": ":path", "string_match": {"prefix": "/a"}}]}, _gets("/a", "/b") + _gets("/a", host="x")),
    _match("two headers", {"prefix": "/", "headers": [{"name": "x-a", "string_match": {"exact": "1"}}, {"name": "x-b", "present_match": True}]}, [_with("x-a: 1"), _with("x-a: 1", "x-b: 2")]),
    _match("grpc", {"prefix": "/", "grpc": {}}, [_with("content-type: application/grpc"), _with("content-type: application/grpc-web"), _with("content-type: application/grpc+proto"), _with()]),
    _match("runtime_fraction 0", {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}}}, _gets("/")),
    _match("runtime_fraction 100", {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 100}}}, _gets("/")),
    _match("dynamic_metadata", {"prefix": "/", "dynamic_metadata": [{"filter": "ns", "path": [{"key": "k"}], "value": {"string_match": {"exact": "v"}}}]}, _gets("/")),
    _match("tls_context", {"prefix": "/", "tls_context": {"presented": True}}, _gets("/")),
    _match("connect_matcher", {"connect_matcher": {}}, _gets("/")),
    _s("the route only, nothing else", _gets("/exact", "/other"), [_r({"path": "/exact"})]),
    _s("a direct response only", _gets("/", "/x"), [_r({"prefix": "/"}, direct_response={"status": 418, "body": {"inline_string": "teapot"}})]),
    _s("a direct response without body", [Send("HEAD"), Send(), Send("POST", body=b"abc")], [_r({"prefix": "/"}, direct_response={"status": 204})]),
    _s("a direct response with headers", _gets("/"), [_r({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "{}"}}, response_headers_to_add=[_add("content-type", "application/json"), _add("x-r", "%RESPONSE_CODE%")])]),
    _s("body_format of a direct response", _gets("/x"), [_r({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "b"}, "body_format": {"text_format_source": {"inline_string": "[%REQ(:path)%]"}}})]),
    *(_s(f"redirect: {name}", [*_gets("/old/a", "/old/a?q=1"), Wire(_head("GET /old HTTP/1.1", "x-forwarded-proto: https", host="h.test:8080"), "https with a port")], [_r({"prefix": "/old"}, redirect=dict(redirect))]) for name, redirect in _REDIRECTS.items()),
    *(_s(f"rewrite: {name}", [*_gets("/old/a", "/old", "/old/a?q=1"), _with("x-host: hh", path="/old/b")], [_r({"prefix": "/old"}, route=dict(rewrite))]) for name, rewrite in _REWRITES.items()),
    _s("prefix_rewrite of a path", _gets("/old", "/old?q=1"), [_r({"path": "/old"}, route={"prefix_rewrite": "/new"})]),
    _s("regex_rewrite of a regex", _gets("/old/1", "/old/x"), [_r({"safe_regex": {"regex": "/old/[0-9]"}}, route={"regex_rewrite": {"pattern": {"regex": "o"}, "substitution": "0"}}), _ELSE]),
    _s("weighted clusters, one of them at 0", _gets("/", "/"), [_r({"prefix": "/"}, route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "up", "weight": 0}, {"name": "up2", "weight": 100}]}})]),
    _s("weighted clusters with headers", _gets("/"), [_r({"prefix": "/"}, route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "up2", "weight": 1, "request_headers_to_add": [_add("x-w", "1")], "response_headers_to_add": [_add("x-wr", "1")], "host_rewrite_literal": "w.test"}]}})]),
    _s("cluster_header", [_with("x-cluster: up2"), _with("x-cluster: nowhere"), _with()], [_r({"prefix": "/"}, route={"cluster": None, "cluster_header": "x-cluster"})]),
    _s("cluster_not_found_response_code", _gets("/"), [_r({"prefix": "/"}, route={"cluster": "nowhere", "cluster_not_found_response_code": "NOT_FOUND"})], route_config={"validate_clusters": False}),
    _s("no such cluster, and none of the headers", _gets("/"), [_r({"prefix": "/"}, route={"cluster": "nowhere"})], route_config={"validate_clusters": False}),
    _s("header additions of the route", _ADDED, [_r({"prefix": "/"}, **_ADD)]),
    _s("header additions of the virtual host", _ADDED, [_r({"prefix": "/"})], virtual_host=_ADD),
    _s("header additions of the route configuration", _ADDED, [_r({"prefix": "/"})], route_config=_ADD),
    _s("header additions of all three", _gets("/"), [_r({"prefix": "/"}, request_headers_to_add=[_add("x-add", "route")], response_headers_to_add=[_add("x-radd", "route")])], virtual_host={"request_headers_to_add": [_add("x-add", "host")], "response_headers_to_add": [_add("x-radd", "host")]}, route_config={"request_headers_to_add": [_add("x-add", "config")], "response_headers_to_add": [_add("x-radd", "config")]}),
    _s("header additions of all three, most specific last", _gets("/"), [_r({"prefix": "/"}, request_headers_to_add=[_add("x-add", "route", "OVERWRITE_IF_EXISTS_OR_ADD")])], virtual_host={"request_headers_to_add": [_add("x-add", "host", "OVERWRITE_IF_EXISTS_OR_ADD")]}, route_config={"request_headers_to_add": [_add("x-add", "config", "OVERWRITE_IF_EXISTS_OR_ADD")], "most_specific_header_mutations_wins": True}),
    _s("header additions on a filter's own reply", _gets("/"), [_r({"prefix": "/"}, **_ADD)], "on_request_headers: send_local_response 403 d b _ -1; return 1\non_response_headers: get_header_map_pairs RESPONSE_HEADERS"),
    _s("header additions on a direct response", _gets("/"), [_r({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "d"}}, **_ADD)]),
    _s("domains", [w for h in ("one.test", "one.test:80", "ONE.TEST", "a.two.test", "two.test", "three.x", "other") for w in _gets("/", host=h)], [],
       route_config={"virtual_hosts": [
           {"name": "exact", "domains": ["one.test"], "routes": [_r({"prefix": "/"}, "r-exact", direct_response={"status": 201})]},
           {"name": "suffix", "domains": ["*.two.test"], "routes": [_r({"prefix": "/"}, "r-suffix", direct_response={"status": 202})]},
           {"name": "prefix", "domains": ["three.*"], "routes": [_r({"prefix": "/"}, "r-prefix", direct_response={"status": 203})]},
           {"name": "star", "domains": ["*"], "routes": [_r({"prefix": "/"}, "r-star", direct_response={"status": 205})]},
       ]}),
    _s("domains without *", [w for h in ("one.test", "other") for w in _gets("/", host=h)], [], route_config={"virtual_hosts": [{"name": "exact", "domains": ["one.test"], "routes": [_r({"prefix": "/"}, direct_response={"status": 201})]}]}),
    _s("ignore_port_in_host_matching", [w for h in ("one.test:80", "one.test") for w in _gets("/", host=h)], [], route_config={"ignore_port_in_host_matching": True, "virtual_hosts": [{"name": "exact", "domains": ["one.test"], "routes": [_r({"prefix": "/"}, direct_response={"status": 201})]}]}),
    _s("require_tls ALL", [*_gets("/a?q=1"), _with("x-forwarded-proto: https")], [_r({"prefix": "/"})], virtual_host={"require_tls": "ALL"}),
    _s("internal_only_headers", [_with("x-int: 1")], [_r({"prefix": "/"})], route_config={"internal_only_headers": ["x-int"]}),
    _s("a filter changes the path and clears the route", _gets("/a"), [_r({"path": "/b"}, "b"), _r({"path": "/a"}, "a", direct_response={"status": 250})], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /b; clear_route_cache\non_log: get_property xds/route_name"),
    _s("a filter changes the path and keeps the route", _gets("/a"), [_r({"path": "/b"}, "b"), _r({"path": "/a"}, "a", direct_response={"status": 250})], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /b\non_log: get_property xds/route_name"),
    _s("a filter changes the path of a rewritten route", _gets("/old/a"), [_r({"prefix": "/old"}, route={"prefix_rewrite": "/new"})], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /old/z"),
    _s("disabled by a route", _gets("/off", "/on"), [_r({"prefix": "/off"}, "off", **_DISABLED), _r({"prefix": "/"}, "on")]),
    _s("disabled by the virtual host, enabled by a route", _gets("/off", "/on"), [_r({"prefix": "/on"}, "on", **_per_route({"@type": _FILTER_CONFIG, "disabled": False, "config": {}})), _r({"prefix": "/"}, "off")], virtual_host=_DISABLED),
    _s("disabled by the route configuration", _gets("/off"), [_r({"prefix": "/"}, "off")], route_config=_DISABLED),
    _s("disabled by a weighted cluster", _gets("/off"), [_r({"prefix": "/"}, "off", route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "up", "weight": 1, **_DISABLED}]}})]),
    _s("disabled by the route that a filter chooses", _gets("/a"), [_r({"path": "/b"}, "b", **_DISABLED), _r({"path": "/a"}, "a")], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /b; clear_route_cache"),
    _s("disabled, refused before the filters", _gets("/off#x"), [_r({"prefix": "/off"}, "off", **_DISABLED)]),
    _s("set_metadata before", _gets("/"), [_r({"prefix": "/"})], "on_request_headers: get_property metadata/filter_metadata/ns/k; get_property metadata/filter_metadata/ns/n; get_property metadata/filter_metadata/ns/m\non_log: get_property metadata/filter_metadata/ns/k", before=[_SET_METADATA]),
    _s("set_metadata after", _gets("/"), [_r({"prefix": "/"})], "on_request_headers: get_property metadata/filter_metadata/ns/k\non_response_headers: get_property metadata/filter_metadata/ns/k", after=[_SET_METADATA]),
    _s("header_mutation before", [_with("x-gone: 1", "x-m: 0")], [_r({"prefix": "/"})], before=[_MUTATION]),
    _s("header_mutation after", [_with("x-gone: 1", "x-m: 0")], [_r({"prefix": "/"})], after=[_MUTATION]),
    _s("header_mutation of a route", [_with("x-gone: 1"), _with(path="/plain")], [_r({"prefix": "/plain"}, "plain"), _r({"prefix": "/"}, "mutated", **_per_route({"@type": _TYPES + "header_mutation.v3.HeaderMutationPerRoute", "mutations": {"request_mutations": [{"append": _add("x-route", "1")}], "response_mutations": [{"append": _add("x-rr", "1")}]}}, "envoy.filters.http.header_mutation"))], after=[_MUTATION]),
    _s("header_mutation and a filter's reply", _gets("/"), [_r({"prefix": "/"})], "on_request_headers: send_local_response 403 d b _ -1; return 1\non_response_headers: get_header_map_pairs RESPONSE_HEADERS", before=[_MUTATION]),
    _s("disabled in the chain", _gets("/"), [_r({"prefix": "/"})], before=[{**_MUTATION, "disabled": True}]),
    _s("buffer before", [Send("POST", chunks=[b"aaa", b"bbb"]), Send("POST", body=b"x" * 300)], [_r({"prefix": "/"})], before=[{"name": "envoy.filters.http.buffer", "typed_config": {"@type": _TYPES + "buffer.v3.Buffer", "max_request_bytes": 200}}], why_not="said, not simulated"),
    _s("cors before", [_with("origin: http://a")], [_r({"prefix": "/"}, **_per_route({"@type": _TYPES + "cors.v3.CorsPolicy", "allow_origin_string_match": [{"exact": "http://a"}]}, "envoy.filters.http.cors"))], before=[{"name": "envoy.filters.http.cors", "typed_config": {"@type": _TYPES + "cors.v3.Cors"}}], why_not="said, not simulated"),
    _s("local_ratelimit before", _gets("/", "/"), [_r({"prefix": "/"})], before=[{"name": "envoy.filters.http.local_ratelimit", "typed_config": {"@type": _TYPES + "local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rl", "token_bucket": {"max_tokens": 1, "fill_interval": "60s"}, "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}}], why_not="said, not simulated"),
    _s("lua before", _gets("/"), [_r({"prefix": "/"})], before=[{"name": "envoy.filters.http.lua", "typed_config": {"@type": _TYPES + "lua.v3.Lua", "default_source_code": {"inline_string": "function envoy_on_request(h) h:headers():add('x-lua', '1') end"}}}], why_not="said, not simulated"),
]  # fmt: skip
