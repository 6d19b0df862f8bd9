"""Further options of routes: matchers, redirects, responses, rewrites, added headers, weights, filters by route, local replies."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Plug, Scenario, Send, Wire, maker
from .matching import DISABLED, ELSE, FILTER_CONFIG, LOG_ROUTE, MUTATION, SET_METADATA, FILTER_TYPES, add_header, get_each, per_route, route_for, get_with
from .wire import QUICK, request_head

_make = maker("route options")


def _s(name: str, steps: Sequence[Any], routes: Sequence[Mapping[str, Any]], script: str = LOG_ROUTE, **options: Any) -> Scenario:
    return _make(name, steps, script, routes=routes, hcm={**QUICK, **options.pop("hcm", {})}, **options)


def _match(name: str, match: Mapping[str, Any], steps: Sequence[Any], **options: Any) -> Scenario:
    return _s(f"match {name}", steps, [route_for({"prefix": "/", **match} if not set(match) & _PATHLIKE else match), ELSE], **options)


_PATHLIKE = {"prefix", "path", "safe_regex", "path_separated_prefix", "path_match_policy", "connect_matcher"}


def _template(text: str) -> dict[str, Any]:
    return {"path_match_policy": {"name": "envoy.path.match.uri_template.uri_template_matcher", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", "path_template": text}}}


def _string(**match: Any) -> dict[str, Any]:
    return {"headers": [{"name": "x-h", "string_match": match}]}


_VALUES = [get_with(*h) for h in ([], ["x-h: abc"], ["x-h: ABC"], ["x-h: abcabc"], ["x-h: 7"], ["x-h: 07"], ["x-h: 7.5"], ["x-h: +7"], ["x-h: "], ["x-h: abc", "x-h: 7"], ["x-h: 7", "x-h: abc"], ["x-h: 9223372036854775807"], ["X-H: abc"])]
_QUERIES = get_each("/?q=abc", "/?q=ABC", "/?q=", "/?q", "/?q=a&q=abc", "/?q=abc%20", "/?q=abc;x=1", "/?a=q", "/?%71=abc", "/?q=a=b", "/?&q=abc", "/", "/?q==abc", "/?Q=abc", "/?q=a+b", "/?q=a%2Bb")
_COOKIES = [get_with(*h) for h in ([], ["cookie: c=1"], ["cookie: c=12"], ["cookie: a=1; c=1"], ["cookie: a=1;c=1"], ["cookie: a=1", "cookie: c=1"], ["cookie: C=1"], ["cookie: c="], ["cookie: c"], ["cookie: c=\"1\""], ["cookie: c=2; c=1"], ["cookie: c=1; c=2"], ["cookie: xc=1"], ["cookie: c = 1"])]
_NUMBERS = {"range, negative": {"start": -10, "end": 0}, "range, one": {"start": 7, "end": 8}, "range, all": {"start": -9223372036854775808, "end": 9223372036854775807}}


def _redirect(name: str, steps: Sequence[Any], redirect: Mapping[str, Any], match: Mapping[str, Any] | None = None, **options: Any) -> Scenario:
    return _s(f"redirect {name}", steps, [route_for(match or {"prefix": "/old"}, redirect=dict(redirect), **options), ELSE])


def _rewrite(name: str, steps: Sequence[Any], route: Mapping[str, Any], match: Mapping[str, Any] | None = None, **options: Any) -> Scenario:
    return _s(f"rewrite {name}", steps, [route_for(match or {"prefix": "/old"}, route=dict(route)), ELSE], **options)


_OLD = [*get_each("/old", "/old/", "/old/a?b=c", "/older/a", "/old?x#"[:-1]), Wire(request_head("GET /old/a HTTP/1.1", host="h.test:80"), "port 80"), Wire(request_head("GET /old/a HTTP/1.1", "x-forwarded-proto: https", host="h.test:443"), "https 443"), Wire(request_head("GET /old/a HTTP/1.1", host="[::1]:80"), "IPv6"), Wire(request_head("HEAD /old HTTP/1.1"), "HEAD")]
_REGEX = {"pattern": {"regex": "/old/([a-z]+)"}, "substitution": "/new/\\1\\1"}
_ACTIONS = ("APPEND_IF_EXISTS_OR_ADD", "ADD_IF_ABSENT", "OVERWRITE_IF_EXISTS_OR_ADD", "OVERWRITE_IF_EXISTS")


def _added(name: str, request: Sequence[Any] = (), response: Sequence[Any] = (), steps: Sequence[Any] = (), **options: Any) -> Scenario:
    route = {"request_headers_to_add": list(request), "response_headers_to_add": list(response)}
    return _s(f"headers {name}", steps or [get_with("x-a: 0", "x-b: 1", "x-b: 2")], [route_for({"prefix": "/"}, "rn", **{k: v for k, v in route.items() if v}, **options)])


_OPERATORS = (
    "%REQ(x-b)%", "%REQ(X-B)%", "%REQ(:METHOD)%", "%REQ(x-none?x-b)%", "%REQ(x-none?x-none2)%", "%REQ(x-long):3%", "%PROTOCOL%", "%RESPONSE_CODE%", "%RESPONSE_CODE_DETAILS%", "%RESPONSE_FLAGS%", "%RESPONSE_FLAGS_LONG%", "%CONNECTION_TERMINATION_DETAILS%", "%UPSTREAM_TRANSPORT_FAILURE_REASON%", "%UPSTREAM_CLUSTER%", "%UPSTREAM_CLUSTER_RAW%", "%UPSTREAM_PROTOCOL%", "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "%ROUTE_NAME%", "%VIRTUAL_CLUSTER_NAME%", "%REQUESTED_SERVER_NAME%", "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%", "%DOWNSTREAM_PEER_SUBJECT%", "%DOWNSTREAM_TLS_VERSION%", "%GRPC_STATUS%", "%GRPC_STATUS_NUMBER%", "%TRAILER(x-t)%", "%RESP(x-up)%", "%RESP(server)%", "%DYNAMIC_METADATA(ns:k)%", "%DYNAMIC_METADATA(ns)%", "%METADATA(ROUTE:rm:k)%", "%METADATA(CLUSTER:cm:ck)%", "%METADATA(LISTENER:lm:a)%", "%METADATA(VIRTUAL_HOST:a:b)%", "%CLUSTER_METADATA(cm:ck)%", "%UPSTREAM_METADATA(a:b)%", "%FILTER_STATE(a)%", "%PER_REQUEST_STATE(a)%", "%BYTES_RECEIVED%", "%BYTES_SENT%", "%ENVIRONMENT(NOT_THERE)%", "%QUERY_PARAM(q)%", "%QUERY_PARAM(none)%", "%QUERY_PARAM(q):1%", "%QUERY_PARAMS%", "%PATH%", "%PATH(WQ)%", "%PATH(NQ)%", "%PATH(WQ:ORIG)%", "%ACCESS_LOG_TYPE%", "%TRACE_ID%", "%LOCAL_REPLY_BODY%", "%CUSTOM_FLAGS%", "%DOWNSTREAM_TRANSPORT_FAILURE_REASON%", "%%", "a%%b", "%REQ(x-b)%-%PROTOCOL%",
)  # fmt: skip
_META = {"filter_metadata": {"rm": {"k": "v", "n": 3, "s": {"t": [1, "b", True, None]}}}}


def _formatted(number: int, chunk: Sequence[str]) -> Scenario:
    additions = [add_header(f"x-{at}", text) for at, text in enumerate(chunk)]
    return _s(f"operators {number}", [Wire(request_head("GET /a?q=12&r HTTP/1.1", "x-b: one", "x-long: abcdef"), "GET"), Wire(request_head("GET /close?q=1 HTTP/1.1", "x-b: one"), "an upstream that closes")], [route_for({"prefix": "/"}, "rn", request_headers_to_add=additions, response_headers_to_add=additions, metadata=_META)], before=[SET_METADATA])


def _reply_config(name: str, steps: Sequence[Any], **config: Any) -> Scenario:
    routes = [{"match": {"prefix": "/dead"}, "route": {"cluster": "dead"}}, {"match": {"prefix": "/up"}, "route": {"cluster": "up", "timeout": "0.1s"}, "name": "u"}]
    return _s(f"replies {name}", steps, routes, "on_response_headers: get_header_map_pairs RESPONSE_HEADERS\non_log: get_property response/code; get_property response/code_details", hcm={"local_reply_config": config})


def _status(op: str, value: int) -> dict[str, Any]:
    return {"status_code_filter": {"comparison": {"op": op, "value": {"default_value": value, "runtime_key": "k"}}}}


_REPLIES = [Wire(request_head("GET /none HTTP/1.1", "x-h: 1"), "404"), Wire(request_head("GET /dead HTTP/1.1"), "503"), Wire(request_head("HEAD /none HTTP/1.1"), "404 to HEAD"), Wire(request_head("GET /up/slow HTTP/1.1"), "timeout"), Wire(request_head("GET /up HTTP/1.1"), "200"), Wire(request_head("GET /none HTTP/1.1", "content-type: application/grpc"), "grpc")]


def _mutations(**fields: Any) -> dict[str, Any]:
    return {"name": "envoy.filters.http.header_mutation", "typed_config": {"@type": FILTER_TYPES + "header_mutation.v3.HeaderMutation", "mutations": fields}}


_ENABLED = per_route({"@type": FILTER_CONFIG, "disabled": False, "config": {}})
_PLUGS = (Plug("on_request_headers: return 0", name="a", root_id="a"), Plug("on_request_headers: return 0", name="b", root_id="b"))
_WEIGHTS = {"cluster": None, "weighted_clusters": {"clusters": [{"name": "up", "weight": 0}, {"name": "up2", "weight": 1, "metadata_match": {"filter_metadata": {"envoy.lb": {"a": "b"}}}, **DISABLED}]}}

SCENARIOS: list[Scenario] = [
    *(_match(f"header {next(iter(m.items()))}", _string(**m), _VALUES) for m in ({"exact": "7"}, {"suffix": "7"}, {"contains": "b"}, {"contains": "B", "ignore_case": True}, {"prefix": "AB", "ignore_case": True}, {"suffix": "BC", "ignore_case": True}, {"safe_regex": {"regex": "[a-c]+"}}, {"safe_regex": {"regex": "(?i)ABC"}})),
    *(_match(f"header {n}", {"headers": [{"name": "x-h", "range_match": r}]}, _VALUES) for n, r in _NUMBERS.items()),
    *(_match(f"header inverted {n}", {"headers": [{"name": "x-h", "invert_match": True, **m}]}, _VALUES) for n, m in (("range", {"range_match": {"start": 5, "end": 8}}), ("absent", {"present_match": False}), ("regex", {"string_match": {"safe_regex": {"regex": "a.*"}}}), ("missing counts as empty", {"string_match": {"exact": "abc"}, "treat_missing_header_as_empty": True}), ("range, missing counts as empty", {"range_match": {"start": 5, "end": 8}, "treat_missing_header_as_empty": True}), ("present, missing counts as empty", {"present_match": True, "treat_missing_header_as_empty": True}))),
    *(_match(f"pseudo-header {n}", {"headers": [{"name": n, **m}]}, [*get_each("/a", "/b"), *get_each("/a", host="o.test"), Wire(request_head("POST /a HTTP/1.1", "content-length: 0"), "POST")]) for n, m in ((":method", {"string_match": {"exact": "POST"}}), (":authority", {"string_match": {"exact": "o.test"}}), (":path", {"string_match": {"safe_regex": {"regex": "/a.*"}}}), (":scheme", {"string_match": {"exact": "http"}}), ("host", {"string_match": {"exact": "o.test"}}), ("x-forwarded-proto", {"string_match": {"exact": "http"}}), ("x-request-id", {"present_match": True}), ("content-length", {"range_match": {"start": 0, "end": 1}}))),
    *(_match(f"query {n}", {"query_parameters": [{"name": "q", **m}]}, _QUERIES) for n, m in (("suffix", {"string_match": {"suffix": "c"}}), ("contains", {"string_match": {"contains": "b"}}), ("ignoring case", {"string_match": {"exact": "abc", "ignore_case": True}}), ("empty regex", {"string_match": {"safe_regex": {"regex": ".*"}}}), ("decoded", {"string_match": {"exact": "a b"}}))),
    _match("two queries", {"query_parameters": [{"name": "a", "present_match": True}, {"name": "b", "string_match": {"exact": "1"}}]}, get_each("/?a&b=1", "/?b=1&a=", "/?a", "/?b=1")),
    *(_match(f"cookie {n}", {"cookies": [{"name": "c", **m}]}, _COOKIES) for n, m in (("exact", {"string_match": {"exact": "1"}}), ("prefix", {"string_match": {"prefix": "1"}}), ("regex", {"string_match": {"safe_regex": {"regex": "[0-9]+"}}}), ("inverted", {"string_match": {"exact": "1"}, "invert_match": True}))),
    *(_match(f"template {t}", _template(t), get_each("/a/b", "/a/b/c", "/a", "/a/", "/x/y/z.jpg", "/x.jpg", "/a/b?q=1", "/A/b", "//")) for t in ("/a/*", "/a/**", "/{x}/{y}", "/{x=*}/b", "/a/{rest=**}", "/{x=a/*}", "/**.jpg", "/*/y/{f}.jpg", "/a")),
    *(_match(f"path {n}", m, get_each("/a", "/a/", "/a/b", "/ab", "/a?x=/b", "/A/B", "/a%2Fb", "/a//b", "/")) for n, m in (("regex with a query", {"safe_regex": {"regex": "/a.x=.*"}}), ("regex alternatives", {"safe_regex": {"regex": "/a|/a/b"}}), ("regex anchored", {"safe_regex": {"regex": "^/a$"}}), ("regex ignoring case", {"safe_regex": {"regex": "(?i)/a/b"}}), ("prefix with a slash", {"prefix": "/a/"}), ("prefix with a query", {"prefix": "/a?"}), ("empty prefix", {"prefix": ""}), ("path with a slash", {"path": "/a/"}), ("separated deep", {"path_separated_prefix": "/a/b"}))),
    *(_match(f"grpc {n}", {"prefix": "/", "grpc": {}}, [get_with(f"content-type: {t}") for t in ("application/grpc", "application/grpc;charset=utf-8", "application/grpc+json", "application/grpcx", "APPLICATION/GRPC", "application/json")]) for n in ("types",)),
    _match("dynamic_metadata of a filter", {"dynamic_metadata": [{"filter": "ns", "path": [{"key": "k"}], "value": {"string_match": {"exact": "v"}}}]}, get_each("/"), script="on_request_headers: clear_route_cache\n" + LOG_ROUTE.strip().split("\n")[-1], before=[SET_METADATA]),
    _match("dynamic_metadata inverted", {"dynamic_metadata": [{"filter": "ns", "path": [{"key": "k"}], "value": {"string_match": {"exact": "v"}}, "invert": True}]}, get_each("/")),
    _match("tls_context absent", {"tls_context": {"presented": False}}, get_each("/")),
    _match("tls_context validated", {"tls_context": {"validated": True}}, get_each("/")),
    *(_s(f"domains {n}", [w for h in hosts for w in get_each("/", host=h)], [], route_config={"virtual_hosts": [{"name": f"v{i}", "domains": d, "routes": [route_for({"prefix": "/"}, direct_response={"status": 201 + i})]} for i, d in enumerate(domains)]}) for n, domains, hosts in (
        ("suffixes of two lengths", [["*.b.test"], ["*.a.b.test"], ["*"]], ("x.b.test", "x.a.b.test", "a.b.test", "b.test", ".b.test", "X.B.TEST", "x.b.test:80")),
        ("prefixes of two lengths", [["a.*"], ["a.b.*"], ["*"]], ("a.x", "a.b.x", "a.b", "a.", "A.X", "a.b.c.d")),
        ("dashes", [["*-x.test"], ["x-*"], ["x-x.test"]], ("a-x.test", "-x.test", "x-a", "x-", "x-x.test", "x-y-x.test")),
        ("ports", [["h.test:80"], ["h.test"], ["*:81"]], ("h.test", "h.test:80", "h.test:81", "x:81")),
        ("upper case", [["H.Test"], ["*.O.Test"]], ("h.test", "H.TEST", "a.o.test", "A.O.TEST")),
        ("IPv6", [["[::1]"], ["[::1]:80"], ["*"]], ("[::1]", "[::1]:80", "[::1]:81")),
    )),
    _redirect("path and prefix of an upper level", _OLD, {"prefix_rewrite": "/"}),
    _redirect("an empty prefix", _OLD, {"prefix_rewrite": ""}),
    _redirect("a regex", _OLD, {"regex_rewrite": _REGEX}),
    _redirect("a path, port and scheme", _OLD, {"path_redirect": "/p", "port_redirect": 80, "scheme_redirect": "https"}),
    _redirect("a host with a port", _OLD, {"host_redirect": "o.test:90"}),
    _redirect("a host and a port", _OLD, {"host_redirect": "o.test", "port_redirect": 80}),
    _redirect("https, its default port", _OLD, {"https_redirect": True, "port_redirect": 443}),
    _redirect("http", _OLD, {"scheme_redirect": "http"}),
    _redirect("without the query, and a path with one", _OLD, {"path_redirect": "/p?own=1", "strip_query": True}),
    _redirect("the query kept with https", _OLD, {"https_redirect": True, "strip_query": False}),
    _redirect("a path ignoring case", get_each("/OLD", "/Old/x?y"), {"prefix_rewrite": "/new"}, {"prefix": "/old", "case_sensitive": False}),
    _redirect("of an exact path", get_each("/old", "/old?x=1"), {"prefix_rewrite": "/new/"}, {"path": "/old"}),
    _redirect("of a regex by prefix", get_each("/old/a?x=1"), {"prefix_rewrite": "/new"}, {"safe_regex": {"regex": "/old.*"}}),
    _redirect("with headers", get_each("/old"), {"path_redirect": "/new"}, response_headers_to_add=[add_header("x-r", "%REQ(:path)%"), add_header("cache-control", "no-store"), add_header("location", "/other", "OVERWRITE_IF_EXISTS_OR_ADD")]),
    _redirect("with a path of a format", get_each("/old/a"), {"path_redirect": "/%REQ(x)%"}),
    *(_redirect(f"with response code {c}", get_each("/old"), {"path_redirect": "/n", "response_code": c}) for c in ("MOVED_PERMANENTLY",)),
    _s("direct responses of odd statuses", [w for c in (200, 206, 299, 400, 451, 599) for w in get_each(f"/{c}")], [route_for({"prefix": f"/{c}"}, direct_response={"status": c, "body": {"inline_string": "b"}}) for c in (200, 206, 299, 400, 451, 599)]),
    _s("direct responses with bytes", get_each("/"), [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_bytes": "YWJj"}})]),
    _s("direct responses to bodies", [Send("POST", body=b"abc"), Send("POST", chunks=[b"a", b"b"], trailers=[("x-t", "1")])], [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "b"}})]),
    _s("direct responses with a type", get_each("/"), [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "{}"}}, response_headers_to_add=[add_header("content-type", "application/json", "OVERWRITE_IF_EXISTS_OR_ADD"), add_header("content-length", "9"), add_header("x-a", "")])]),
    _s("body_format in JSON", get_each("/x"), [route_for({"prefix": "/"}, direct_response={"status": 200, "body": {"inline_string": "b"}, "body_format": {"json_format": {"p": "%REQ(:path)%", "c": "%RESPONSE_CODE%"}}})]),
    _s("body_format with a type", get_each("/x"), [route_for({"prefix": "/"}, direct_response={"status": 503, "body_format": {"text_format_source": {"inline_string": "<%RESPONSE_CODE%>%LOCAL_REPLY_BODY%"}, "content_type": "text/html"}})]),
    _rewrite("prefix to nothing", _OLD, {"prefix_rewrite": ""}),
    _rewrite("prefix with a slash", _OLD, {"prefix_rewrite": "/new/"}, {"prefix": "/old/"}),
    _rewrite("prefix with a query", _OLD, {"prefix_rewrite": "/new?x=1&"}),
    _rewrite("prefix ignoring case", get_each("/OLD/a?b"), {"prefix_rewrite": "/new"}, {"prefix": "/old", "case_sensitive": False}),
    _rewrite("separated prefix", get_each("/old/a", "/old", "/old/"), {"prefix_rewrite": "/new"}, {"path_separated_prefix": "/old"}),
    _rewrite("a regex, all matches", get_each("/old/a/old/b", "/old/A", "/old/?x=/old/c"), {"regex_rewrite": _REGEX}),
    _rewrite("a regex of nothing", get_each("/old/a"), {"regex_rewrite": {"pattern": {"regex": "x*"}, "substitution": "-"}}),
    _rewrite("a regex that empties the path", get_each("/old"), {"regex_rewrite": {"pattern": {"regex": ".*"}, "substitution": ""}}),
    _rewrite("the whole match and a backslash", get_each("/old/a"), {"regex_rewrite": {"pattern": {"regex": "/old"}, "substitution": "\\0\\\\x"}}),
    _rewrite("host by an absent header", [get_with(path="/old"), get_with("x-host: ", path="/old"), get_with("x-host: a", "x-host: b", path="/old"), get_with("x-host: A.B:8", path="/old")], {"host_rewrite_header": "x-host"}),
    _rewrite("host by a path that has none", get_each("/old", "/old/x/y?z=1"), {"host_rewrite_path_regex": {"pattern": {"regex": "^/old/([^/]+)/.*"}, "substitution": "\\1.test"}}),
    _rewrite("host literally, with a port", get_each("/old"), {"host_rewrite_literal": "L.test:99"}),
    _rewrite("host to the same", get_each("/old"), {"host_rewrite_literal": "h.test", "append_x_forwarded_host": True}),
    _rewrite("host appended to another", [get_with("x-forwarded-host: a", path="/old")], {"host_rewrite_literal": "n.test", "append_x_forwarded_host": True}),
    _rewrite("auto_host_rewrite", get_each("/old"), {"auto_host_rewrite": True}),
    _rewrite("suppressed x-envoy headers of the virtual host", get_each("/old/a"), {"prefix_rewrite": "/new"}, virtual_host={"request_headers_to_remove": ["x-envoy-original-path"]}),
    *(_added(f"{action}", [add_header("x-a", "1", action), add_header("x-b", "9", action), add_header("x-c", "3", action), add_header("user-agent", "u", action), add_header("x-envoy-x", "e", action)], [add_header("x-up", "7", action), add_header("x-new", "8", action), add_header("server", "s", action), add_header("content-type", "t", action)]) for action in _ACTIONS),
    _added("twice the same", [add_header("x-n", "1"), add_header("x-n", "2"), add_header("x-o", "1", "OVERWRITE_IF_EXISTS_OR_ADD"), add_header("x-o", "2", "OVERWRITE_IF_EXISTS_OR_ADD"), add_header("x-i", "1", "ADD_IF_ABSENT"), add_header("x-i", "2", "ADD_IF_ABSENT")], [add_header("x-n", "1"), add_header("x-n", "2")]),
    _added("removed and added", [add_header("x-a", "9")], [add_header("x-up", "9")], request_headers_to_remove=["x-a", "X-B"], response_headers_to_remove=["x-up", "Server", "date"]),
    _added("pseudo-headers and host", [add_header("x-host", "%REQ(:authority)%"), add_header("x-p", "%REQ(:path)%")], []),
    _added("append false", [{"header": {"key": "x-a", "value": "1"}, "append": False}, {"header": {"key": "x-b", "value": "1"}, "append": True}]),
    _added("names in upper case", [add_header("X-New-Name", "V")], [add_header("X-Resp", "V")]),
    _added("raw_value", [{"header": {"key": "x-raw", "raw_value": "YWJj"}}], [{"header": {"key": "x-raw", "raw_value": "YWJj"}}]),
    _added("cookies", [add_header("cookie", "n=1")], [add_header("set-cookie", "a=1"), add_header("set-cookie", "b=2")], [get_with("cookie: o=0")]),
    *(_formatted(number, _OPERATORS[number * 16 : number * 16 + 16]) for number in range(-(-len(_OPERATORS) // 16))),
    _s("most specific last, with removals", [get_with("x-a: 0")], [route_for({"prefix": "/"}, request_headers_to_add=[add_header("x-a", "r")], response_headers_to_remove=["x-vh"])], virtual_host={"request_headers_to_remove": ["x-a"], "response_headers_to_add": [add_header("x-vh", "1")]}, route_config={"most_specific_header_mutations_wins": True}),
    _s("least specific last, with removals", [get_with("x-a: 0")], [route_for({"prefix": "/"}, request_headers_to_add=[add_header("x-a", "r")], response_headers_to_remove=["x-vh"])], virtual_host={"request_headers_to_remove": ["x-a"], "response_headers_to_add": [add_header("x-vh", "1")]}),
    _s("require_tls EXTERNAL_ONLY", [*get_each("/a"), get_with("x-forwarded-for: 10.0.0.1"), get_with("x-forwarded-proto: https")], [route_for({"prefix": "/"})], virtual_host={"require_tls": "EXTERNAL_ONLY"}, hcm={"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}),
    _s("internal_only_headers of several", [get_with("x-int: 1", "X-Two: 2"), get_with("x-int: 1", "x-forwarded-for: 10.0.0.1")], [route_for({"prefix": "/"})], route_config={"internal_only_headers": ["x-int", "X-Two"]}),
    _s("validate_clusters and weights of which one is unknown", get_each("/", "/"), [route_for({"prefix": "/"}, route={"cluster": None, "weighted_clusters": {"clusters": [{"name": "nowhere", "weight": 1}]}})], route_config={"validate_clusters": False}),
    _s("cluster_header with an unknown cluster and a code", [get_with("x-cluster: nowhere"), get_with("x-cluster: "), get_with("X-Cluster: up", "x-cluster: up2")], [route_for({"prefix": "/"}, route={"cluster": None, "cluster_header": "X-Cluster", "cluster_not_found_response_code": "INTERNAL_SERVER_ERROR"})]),
    _s("weights with a filter disabled", get_each("/"), [route_for({"prefix": "/"}, route=_WEIGHTS)]),
    _s("two filters, one disabled by name", get_each("/off", "/on"), [route_for({"prefix": "/off"}, **per_route({"@type": FILTER_CONFIG, "disabled": True}, "other")), route_for({"prefix": "/"})]),
    _s("two plugins disabled at once", get_each("/off", "/on"), [route_for({"prefix": "/off"}, **DISABLED), route_for({"prefix": "/"})], plugins=_PLUGS),
    _s("enabled by a route, disabled by the configuration", get_each("/on", "/off"), [route_for({"prefix": "/on"}, **_ENABLED), route_for({"prefix": "/"})], route_config=DISABLED),
    _s("disabled for a direct response", get_each("/off"), [route_for({"prefix": "/"}, direct_response={"status": 200}, **DISABLED)]),
    _s("disabled for a redirect", get_each("/off"), [route_for({"prefix": "/"}, redirect={"path_redirect": "/x"}, **DISABLED)]),
    _s("disabled where there is no route", get_each("/off"), [route_for({"prefix": "/on"})], virtual_host=DISABLED),
    _s("a mutation disabled by a route", get_each("/off", "/on"), [route_for({"prefix": "/off"}, **per_route({"@type": FILTER_CONFIG, "disabled": True}, "envoy.filters.http.header_mutation")), route_for({"prefix": "/"})], before=[MUTATION]),
    _s("set_metadata of a route", get_each("/"), [route_for({"prefix": "/"}, **per_route({"@type": FILTER_TYPES + "set_metadata.v3.Config", "metadata": [{"metadata_namespace": "ns", "value": {"k": "route"}}]}, "envoy.filters.http.set_metadata"))], "on_request_headers: get_property metadata/filter_metadata/ns/k", before=[SET_METADATA]),
    _s("set_metadata of all kinds", get_each("/"), [route_for({"prefix": "/"})], "on_request_headers: get_property metadata/filter_metadata/ns; get_property metadata/filter_metadata/ns/l; get_property metadata/filter_metadata/ns/s/t; get_property metadata/filter_metadata/ns/b; get_property metadata/filter_metadata/ns/z; get_property metadata/filter_metadata/old/k; get_property metadata/filter_metadata/none", before=[{"name": "envoy.filters.http.set_metadata", "typed_config": {"@type": FILTER_TYPES + "set_metadata.v3.Config", "metadata": [{"metadata_namespace": "ns", "value": {"l": [1, "a"], "s": {"t": "u"}, "b": True, "z": None}}, {"metadata_namespace": "ns", "value": {"l": ["b"], "s": {"v": "w"}}, "allow_overwrite": True}], "metadata_namespace": "old", "value": {"k": "v"}}}]),
    *(_s(f"header_mutation {n}", [get_with("x-a: 1", "x-b: 1", "x-b: 2", path="/trailers?q=1&r=2")], [route_for({"prefix": "/"})], "on_request_headers: get_header_map_pairs REQUEST_HEADERS\non_response_headers: get_header_map_pairs RESPONSE_HEADERS\non_response_trailers: get_header_map_pairs RESPONSE_TRAILERS", **{where: [_mutations(**m)]}) for where in ("before", "after") for n, m in (
        (f"{where}: all actions", {"request_mutations": [{"append": add_header(k, "9", a)} for a in _ACTIONS for k in ("x-a", f"x-{a[:6].lower().replace('_', '-')}")]}),
        (f"{where}: order", {"request_mutations": [{"remove": "x-b"}, {"append": add_header("x-b", "3")}, {"append": add_header("x-a", "%REQ(x-b)%")}, {"remove": "x-b"}]}),
        (f"{where}: known headers", {"request_mutations": [{"append": add_header("user-agent", "ua", "OVERWRITE_IF_EXISTS_OR_ADD")}, {"append": add_header("cookie", "a=1")}, {"append": add_header("x-forwarded-proto", "https", "OVERWRITE_IF_EXISTS_OR_ADD")}]}),
        (f"{where}: response", {"response_mutations": [{"append": add_header("x-f", "%RESPONSE_CODE% %REQ(x-a)%")}, {"remove": "x-up"}, {"append": add_header("server", "m", "OVERWRITE_IF_EXISTS_OR_ADD")}]}),
        (f"{where}: trailers", {"response_trailers_mutations": [{"append": add_header("x-mt", "1")}, {"remove": "x-tr"}]}),
        (f"{where}: query", {"query_parameter_mutations": [{"remove": "q"}, {"append": {"record": {"key": "n", "value": "1"}}}]}),
        (f"{where}: remove_on_match", {"request_mutations": [{"remove_on_match": {"key_matcher": {"prefix": "x-"}}}]}),
    )),
    *(_reply_config(n, _REPLIES, **c) for n, c in (
        ("by comparison", {"mappers": [{"filter": _status("NE", 404), "status_code": 480}, {"filter": _status("LE", 404), "status_code": 481}]}),
        ("by flag", {"mappers": [{"filter": {"response_flag_filter": {"flags": ["UF", "UT"]}}, "status_code": 482, "body": {"inline_string": "flag"}}, {"filter": {"response_flag_filter": {}}, "status_code": 483}]}),
        ("by header", {"mappers": [{"filter": {"header_filter": {"header": {"name": "x-h", "present_match": True}}}, "status_code": 484, "headers_to_add": [add_header("x-lr", "%REQ(:path)%"), add_header("server", "lr", "OVERWRITE_IF_EXISTS_OR_ADD")]}]}),
        ("by two filters", {"mappers": [{"filter": {"and_filter": {"filters": [_status("EQ", 404), {"header_filter": {"header": {"name": "x-h", "present_match": True}}}]}}, "status_code": 485}, {"filter": {"or_filter": {"filters": [_status("EQ", 503), _status("EQ", 504)]}}, "status_code": 486}]}),
        ("with a format of a mapper", {"mappers": [{"filter": _status("EQ", 404), "body_format_override": {"json_format": {"b": "%LOCAL_REPLY_BODY%", "c": "%RESPONSE_CODE%", "f": "%RESPONSE_FLAGS%", "n": {"l": ["%PROTOCOL%", 1, True]}}, "content_type": "application/problem+json"}}], "body_format": {"text_format": "all: %LOCAL_REPLY_BODY%"}}),
        ("with an empty body", {"mappers": [{"filter": _status("GE", 400), "body": {"inline_string": ""}}]}),
        ("with bytes", {"mappers": [{"filter": _status("GE", 400), "body": {"inline_bytes": "YWJj"}}]}),
        ("by not_health_check", {"mappers": [{"filter": {"not_health_check_filter": {}}, "status_code": 488}]}),
    )),
]  # fmt: skip
