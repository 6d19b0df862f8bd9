"""Combinations of features that the other areas test separately: requests, responses, routes, retries, starts, identities."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..scenario import Plug, Scenario, Send, Shutdown, Step, Tcp, Wait, Wire, maker
from .edge import SEE_DETAILS
from .framing import SEE_RESPONSE
from .matching import ELSE, LOG_ROUTE, add_header, get_each, route_for, get_with
from .routing import LOG_TRIES, slow_requests, with_router_headers
from .wire import QUICK, request_head, request_with

_make = maker("combinations")


def _w(name: str, steps: Sequence[Step], script: str = SEE_DETAILS, **options: Any) -> Scenario:
    return _make(name, steps, script, hcm={**QUICK, **options.pop("hcm", {})}, **options)


def _raw(*requests: tuple[str, bytes]) -> list[Wire]:
    return [Wire(data, name) for name, data in requests]


def _chunks(end: str, *headers: str) -> bytes:
    return request_head("POST / HTTP/1.1", "transfer-encoding: chunked", *headers) + b"3\r\nabc\r\n0\r\n" + end.encode("latin-1") + b"\r\n"


def _route(name: str, steps: Sequence[Step], *routes: Mapping[str, Any], script: str = LOG_ROUTE, **options: Any) -> Scenario:
    return _make(name, steps, script, routes=routes, hcm=QUICK, **options)


def _retry(name: str, steps: Sequence[Step], **route: Any) -> Scenario:
    return _make(name, steps, LOG_TRIES, routes=[{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "14.9s", **route}}])


def _start(name: str, steps: Sequence[Step], **options: Any) -> Scenario:
    stats = r"^wasm\.(envoy|wasm_vm_count|.*\.vm_reload)"
    return _make(name, steps, options.pop("script", ""), show_start=True, stats=stats, **options)


_ADDRESSES = [request_with(h) for h in ("x-a: 1", "x-forwarded-for: 1.2.3.4, 5.6.7.8, 10.0.0.1", "x-forwarded-for: 1.2.3.4, , 5.6.7.8", "x-forwarded-for: 2001:db8::1", "x-forwarded-for: [2001:db8::1]:80", "x-forwarded-for: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8", "x-forwarded-for: ", "x-forwarded-for: 1.2.3.4,junk", "x-forwarded-for: 127.0.0.1", "x-envoy-internal: true\r\nx-forwarded-for: 10.1.1.1", "x-envoy-expected-rq-timeout-ms: 5\r\nx-envoy-attempt-count: 2")]  # fmt: skip
_RANGE = {"internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]}}
_CAS = "set_shared_data n v 0; get_shared_data n; accept_below {n}"
_PATHS = get_each("/a//../b", "/a/%2E%2e/b", "/a%2f%2fb", "/a/..//b/./c", "//a//b", "/%2e", "/a/b/..%2fc", "/a%5c..%5cb", "/a/../../b?x=/../y", "/A/%7e")

SCENARIOS: list[Scenario] = [
    _w("targets and hosts that disagree", _raw(
        ("another host in the target", request_head("GET http://other.test/p HTTP/1.1", host="h.test")), ("a port in the target", request_head("GET http://other.test:81/p HTTP/1.1")), ("POST to a target without path", request_head("POST http://other.test HTTP/1.1", "content-length: 0")),
        ("a query and no path", request_head("GET http://other.test?x=/y HTTP/1.1")), ("no host, a target", request_head("GET http://other.test/p HTTP/1.1", host="")), ("an empty host, a target", request_head("GET http://other.test/p HTTP/1.1", "host: ", host="")), ("two slashes", request_head("GET //other.test/p HTTP/1.1")), ("https and another scheme", request_head("GET https://other.test/p HTTP/1.1", "x-forwarded-proto: http")),
        ("OPTIONS *", request_head("OPTIONS * HTTP/1.1", "content-length: 0")), ("HEAD of a target", request_head("HEAD http://other.test/p HTTP/1.1")), ("an encoded scheme", request_head("GET http%3A//other.test/p HTTP/1.1")), ("a semicolon", request_head("GET /;a=b?c HTTP/1.1")), ("only a question mark", request_head("GET /? HTTP/1.1")), ("a zero byte in the query, encoded", request_head("GET /?b=%00 HTTP/1.1")),
    )),
    _w("lengths that disagree", _raw(
        *((h.replace("\r\n", " and "), request_head("POST / HTTP/1.1", h) + b"abc") for h in ("content-length: 00003", "content-length: 3,4", "content-length: 3\r\nContent-Length: 3", "content-length: 18446744073709551615", "content-length: 3 ", "content-length: 3;", "content-length: three", "content-length: 3\r\nx-a: \r\ncontent-length: 4")),
        *((h.replace("\r\n", " and "), request_head("POST / HTTP/1.1", h) + b"3\r\nabc\r\n0\r\n\r\n") for h in ("transfer-encoding: chunked\r\ntransfer-encoding: chunked", "transfer-encoding: chunked, chunked", "transfer-encoding: \tchunked", "transfer-encoding: chunked;q=1", "Transfer-Encoding: CHUNKED", "content-length: 0\r\ntransfer-encoding: chunked", "transfer-encoding: ")),
        ("DELETE with a body", request_head("DELETE / HTTP/1.1", "content-length: 3") + b"abc"), ("TRACE with a body", request_head("TRACE / HTTP/1.1", "content-length: 3") + b"abc"), ("HEAD with a body", request_head("HEAD / HTTP/1.1", "content-length: 3") + b"abc"), ("more than the length", request_head("POST / HTTP/1.1", "content-length: 3") + b"abcdef"),
    )),
    _w("trailers of a request", _raw(*((repr(t)[1:-1] or "none", _chunks(t)) for t in ("x-t: 1\r\n", "x t: 1\r\n", "nocolon\r\n", ": empty\r\n", "content-length: 3\r\n", "transfer-encoding: gzip\r\n", "host: other\r\n", "x-t: 1\r\nx-t: 2\r\n", "x_t: 1\r\n", "x-t: \x01\r\n", "X-T: Up\r\n", ":path: /x\r\n", "te: trailers\r\n", "connection: close\r\n", "cookie: a=1\r\n", "x-t: " + "v" * 3000 + "\r\n"))),
       "on_request_trailers: get_header_map_pairs REQUEST_TRAILERS\non_log: get_property response/code; get_property response/code_details"),
    _w("pseudo-headers and odd names", [request_with(h) for h in (":method: POST", ":authority: other", ":path: /x", "::: 1", "x-a : 1", "x-a\t: 1", "\x0bx-a: 1", "x-a:\x0b1", "x-a: 1\x0b", "X_A: 1", "x-a:: 1", "\"x\": 1", "x-a: \"quoted\"", "x-\u00e4: 1", "x-a: " + "\u00e4" * 3, "cookie: ", "cookie: a=1;b=2", "cookie: a=1\r\ncookie: \r\ncookie: b=2", "accept-encoding: gzip\r\naccept-encoding: br", "x-request-id: a\r\nx-request-id: b", "user-agent: a\r\nx-a: 1\r\nuser-agent: b", "via: a\r\nvia: b", "set-cookie: a=1\r\nset-cookie: b=2", "date: a\r\ndate: b", "authorization: a\r\nauthorization: b", "grpc-timeout: 1S", "content-type: application/grpc")]),
    _w("upgrades in combination", [request_with(h) for h in ("upgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 0", "upgrade: websocket\r\nconnection: upgrade\r\ntransfer-encoding: chunked", "upgrade: websocket\r\nupgrade: foo\r\nconnection: upgrade", "upgrade: websocket, foo\r\nconnection: upgrade", "upgrade: websocket\r\nconnection: close, upgrade", "upgrade: websocket\r\nconnection: upgrade, x-h\r\nx-h: 1", "upgrade: TLS/1.0\r\nconnection: upgrade", "upgrade: websocket\r\nconnection: close", "connection: upgrade\r\nupgrade: h2c, websocket")]),
    _w("remote address, trusted hops, no append", _ADDRESSES, hcm={"use_remote_address": True, "xff_num_trusted_hops": 1, "skip_xff_append": True}),
    _w("trusted hops and internal addresses", _ADDRESSES, hcm={"xff_num_trusted_hops": 1, **_RANGE}),
    _w("remote address that is internal", _ADDRESSES, hcm={"use_remote_address": True, "internal_address_config": {"cidr_ranges": [{"address_prefix": "127.0.0.0", "prefix_len": 8}]}, "add_user_agent": True}),
    _w("request ids for external clients", [request_with("x-request-id: mine"), request_with("x-request-id: 80f198ee-5634-4ba8-a4fe-8b2a57d3eff7"), request_with("x-a: 1")], hcm={"use_remote_address": True, "always_set_request_id_in_response": True, **_RANGE}),
    _w("no request id, but in the response", [request_with("x-request-id: mine"), request_with("x-a: 1")], hcm={"generate_request_id": False, "always_set_request_id_in_response": True}),
    _w("normalisation, slashes and escaped slashes", _PATHS, hcm={"normalize_path": True, "merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD"}),
    _w("escaped slashes are redirected, slashes merged", _PATHS, hcm={"merge_slashes": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"}),
    _w("limits of headers in combination", [request_with(*(f"x-{n}: {'v' * size}" for n in range(count))) for count, size in ((3, 100), (6, 100), (3, 700), (6, 400), (2, 1100))], hcm={"max_request_headers_kb": 2, "common_http_protocol_options": {"max_headers_count": 8, "headers_with_underscores_action": "DROP_HEADER"}}),
    _w("server, via and proper case", [Wire(request_head(f"GET {p} HTTP/1.1", "via: 1.0 a"), p) for p in ("/", "/frame/own-server", "/frame/names-case")], hcm={"server_name": "mine", "server_header_transformation": "APPEND_IF_ABSENT", "via": "1.1 me", "http_protocol_options": {"header_key_format": {"proper_case_words": {}}}}),
    _w("hosts without port and dot, by domain", [w for h in ("one.test:80", "one.test.:443", "ONE.test.", "one.test:x", "[::1]:80") for w in get_each("/", host=h)], hcm={"strip_any_host_port": True, "strip_trailing_host_dot": True}, route_config={"virtual_hosts": [{"name": "one", "domains": ["one.test"], "routes": [route_for({"prefix": "/"})]}, {"name": "star", "domains": ["*"], "routes": [ELSE]}]}),
    _w("answers that are almost right", [Wire(request_head(f"GET {p} HTTP/1.1"), p) for p in ("/odd/two-blanks", "/odd/lower-case", "/odd/blank-line-first", "/odd/length-with-blank", "/odd/te-twice", "/odd/short-close", "/odd/chunk-close", "/odd/chunk-overflow", "/odd/no-last-crlf", "/odd/bad-trailer", "/odd/trailer-length", "/odd/two-100", "/odd/102", "/odd/reason-nul", "/odd/reason-latin", "/odd/100-only", "/odd/status-00200", "/odd/minus", "/odd/head-only", "/odd/nothing", "/odd/te-http-1.0", "/odd/204-length", "/odd/304-chunked", "/odd/205-body", "/odd/lf-in-value", "/odd/connection-close", "/odd/keep-alive-1.0", "/odd/set-cookies", "/odd/upgrade-200")], SEE_RESPONSE),
    _w("answers that are almost right, to HEAD", [Wire(request_head(f"HEAD {p} HTTP/1.1"), p) for p in ("/odd/short-close", "/odd/chunk-close", "/odd/te-twice", "/odd/205-body", "/odd/204-length", "/odd/two-100", "/odd/bad-trailer")], SEE_RESPONSE),
    _retry("several conditions", [with_router_headers("/seq/409,200", "retry-on 5xx,retriable-4xx"), with_router_headers("/seq/close,200/a", "retry-on gateway-error,reset"), with_router_headers("/seq/418,503,200/b", "retry-on 5xx,retriable-status-codes", "retriable-status-codes 418", "max-retries 2"), with_router_headers("/seq/200;x-again=1,503,200/c", "retry-on retriable-headers,gateway-error", "retriable-header-names x-again", "max-retries 3"), with_router_headers("/seq/503;x-envoy-ratelimited=true,200/d", "retry-on 5xx"), with_router_headers("/seq/429;x-envoy-ratelimited=true,200/e", "retry-on envoy-ratelimited"), with_router_headers("/seq/429,200/f", "retry-on envoy-ratelimited"), with_router_headers("/seq/503;x-envoy-overloaded=true,200/g", "retry-on 5xx")]),
    _retry("odd numbers of retries", [with_router_headers("/seq/503,503,503,200", "retry-on 5xx", f"max-retries {n}") for n in ("abc", "-1", "2.5", "99999999999", "03")] + [with_router_headers("/seq/503,200/x", "retry-on 5xx", method=m, body=b) for m, b in (("HEAD", b""), ("DELETE", b""), ("PUT", b"abc"))]),
    _retry("timeouts and retries together", [with_router_headers("/seq/slow,503,200", "retry-on 5xx", "max-retries 2", "upstream-rq-per-try-timeout-ms 150"), with_router_headers("/latency=0.5", "upstream-rq-timeout-ms 200", "upstream-rq-timeout-alt-response 204", "retry-on 5xx"), with_router_headers("/seq/503,close,200/c", "retry-on 5xx,reset", "max-retries 2")]),
    _retry("a policy and headers that differ from it", [with_router_headers("/seq/503,503,200", "max-retries 1"), with_router_headers("/seq/500,200/a", "retry-on gateway-error"), with_router_headers("/seq/404,200/b", "retriable-status-codes 404", "retry-on retriable-status-codes"), *slow_requests("/seq/503,503,503,200/c", "/seq/429,200/d")], retry_policy={"retry_on": "gateway-error,retriable-status-codes", "num_retries": 3, "retriable_status_codes": [429], "retry_back_off": {"base_interval": "0.01s", "max_interval": "0.02s"}}),
    _route("matchers together", [*get_each("/a/b?q=1", "/A/B?q=1", "/a/b", "/a/bc?q=1", "/a?q=1"), get_with("x-h: 5", path="/a/b?q=1"), get_with("x-h: abc", path="/n"), get_with("x-h: 15", path="/n")], route_for({"path_separated_prefix": "/a/b", "case_sensitive": False, "query_parameters": [{"name": "q", "string_match": {"exact": "1"}}], "headers": [{"name": "x-h", "present_match": False}]}, "all"), route_for({"path_separated_prefix": "/a/b"}, "separated", direct_response={"status": 250}), route_for({"safe_regex": {"regex": "/n|/m"}, "headers": [{"name": "x-h", "range_match": {"start": 1, "end": 10}, "invert_match": True}]}, "range", direct_response={"status": 251}), ELSE),
    _route("a share of 0 and of 100", get_each("/a", "/b"), route_for({"prefix": "/a", "runtime_fraction": {"default_value": {"numerator": 0}}}, "never", direct_response={"status": 250}), route_for({"prefix": "/b", "runtime_fraction": {"default_value": {"numerator": 1000000, "denominator": "MILLION"}}}, "always", direct_response={"status": 251}), ELSE),
    _route("redirects in combination", [*get_each("/old/a?q=1", "/re/12/x?y=2", "/code", "/both/a?q=1"), Wire(request_head("GET /old/a HTTP/1.1", "x-forwarded-proto: https", host="h.test:443"), "https with its port"), Wire(request_head("POST /code HTTP/1.1", "content-length: 0"), "POST")], route_for({"prefix": "/old"}, "prefix", redirect={"prefix_rewrite": "/new", "https_redirect": True, "strip_query": True}), route_for({"prefix": "/re"}, "regex", redirect={"regex_rewrite": {"pattern": {"regex": "/re/([0-9]+)/(.*)"}, "substitution": "/\\2/\\1"}, "response_code": "TEMPORARY_REDIRECT"}), route_for({"prefix": "/code"}, "code", redirect={"path_redirect": "/there", "response_code": "SEE_OTHER", "host_redirect": "other.test", "port_redirect": 8080}), route_for({"prefix": "/both"}, "both", redirect={"scheme_redirect": "https", "port_redirect": 443, "host_redirect": "h.test"}), ELSE),
    _route("rewrites in combination", [*get_each("/old/a?q=1", "/re/a/b?x=1"), get_with("x-host: named", path="/hdr/a"), get_with(path="/hdr/b")], route_for({"prefix": "/old"}, "prefix", route={"prefix_rewrite": "/", "host_rewrite_literal": "lit.test", "append_x_forwarded_host": True}), route_for({"prefix": "/re"}, "regex", route={"regex_rewrite": {"pattern": {"regex": "^/re/(a)(/b)?"}, "substitution": "/x\\2\\1"}, "host_rewrite_path_regex": {"pattern": {"regex": "^/re/(.+?)/.*"}, "substitution": "\\1.test"}}), route_for({"prefix": "/hdr"}, "header", route={"host_rewrite_header": "x-host", "append_x_forwarded_host": True}), ELSE),
    _route("headers added and removed at all levels", [get_with("x-a: 0", "x-gone: 1", "x-keep: 1")], route_for({"prefix": "/"}, "r", request_headers_to_add=[add_header("x-a", "route"), add_header("x-dyn", "%REQ(x-keep)%-%PROTOCOL%")], request_headers_to_remove=["x-gone"], response_headers_to_add=[add_header("x-up", "over", "OVERWRITE_IF_EXISTS"), add_header("x-code", "%RESPONSE_CODE%")], response_headers_to_remove=["x-envoy-upstream-service-time"]), virtual_host={"request_headers_to_add": [add_header("x-a", "host", "ADD_IF_ABSENT"), add_header("x-h", "host")], "response_headers_to_add": [add_header("x-up", "host")], "request_headers_to_remove": ["x-keep"]}),
    _route("direct responses by status", [Wire(request_head(f"{m} /{c} HTTP/1.1"), f"{m} {c}") for c in (200, 204, 304, 404, 503) for m in ("GET", "HEAD")], *(route_for({"prefix": f"/{c}"}, f"d{c}", direct_response={"status": c, "body": {"inline_string": "body %REQ(:path)%"}}) for c in (200, 204, 304, 404, 503))),
    _route("one virtual host for several domains, none matches", [w for h in ("a.test", "b.test", "x.a.test", "c.test") for w in get_each("/p", host=h)], route_config={"virtual_hosts": [{"name": "ab", "domains": ["a.test", "b.test", "*.a.test"], "routes": [route_for({"path": "/p"})]}]}),
    _start("a network filter that traps and is loaded again", [Tcp([b"one", 0.1, "read"]), Tcp([b"two", 0.1, "read"]), Wait(3.0), Tcp([b"three", 0.1, "read"]), Shutdown()], script="on_downstream_data#1: trap_from 0", plug={"options": {"failure_policy": "FAIL_RELOAD", "reload_backoff": 1.5}}, kind="tcp"),
    _start("a network filter that traps in on_new_connection, open", [Tcp([b"one", 0.1, "read"]), Tcp([b"two", 0.1, "read"]), Shutdown()], script="on_new_connection: trap", plug={"options": {"failure_policy": "FAIL_OPEN"}}, kind="tcp"),
    _start("a network filter whose configuration is refused, open", [Tcp([b"one", 0.1, "read"]), Shutdown()], script="on_configure: return 0", plug={"options": {"failure_policy": "FAIL_OPEN"}}, kind="tcp"),
    _start("a network filter refused on its worker, reload", [Tcp([b"one", 0.1, "read"]), Wait(0.5), Tcp([b"two", 0.1, "read"]), Shutdown()], script=f"on_configure: {_CAS.format(n=3)}", plug={"options": {"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.3}}, kind="tcp"),
    _start("an access logger that traps", [Send(), Send(), Shutdown()], plugins=(Plug("on_request_headers: return 0", name="f", root_id="f"),), access_log=Plug("on_log: trap", name="logger", root_id="log", vm_id="l")),
    _start("an access logger that traps in the filter's VM", [Send(), Send(), Shutdown()], plugins=(Plug("on_request_headers: return 0", name="f", root_id="f"),), access_log=Plug("on_log: trap", name="logger", root_id="log")),
    _start("an access logger whose configuration is refused, open", [Send(), Shutdown()], plugins=(), access_log=Plug("on_configure: return 0", name="logger", root_id="log", options={"failure_policy": "FAIL_OPEN"})),
    _start("an access logger that traps and is loaded again", [Send(), Wait(0.7), Send(), Shutdown()], plugins=(), access_log=Plug("on_log: get_property response/code; trap", name="logger", root_id="log", options={"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.3})),
    _start("a service and a filter share a VM, the service traps", [Wait(0.2), Send(), Shutdown()], plugins=(Plug("on_request_headers: return 0", "v", name="f", root_id="f"),), services=(Plug("on_configure: set_tick_period_milliseconds 50\non_tick: trap", "v", name="svc", root_id="svc", options={"singleton": False}),)),
    _start("two filters in a VM, the first traps, open and closed", [Send(script="on_request_headers: trap"), Send(), Shutdown()], plugins=(Plug("on_response_headers: return 0", "v", name="a", root_id="a", options={"failure_policy": "FAIL_OPEN"}), Plug("on_response_headers: return 0", "v", name="b", root_id="b"))),
    _start("two filters in a VM, both are loaded again", [Send(script="on_request_headers: trap"), Send(), Wait(0.7), Send(), Shutdown()], plugins=tuple(Plug("on_response_headers: return 0", "v", name=n, root_id=n, options={"failure_policy": "FAIL_RELOAD", "reload_backoff": 0.3}) for n in ("a", "b"))),
    _start("identity: another VM configuration", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "w", "B", "rb")]),
    _start("identity: another vm_id", [Send()], plugins=[Plug("a", "v", "A", "ra", vm_id="one"), Plug("b", "v", "B", "rb", vm_id="two")]),
    _start("identity: another module", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", module="scripted-without-tick")]),
    _start("identity: the same plugin twice", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("a", "v", "A", "ra")]),
    _start("identity: the same name and another root", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("a", "v", "A", "rb")]),
    _start("identity: the same root and another configuration", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "A", "ra")]),
    _start("identity: environment variables in another order", [Send()], plugins=[Plug("a", "v", "A", "ra", options={"environment": {"X": "1", "Y": "2"}}), Plug("b", "v", "B", "rb", options={"environment": {"Y": "2", "X": "1"}})]),
    _start("identity: an environment variable with another value", [Send()], plugins=[Plug("a", "v", "A", "ra", options={"environment": {"X": "1"}}), Plug("b", "v", "B", "rb", options={"environment": {"X": "2"}})]),
    _start("identity: a filter and an access logger", [Send(), Shutdown()], plugins=(Plug("on_request_headers: return 0", "v", name="f", root_id="f"),), access_log=Plug("on_log: get_property response/code", "v", name="logger", root_id="log")),
    _start("identity: legacy fail_open", [Send()], plugins=[Plug("a", "v", "A", "ra"), Plug("b", "v", "B", "rb", options={"fail_open": True})]),
]  # fmt: skip
