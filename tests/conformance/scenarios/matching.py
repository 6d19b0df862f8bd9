"""Routes: domains, matchers, redirects, direct responses, weights, rewrites, header additions, and per-route filter configuration."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Scenario, Send, Wire, maker
from .wire import QUICK, request_head

_make = maker("matching")

LOG_ROUTE = """
on_request_headers: get_header_map_pairs REQUEST_HEADERS
on_response_headers: get_header_map_pairs RESPONSE_HEADERS
on_log: get_property response/code; get_property response/code_details; get_property response/flags; get_property xds/route_name; get_property xds/cluster_name; get_property xds/virtual_host_name
"""
FILTER_TYPES = "type.googleapis.com/envoy.extensions.filters.http."


def _s(
    name: str, steps: Sequence[Any], routes: Sequence[Mapping[str, Any]], script: str = LOG_ROUTE, **options: Any
) -> Scenario:
    return _make(name, steps, script, routes=routes, hcm={**QUICK, **options.pop("hcm", {})}, **options)


def route_for(match: Mapping[str, Any], name: str = "hit", **options: Any) -> dict[str, Any]:
    action: dict[str, Any] = {}
    if not {"redirect", "direct_response"} & set(options):
        action = {"route": {k: v for k, v in {"cluster": "up", **options.pop("route", {})}.items() if v is not None}}
    return {"name": name, "match": dict(match), **action, **options}


ELSE = route_for({"prefix": "/"}, "else", direct_response={"status": 299, "body": {"inline_string": "else"}})


def _match(name: str, match: Mapping[str, Any], steps: Sequence[Any], **options: Any) -> Scenario:
    return _s(name, steps, [route_for(match), ELSE], **options)


def get_each(*paths: str, host: str = "h.test") -> list[Wire]:
    return [Wire(request_head(f"GET {p} HTTP/1.1", host=host), f"{p} {host}" if host != "h.test" else p) for p in paths]


def get_with(*headers: str, path: str = "/") -> Wire:
    return Wire(request_head(f"GET {path} HTTP/1.1", *headers), "; ".join(headers) or "no header")


def _header(**matcher: Any) -> dict[str, Any]:
    return {"prefix": "/", "headers": [{"name": "x-h", **matcher}]}


_H = [
    get_with(*h)
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
_Q = get_each(
    "/", "/?q=1", "/?q=11", "/?q=2", "/?q", "/?q=", "/?Q=1", "/?a=1&q=1", "/?q=2&q=1", "/?q=%31", "/?xq=1", "/?q=1#"
)[:-1]

_PATHS = get_each(
    "/exact", "/exact2", "/exact/", "/exact/x", "/exact?q=1", "/EXACT", "/exac", "/", "/%65xact", "/a/exact", "/exact//"
)

_REDIRECTS: dict[str, Mapping[str, Any]] = {
    "host": {"host_redirect": "other.test"}, "path": {"path_redirect": "/new"}, "path with a query": {"path_redirect": "/new?x=1"}, "https": {"https_redirect": True}, "scheme": {"scheme_redirect": "ftp"}, "port": {"port_redirect": 8443}, "prefix": {"prefix_rewrite": "/new"}, "regex": {"regex_rewrite": {"pattern": {"regex": "^/old(.*)$"}, "substitution": "/new\\1"}}, "code 302": {"path_redirect": "/new", "response_code": "FOUND"}, "code 303": {"path_redirect": "/new", "response_code": "SEE_OTHER"}, "code 307": {"path_redirect": "/new", "response_code": "TEMPORARY_REDIRECT"}, "code 308": {"path_redirect": "/new", "response_code": "PERMANENT_REDIRECT"}, "strip_query": {"path_redirect": "/new", "strip_query": True}, "all": {"https_redirect": True, "host_redirect": "o.test", "port_redirect": 444, "path_redirect": "/p"}, "empty": {},
}  # fmt: skip

_REWRITES: dict[str, Mapping[str, Any]] = {
    "prefix_rewrite": {"prefix_rewrite": "/new"}, "prefix_rewrite to the root": {"prefix_rewrite": "/"}, "regex_rewrite": {"regex_rewrite": {"pattern": {"regex": "^/old/(\\w+)"}, "substitution": "/n/\\1/x"}}, "host_rewrite_literal": {"host_rewrite_literal": "new.test"}, "host_rewrite_header": {"host_rewrite_header": "x-host"}, "host_rewrite_path_regex": {"host_rewrite_path_regex": {"pattern": {"regex": "^/(.+)/.+$"}, "substitution": "\\1"}}, "append_x_forwarded_host": {"host_rewrite_literal": "new.test", "append_x_forwarded_host": True}, "path_rewrite": {"path_rewrite": "/lit"},
}  # fmt: skip


def add_header(key: str, value: str, action: str | None = None, **options: Any) -> dict[str, Any]:
    return {"header": {"key": key, "value": value}, **({"append_action": action} if action else {}), **options}


_ADD = {
    "request_headers_to_add": [add_header("x-add", "1"), add_header("x-there", "2"), add_header("x-over", "3", "OVERWRITE_IF_EXISTS_OR_ADD"), add_header("x-if", "4", "ADD_IF_ABSENT"), add_header("x-only", "5", "OVERWRITE_IF_EXISTS"), add_header("x-fmt", "%REQ(:path)% %PROTOCOL% %RESPONSE_CODE% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %% %REQ(x-none)% %ROUTE_NAME%"), add_header("x-empty", ""), add_header("x-keep", "", keep_empty_value=True)],
    "request_headers_to_remove": ["x-gone"],
    "response_headers_to_add": [add_header("x-add", "1"), add_header("x-up", "2"), add_header("x-over", "%RESPONSE_CODE%", "OVERWRITE_IF_EXISTS_OR_ADD"), add_header("server", "s"), add_header("x-rf", "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_CLUSTER%")],
    "response_headers_to_remove": ["x-envoy-upstream-service-time"],
}  # fmt: skip
_ADDED = [get_with("x-there: a", "x-over: b", "x-if: c", "x-only: d", "x-gone: e"), get_with(path="/a?b=c")]


def per_route(config: Mapping[str, Any], key: str = "envoy.filters.http.wasm") -> dict[str, Any]:
    return {"typed_per_filter_config": {key: config}}


FILTER_CONFIG = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
DISABLED = per_route({"@type": FILTER_CONFIG, "disabled": True})
SET_METADATA = {
    "name": "envoy.filters.http.set_metadata",
    "typed_config": {
        "@type": FILTER_TYPES + "set_metadata.v3.Config",
        "metadata": [
            {"metadata_namespace": "ns", "value": {"k": "v", "n": 1}},
            {"metadata_namespace": "ns", "value": {"k": "w"}},
            {"metadata_namespace": "ns", "value": {"m": "x"}, "allow_overwrite": True},
        ],
    },
}
MUTATION = {"name": "envoy.filters.http.header_mutation", "typed_config": {"@type": FILTER_TYPES + "header_mutation.v3.HeaderMutation", "mutations": {
    "request_mutations": [{"append": add_header("x-m", "1")}, {"append": add_header("x-m", "2")}, {"append": add_header("x-p", "%REQ(:path)%", "OVERWRITE_IF_EXISTS_OR_ADD")}, {"remove": "x-gone"}],
    "response_mutations": [{"append": add_header("x-r", "%RESPONSE_CODE%")}, {"remove": "x-up"}],
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
    _match("cookie", {"prefix": "/", "cookies": [{"name": "c", "string_match": {"exact": "1"}}]}, [get_with(), get_with("cookie: c=1"), get_with("cookie: a=2; c=1")]),
    _match("headers :method, :authority and :path", {"prefix": "/", "headers": [{"name": ":method", "string_match": {"exact": "GET"}}, {"name": ":authority", "string_match": {"suffix": ".test"}}, {"name": ":path", "string_match": {"prefix": "/a"}}]}, get_each("/a", "/b") + get_each("/a", host="x")),
    _match("two headers", {"prefix": "/", "headers": [{"name": "x-a", "string_match": {"exact": "1"}}, {"name": "x-b", "present_match": True}]}, [get_with("x-a: 1"), get_with("x-a: 1", "x-b: 2")]),
    _match("grpc", {"prefix": "/", "grpc": {}}, [get_with("content-type: application/grpc"), get_with("content-type: application/grpc-web"), get_with("content-type: application/grpc+proto"), get_with()]),
    _match("runtime_fraction 0", {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 0}}}, get_each("/")),
    _match("runtime_fraction 100", {"prefix": "/", "runtime_fraction": {"default_value": {"numerator": 100}}}, get_each("/")),
    _match("dynamic_metadata", {"prefix": "/", "dynamic_metadata": [{"filter": "ns", "path": [{"key": "k"}], "value": {"string_match": {"exact": "v"}}}]}, get_each("/")),
    _match("tls_context", {"prefix": "/", "tls_context": {"presented": True}}, get_each("/")),
    _match("connect_matcher", {"connect_matcher": {}}, get_each("/")),
    _s("the route only, nothing else", get_each("/exact", "/other"), [route_for({"path": "/exact"})]),
    _s("a direct response only", get_each("/", "/x"), [route_for({"prefix": "/"}, direct_response={"status": 418, "body": {"inline_string": "teapot"}})]),
    _s("a direct response without body", [Send("HEAD"), Send(), Send("POST", body=b"abc")], [route_for({"prefix": "/"}, direct_response={"status": 204})]),
    _s("a direct response with headers", get_each("/"), [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "{}"}}, response_headers_to_add=[add_header("content-type", "application/json"), add_header("x-r", "%RESPONSE_CODE%")])]),
    _s("body_format of a direct response", get_each("/x"), [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "b"}, "body_format": {"text_format_source": {"inline_string": "[%REQ(:path)%]"}}})]),
    *(_s(f"redirect: {name}", [*get_each("/old/a", "/old/a?q=1"), Wire(request_head("GET /old HTTP/1.1", "x-forwarded-proto: https", host="h.test:8080"), "https with a port")], [route_for({"prefix": "/old"}, redirect=dict(redirect))]) for name, redirect in _REDIRECTS.items()),
    *(_s(f"rewrite: {name}", [*get_each("/old/a", "/old", "/old/a?q=1"), get_with("x-host: hh", path="/old/b")], [route_for({"prefix": "/old"}, route=dict(rewrite))]) for name, rewrite in _REWRITES.items()),
    _s("prefix_rewrite of a path", get_each("/old", "/old?q=1"), [route_for({"path": "/old"}, route={"prefix_rewrite": "/new"})]),
    _s("regex_rewrite of a regex", get_each("/old/1", "/old/x"), [route_for({"safe_regex": {"regex": "/old/[0-9]"}}, route={"regex_rewrite": {"pattern": {"regex": "o"}, "substitution": "0"}}), ELSE]),
    _s("weighted clusters, one of them at 0", get_each("/", "/"), [route_for({"prefix": "/"}, route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "up", "weight": 0}, {"name": "up2", "weight": 100}]}})]),
    _s("weighted clusters with headers", get_each("/"), [route_for({"prefix": "/"}, route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "up2", "weight": 1, "request_headers_to_add": [add_header("x-w", "1")], "response_headers_to_add": [add_header("x-wr", "1")], "host_rewrite_literal": "w.test"}]}})]),
    _s("cluster_header", [get_with("x-cluster: up2"), get_with("x-cluster: nowhere"), get_with()], [route_for({"prefix": "/"}, route={"cluster": None, "cluster_header": "x-cluster"})]),
    _s("cluster_not_found_response_code", get_each("/"), [route_for({"prefix": "/"}, route={"cluster": "nowhere", "cluster_not_found_response_code": "NOT_FOUND"})], route_config={"validate_clusters": False}),
    _s("no such cluster, and none of the headers", get_each("/"), [route_for({"prefix": "/"}, route={"cluster": "nowhere"})], route_config={"validate_clusters": False}),
    _s("header additions of the route", _ADDED, [route_for({"prefix": "/"}, **_ADD)]),
    _s("header additions of the virtual host", _ADDED, [route_for({"prefix": "/"})], virtual_host=_ADD),
    _s("header additions of the route configuration", _ADDED, [route_for({"prefix": "/"})], route_config=_ADD),
    _s("header additions of all three", get_each("/"), [route_for({"prefix": "/"}, request_headers_to_add=[add_header("x-add", "route")], response_headers_to_add=[add_header("x-radd", "route")])], virtual_host={"request_headers_to_add": [add_header("x-add", "host")], "response_headers_to_add": [add_header("x-radd", "host")]}, route_config={"request_headers_to_add": [add_header("x-add", "config")], "response_headers_to_add": [add_header("x-radd", "config")]}),
    _s("header additions of all three, most specific last", get_each("/"), [route_for({"prefix": "/"}, request_headers_to_add=[add_header("x-add", "route", "OVERWRITE_IF_EXISTS_OR_ADD")])], virtual_host={"request_headers_to_add": [add_header("x-add", "host", "OVERWRITE_IF_EXISTS_OR_ADD")]}, route_config={"request_headers_to_add": [add_header("x-add", "config", "OVERWRITE_IF_EXISTS_OR_ADD")], "most_specific_header_mutations_wins": True}),
    _s("header additions on a filter's own reply", get_each("/"), [route_for({"prefix": "/"}, **_ADD)], "on_request_headers: send_local_response 403 d b _ -1; return 1\non_response_headers: get_header_map_pairs RESPONSE_HEADERS"),
    _s("header additions on a direct response", get_each("/"), [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "d"}}, **_ADD)]),
    _s("domains", [w for h in ("one.test", "one.test:80", "ONE.TEST", "a.two.test", "two.test", "three.x", "other") for w in get_each("/", host=h)], [],
       route_config={"virtual_hosts": [
           {"name": "exact", "domains": ["one.test"], "routes": [route_for({"prefix": "/"}, "r-exact", direct_response={"status": 201})]},
           {"name": "suffix", "domains": ["*.two.test"], "routes": [route_for({"prefix": "/"}, "r-suffix", direct_response={"status": 202})]},
           {"name": "prefix", "domains": ["three.*"], "routes": [route_for({"prefix": "/"}, "r-prefix", direct_response={"status": 203})]},
           {"name": "star", "domains": ["*"], "routes": [route_for({"prefix": "/"}, "r-star", direct_response={"status": 205})]},
       ]}),
    _s("domains without *", [w for h in ("one.test", "other") for w in get_each("/", host=h)], [], route_config={"virtual_hosts": [{"name": "exact", "domains": ["one.test"], "routes": [route_for({"prefix": "/"}, direct_response={"status": 201})]}]}),
    _s("ignore_port_in_host_matching", [w for h in ("one.test:80", "one.test") for w in get_each("/", host=h)], [], route_config={"ignore_port_in_host_matching": True, "virtual_hosts": [{"name": "exact", "domains": ["one.test"], "routes": [route_for({"prefix": "/"}, direct_response={"status": 201})]}]}),
    _s("require_tls ALL", [*get_each("/a?q=1"), get_with("x-forwarded-proto: https")], [route_for({"prefix": "/"})], virtual_host={"require_tls": "ALL"}),
    _s("internal_only_headers", [get_with("x-int: 1")], [route_for({"prefix": "/"})], route_config={"internal_only_headers": ["x-int"]}),
    _s("a filter changes the path and clears the route", get_each("/a"), [route_for({"path": "/b"}, "b"), route_for({"path": "/a"}, "a", direct_response={"status": 250})], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /b; clear_route_cache\non_log: get_property xds/route_name"),
    _s("a filter changes the path and keeps the route", get_each("/a"), [route_for({"path": "/b"}, "b"), route_for({"path": "/a"}, "a", direct_response={"status": 250})], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /b\non_log: get_property xds/route_name"),
    _s("a filter changes the path of a rewritten route", get_each("/old/a"), [route_for({"prefix": "/old"}, route={"prefix_rewrite": "/new"})], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /old/z"),
    _s("disabled by a route", get_each("/off", "/on"), [route_for({"prefix": "/off"}, "off", **DISABLED), route_for({"prefix": "/"}, "on")]),
    _s("disabled by the virtual host, enabled by a route", get_each("/off", "/on"), [route_for({"prefix": "/on"}, "on", **per_route({"@type": FILTER_CONFIG, "disabled": False, "config": {}})), route_for({"prefix": "/"}, "off")], virtual_host=DISABLED),
    _s("disabled by the route configuration", get_each("/off"), [route_for({"prefix": "/"}, "off")], route_config=DISABLED),
    _s("disabled by a weighted cluster", get_each("/off"), [route_for({"prefix": "/"}, "off", route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "up", "weight": 1, **DISABLED}]}})]),
    _s("disabled by the route that a filter chooses", get_each("/a"), [route_for({"path": "/b"}, "b", **DISABLED), route_for({"path": "/a"}, "a")], "on_request_headers: replace_header_map_value REQUEST_HEADERS :path /b; clear_route_cache"),
    _s("disabled, refused before the filters", get_each("/off#x"), [route_for({"prefix": "/off"}, "off", **DISABLED)]),
    _s("set_metadata before", get_each("/"), [route_for({"prefix": "/"})], "on_request_headers: get_property metadata/filter_metadata/ns/k; get_property metadata/filter_metadata/ns/n; get_property metadata/filter_metadata/ns/m\non_log: get_property metadata/filter_metadata/ns/k", before=[SET_METADATA]),
    _s("set_metadata after", get_each("/"), [route_for({"prefix": "/"})], "on_request_headers: get_property metadata/filter_metadata/ns/k\non_response_headers: get_property metadata/filter_metadata/ns/k", after=[SET_METADATA]),
    _s("header_mutation before", [get_with("x-gone: 1", "x-m: 0")], [route_for({"prefix": "/"})], before=[MUTATION]),
    _s("header_mutation after", [get_with("x-gone: 1", "x-m: 0")], [route_for({"prefix": "/"})], after=[MUTATION]),
    _s("header_mutation of a route", [get_with("x-gone: 1"), get_with(path="/plain")], [route_for({"prefix": "/plain"}, "plain"), route_for({"prefix": "/"}, "mutated", **per_route({"@type": FILTER_TYPES + "header_mutation.v3.HeaderMutationPerRoute", "mutations": {"request_mutations": [{"append": add_header("x-route", "1")}], "response_mutations": [{"append": add_header("x-rr", "1")}]}}, "envoy.filters.http.header_mutation"))], after=[MUTATION]),
    _s("header_mutation and a filter's reply", get_each("/"), [route_for({"prefix": "/"})], "on_request_headers: send_local_response 403 d b _ -1; return 1\non_response_headers: get_header_map_pairs RESPONSE_HEADERS", before=[MUTATION]),
    _s("disabled in the chain", get_each("/"), [route_for({"prefix": "/"})], before=[{**MUTATION, "disabled": True}]),
    _s("buffer before", [Send("POST", chunks=[b"aaa", b"bbb"]), Send("POST", body=b"x" * 300)], [route_for({"prefix": "/"})], before=[{"name": "envoy.filters.http.buffer", "typed_config": {"@type": FILTER_TYPES + "buffer.v3.Buffer", "max_request_bytes": 200}}], why_not="said, not simulated"),
    _s("cors before", [get_with("origin: http://a")], [route_for({"prefix": "/"}, **per_route({"@type": FILTER_TYPES + "cors.v3.CorsPolicy", "allow_origin_string_match": [{"exact": "http://a"}]}, "envoy.filters.http.cors"))], before=[{"name": "envoy.filters.http.cors", "typed_config": {"@type": FILTER_TYPES + "cors.v3.Cors"}}], why_not="said, not simulated"),
    _s("local_ratelimit before", get_each("/", "/"), [route_for({"prefix": "/"})], before=[{"name": "envoy.filters.http.local_ratelimit", "typed_config": {"@type": FILTER_TYPES + "local_ratelimit.v3.LocalRateLimit", "stat_prefix": "rl", "token_bucket": {"max_tokens": 1, "fill_interval": "60s"}, "filter_enabled": {"default_value": {"numerator": 100}}, "filter_enforced": {"default_value": {"numerator": 100}}}}], why_not="said, not simulated"),
    _s("lua before", get_each("/"), [route_for({"prefix": "/"})], before=[{"name": "envoy.filters.http.lua", "typed_config": {"@type": FILTER_TYPES + "lua.v3.Lua", "default_source_code": {"inline_string": "function envoy_on_request(h) h:headers():add('x-lua', '1') end"}}}], why_not="said, not simulated"),
]  # fmt: skip
