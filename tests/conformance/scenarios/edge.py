"""Settings of connection managers in deployments: addresses, certificates, ids, normalisation, upgrades."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Scenario, Wire, maker
from .wire import QUICK, SEE_REQUEST, request_head, request_with

_make = maker("edge")

_PROPERTIES = "; ".join(
    f"get_property {name}"
    for name in ("source/address", "request/id", "request/scheme", "request/host", "request/path")
)
SEE_DETAILS = SEE_REQUEST.replace("REQUEST_HEADERS\n", f"REQUEST_HEADERS; {_PROPERTIES}\n", 1)


def _s(name: str, steps: Sequence[Wire], hcm: Mapping[str, Any], script: str = SEE_DETAILS, **options: Any) -> Scenario:
    return _make(name, steps, script, hcm={**QUICK, **hcm}, **options)


def _targets(*targets: str, host: str = "h.test") -> list[Wire]:
    return [Wire(request_head(f"GET {t} HTTP/1.1", host=host), f"{t} {host}".replace("\\", "\\\\")) for t in targets]


_ADDRESSED = [
    request_with(h)
    for h in (
        "x-a: 1", "x-forwarded-for: 1.2.3.4", "x-forwarded-for: 10.0.0.1", "x-forwarded-for: 1.2.3.4, 10.0.0.1", "x-forwarded-for: 10.0.0.1, 1.2.3.4", "x-forwarded-for: junk",
        "x-forwarded-proto: https", "x-forwarded-proto: ftp", "x-forwarded-host: other", "x-forwarded-port: 1", "x-envoy-internal: true", "x-envoy-external-address: 9.9.9.9", "x-envoy-retry-on: 5xx",
        "x-envoy-upstream-rq-timeout-ms: 100", "x-envoy-downstream-service-cluster: c", "x-envoy-downstream-service-node: n", "x-envoy-decorator-operation: op", "x-envoy-original-path: /o", "x-envoy-attempt-count: 3",
        "x-envoy-force-trace: 1", "x-envoy-ip-tags: t", "x-request-id: mine", "x-forwarded-for: ::1", "x-forwarded-for: 1.2.3.4:80", "user-agent: ua", "x-client-trace-id: t", "x-forwarded-client-cert: Hash=a",
        "x-envoy-expected-rq-timeout-ms: 3", "x-envoy-hedge-on-per-try-timeout: true", "x-envoy-upstream-stream-duration-ms: 1", "x-envoy-is-timeout-retry: true",
    )
]  # fmt: skip

_XFCC = [request_with(h) for h in ("x-forwarded-client-cert: By=spiffe://a;Hash=b", "x-forwarded-client-cert: ", "x-a: 1")]

_PATHS = (
    "/a/../b",
    "/a/./b",
    "/../x",
    "/a//b///c",
    "/a/%2e%2e/b",
    "/a%2Fb",
    "/a%5Cb",
    "/a\\b",
    "/%61%62",
    "/%zz",
    "/a%00b",
    "/a/b/",
    "/.",
    "/..",
    "/a?x=../y//z",
    "/a%2f..%2fb",
    "/a;b=../c",
    "//a",
    "/a#b",
    "/a?b#c",
)

_RANGE = [{"address_prefix": "10.0.0.0", "prefix_len": 8}]
_WEBSOCKET = "upgrade: websocket\r\nconnection: upgrade"


def _upgrade(*headers: str, line: str = "GET / HTTP/1.1") -> Wire:
    return Wire([request_head(line, *headers), 0.3, b"ping"], f"{line} {'; '.join(headers)}".replace("\r\n", " "))


SCENARIOS: list[Scenario] = [
    _s("use_remote_address", _ADDRESSED, {"use_remote_address": True}),
    _s("use_remote_address, the peer is not internal", _ADDRESSED, {"use_remote_address": True, "internal_address_config": {"cidr_ranges": _RANGE}}),
    _s("the peer is not internal", _ADDRESSED, {"internal_address_config": {"cidr_ranges": _RANGE}}),
    _s("loopback is internal", _ADDRESSED, {"internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}}),
    _s("use_remote_address with one trusted hop", _ADDRESSED, {"use_remote_address": True, "xff_num_trusted_hops": 1}),
    _s("use_remote_address with two trusted hops", _ADDRESSED, {"use_remote_address": True, "xff_num_trusted_hops": 2}),
    _s("one trusted hop", _ADDRESSED, {"xff_num_trusted_hops": 1}),
    _s("two trusted hops", _ADDRESSED, {"xff_num_trusted_hops": 2}),
    _s("skip_xff_append", _ADDRESSED, {"use_remote_address": True, "skip_xff_append": True}),
    _s("represent_ipv4_remote_address_as_ipv4_mapped_ipv6", _ADDRESSED[:3], {"use_remote_address": True, "represent_ipv4_remote_address_as_ipv4_mapped_ipv6": True}),
    _s("add_user_agent", _ADDRESSED, {"add_user_agent": True}),
    _s("add_user_agent and use_remote_address", _ADDRESSED, {"add_user_agent": True, "use_remote_address": True}),
    *(_s(f"forward_client_cert_details {mode}", _XFCC, {"forward_client_cert_details": mode}) for mode in ("SANITIZE", "FORWARD_ONLY", "APPEND_FORWARD", "SANITIZE_SET", "ALWAYS_FORWARD_ONLY")),
    _s("generate_request_id false", [request_with("x-a: 1"), request_with("x-request-id: mine")], {"generate_request_id": False}),
    _s("preserve_external_request_id", [request_with("x-a: 1"), request_with("x-request-id: mine")], {"preserve_external_request_id": True, "use_remote_address": True, "internal_address_config": {"cidr_ranges": _RANGE}}),
    _s("always_set_request_id_in_response", [request_with("x-a: 1"), request_with("x-request-id: mine")], {"always_set_request_id_in_response": True}),
    _s("server_name", [request_with("x-a: 1")], {"server_name": "mine"}),
    *(
        _s(f"server_header_transformation {mode}", [Wire(request_head(f"GET {p} HTTP/1.1"), p) for p in ("/", "/frame/own-server")], {"server_header_transformation": mode})
        for mode in ("OVERWRITE", "APPEND_IF_ABSENT", "PASS_THROUGH")
    ),
    _s("via", [request_with("x-a: 1"), request_with("via: 1.1 p")], {"via": "1.1 me"}),
    _s("normalize_path", _targets(*_PATHS), {"normalize_path": True}),
    _s("merge_slashes", _targets(*_PATHS), {"merge_slashes": True}),
    _s("normalize_path and merge_slashes", _targets(*_PATHS), {"normalize_path": True, "merge_slashes": True}),
    *(
        _s(f"path_with_escaped_slashes_action {mode}", _targets("/a%2Fb", "/a%5Cb", "/a%2fb", "/a%2f..%2fb", "/a?x=%2F", "/a\\b"), {"path_with_escaped_slashes_action": mode, "normalize_path": True})
        for mode in ("KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD")
    ),
    _s("strip_matching_host_port", [w for h in ("h.test:80", "h.test", "[::1]:80") for w in _targets("/", host=h)], {"strip_matching_host_port": True}),
    _s("strip_any_host_port", [w for h in ("h.test:80", "h.test:8080", "h.test", "[::1]:80", "h.test:abc", "h.test:") for w in _targets("/", host=h)], {"strip_any_host_port": True}),
    _s("strip_trailing_host_dot", [w for h in ("h.test.", "h.test.:80", "h.test", ".") for w in _targets("/", host=h)], {"strip_trailing_host_dot": True}),
    _s("scheme_header_transformation", [request_with("x-a: 1"), request_with("x-forwarded-proto: http")], {"scheme_header_transformation": {"scheme_to_overwrite": "https"}}),
    _s("stream_error_on_invalid_http_message", [*_targets("path", "/a#b"), request_with("content-length: abc"), Wire(request_head(host=""), "no host")], {"stream_error_on_invalid_http_message": True}),
    _s("override_stream_error_on_invalid_http_message", [*_targets("path", "/a#b"), request_with("content-length: abc"), Wire(request_head(host=""), "no host")], {"http_protocol_options": {"override_stream_error_on_invalid_http_message": True}}),
    *(
        _s(f"headers_with_underscores_action {mode}", [request_with("x_a: 1"), request_with("x-a: 1", "x_b: 2")], {"common_http_protocol_options": {"headers_with_underscores_action": mode}})
        for mode in ("ALLOW", "REJECT_REQUEST", "DROP_HEADER")
    ),
    _s("normalize_path and parameters of segments", _targets("/a/..;/b", "/a/.;/b", "/a/..;x=1/b", "/a/%2e%2e;/b", "/a/..;", "/..;/b", "/a/b;c/..", "/a/..%3b/b", "/a/...;/b", "/a/.;", "/a/;/b", "/a/..;/..;/b", "/a/b/..;/c?d=/..;/e", "/a/;../b", "/a/.%2e;x/b"), {"normalize_path": True}),
    _s("max_headers_count 5", [request_with(*(f"x-{n}: v" for n in range(k))) for k in (3, 4, 5)], {"common_http_protocol_options": {"max_headers_count": 5}}),
    _s("max_request_headers_kb 1", [Wire(request_head("GET / HTTP/1.1", f"x-a: {'v' * n}"), f"{n} bytes") for n in (500, 900, 960, 1000, 1100)], {"max_request_headers_kb": 1}),
    _s("accept_http_10", [Wire(b"GET / HTTP/1.0\r\n\r\n", "1.0 without host"), Wire(b"GET /chunked HTTP/1.0\r\nhost: a\r\n\r\n", "1.0, chunks"), Wire(b"GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n", "1.0, keep-alive"), Wire(b"GET / HTTP/0.9\r\n\r\n", "0.9"), Wire(b"GET /\r\n\r\n", "no version")], {"http_protocol_options": {"accept_http_10": True, "default_host_for_http_10": "default.test"}}),
    _s("allow_chunked_length", [Wire(request_head("POST / HTTP/1.1", "transfer-encoding: chunked", "content-length: 3") + b"3\r\nabc\r\n0\r\n\r\n", "both")], {"http_protocol_options": {"allow_chunked_length": True}}),
    _s("allow_absolute_url false", _targets("http://other.test/p"), {"http_protocol_options": {"allow_absolute_url": False}}),
    _s("trailers are not enabled", [Wire(request_head("POST /trailers HTTP/1.1", "transfer-encoding: chunked") + b"3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n", "both ways")], {"http_protocol_options": {"enable_trailers": False}}),
    _s("proper_case_words", [Wire(request_head("GET / HTTP/1.1", "x-a: 1"), "GET")], {"http_protocol_options": {"header_key_format": {"proper_case_words": {}}}}),
    _s("proxy_100_continue", [Wire([request_head("POST / HTTP/1.1", "expect: 100-continue", "content-length: 3"), 0.2, b"abc"], "100")], {"proxy_100_continue": True}),
    _s("expect", [Wire([request_head("POST / HTTP/1.1", "expect: 100-continue", "content-length: 3"), 0.2, b"abc"], "100")], {}),
    _s("max_requests_per_connection", [Wire(request_head() + request_head(), "two"), Wire(request_head(), "one")], {"common_http_protocol_options": {"max_requests_per_connection": 1}}),
    _s("append_x_forwarded_port", [request_with("x-a: 1"), request_with("x-forwarded-port: 1")], {"append_x_forwarded_port": True, "use_remote_address": True}),
    _s("append_local_overload", [request_with("x-a: 1")], {"append_local_overload": True}),
    _s("upgrade_configs websocket", [_upgrade(_WEBSOCKET), _upgrade("upgrade: foo\r\nconnection: upgrade"), _upgrade("upgrade: WebSocket\r\nconnection: Upgrade"), _upgrade(_WEBSOCKET, "content-length: 0"), _upgrade(_WEBSOCKET, line="POST / HTTP/1.1"), _upgrade(_WEBSOCKET, line="GET /raw/101 HTTP/1.1"), _upgrade(_WEBSOCKET, line="GET /status=403 HTTP/1.1")], {"upgrade_configs": [{"upgrade_type": "websocket"}]}),
    _s("upgrade_configs disabled", [_upgrade(_WEBSOCKET)], {"upgrade_configs": [{"upgrade_type": "websocket", "enabled": False}]}),
    _s("upgrade_configs foo", [_upgrade(_WEBSOCKET), _upgrade("upgrade: foo\r\nconnection: upgrade", line="GET /raw/101 HTTP/1.1")], {"upgrade_configs": [{"upgrade_type": "foo"}]}),
    _s("upgrade_configs CONNECT", [Wire([request_head("CONNECT h.test:443 HTTP/1.1"), 0.2, b"x"], "CONNECT")], {"upgrade_configs": [{"upgrade_type": "CONNECT"}]}, routes=[{"match": {"connect_matcher": {}}, "route": {"cluster": "up", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]}}], why_not="a TCP tunnel to the upstream is not simulated; left_out says so"),
    _s("upgrade_configs of a route", [_upgrade(_WEBSOCKET, line="GET /raw/101 HTTP/1.1"), _upgrade(_WEBSOCKET, line="GET /no HTTP/1.1")], {}, routes=[{"match": {"prefix": "/raw"}, "route": {"cluster": "up", "upgrade_configs": [{"upgrade_type": "websocket"}]}}, {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]),
    _s("upgrade_configs refused by a route", [_upgrade(_WEBSOCKET, line="GET /raw/101 HTTP/1.1"), _upgrade(_WEBSOCKET, line="GET /no HTTP/1.1")], {"upgrade_configs": [{"upgrade_type": "websocket"}]}, routes=[{"match": {"prefix": "/no"}, "route": {"cluster": "up", "upgrade_configs": [{"upgrade_type": "websocket", "enabled": False}]}}, {"match": {"prefix": "/"}, "route": {"cluster": "up"}}]),
    _s("pipelined", [Wire(request_head("GET /1 HTTP/1.1") + request_head("GET /2 HTTP/1.1"), "two"), Wire(request_head("GET /slow HTTP/1.1") + request_head("GET /2 HTTP/1.1"), "two, the first is slow"), Wire(request_head("GET /1 HTTP/1.1") + request_head("GET path HTTP/1.1"), "the second is bad"), Wire(request_head("POST /1 HTTP/1.1", "content-length: 3") + b"abc" + request_head("GET /2 HTTP/1.1"), "a body between"), Wire(b"\r\n\r\n" + request_head(), "blank lines before")], {}),
    _s("local_reply_config", [Wire(request_head("GET /none HTTP/1.1"), "404"), Wire(request_head("GET /dead HTTP/1.1"), "503"), Wire(request_head("GET /x#y HTTP/1.1"), "400 early"), Wire(request_head("GET path HTTP/1.1"), "400 codec"), Wire(request_head("GET /up HTTP/1.1"), "200")],
       {"local_reply_config": {"mappers": [{"filter": {"status_code_filter": {"comparison": {"op": "EQ", "value": {"default_value": 404, "runtime_key": "k"}}}}, "status_code": 499, "body": {"inline_string": "not here"}, "headers_to_add": [{"header": {"key": "x-lr", "value": "1"}}]}], "body_format": {"text_format_source": {"inline_string": "%RESPONSE_CODE%: %LOCAL_REPLY_BODY% %REQ(:path)%\n"}}}},
       routes=[{"match": {"prefix": "/dead"}, "route": {"cluster": "dead"}}, {"match": {"prefix": "/up"}, "route": {"cluster": "up"}}]),
    _s("local_reply_config in JSON", [Wire(request_head("GET /none HTTP/1.1"), "404"), Wire(request_head("GET /dead HTTP/1.1"), "503")],
       {"local_reply_config": {"body_format": {"json_format": {"code": "%RESPONSE_CODE%", "text": "%LOCAL_REPLY_BODY%", "path": "%REQ(:PATH)%", "details": "%RESPONSE_CODE_DETAILS%"}}}},
       routes=[{"match": {"prefix": "/dead"}, "route": {"cluster": "dead"}}]),
    _s("local_reply_config for a filter's own reply", [Wire(request_head(), "403")], {"local_reply_config": {"mappers": [{"filter": {"status_code_filter": {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "k"}}}}, "status_code": 450}], "body_format": {"text_format_source": {"inline_string": "<%LOCAL_REPLY_BODY%>"}, "content_type": "text/html"}}},
       "on_request_headers: send_local_response 403 d denied x-lr=1 -1; return 1\non_response_headers: get_header_map_pairs RESPONSE_HEADERS\non_log: get_header_map_pairs RESPONSE_HEADERS; get_property response/code"),
]  # fmt: skip
