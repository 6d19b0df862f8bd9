"""Further checks of requests before the first filter: targets, lines, hosts, bodies, HTTP/1.0, pipelining, limits, timeouts."""

from collections.abc import Sequence
from typing import Any

from ..scenario import Http2, Scenario, Step, Wire, maker
from .wire import QUICK, SEE_REQUEST, request_head, request_with
from .wire_http2 import http2_request

_make = maker("requests")

_END = "on_log: get_property response/code; get_property response/code_details; get_property response/flags"


def _s(name: str, steps: Sequence[Step], script: str = SEE_REQUEST, **options: Any) -> Scenario:
    return _make(name, steps, script, hcm={**QUICK, **options.pop("hcm", {})}, **options)


def _raw(*requests: tuple[str, bytes | Sequence[bytes | float]]) -> list[Wire]:
    return [Wire(moves, name, wait=0.8) for name, moves in requests]


def _post(data: bytes, *headers: str) -> bytes:
    return request_head("POST / HTTP/1.1", "transfer-encoding: chunked", *headers) + data


def _escaped(texts: Sequence[str]) -> list[tuple[str, str]]:
    return [(repr(text)[1:-1][:70], text) for text in texts]


_TARGETS = (
    "http://user:pw@other.test:8080/p", "http://other.test:/p", "http://other.test:0/p", "http://[::1]/p", "http://[::1/p", "http://1.2.3.4/p", "http://other.test/%2e%2e/p", "HTTPS://o.test", "http://o.test#f", "http://o.test/p?x#f",
    "/%", "/%2", "/%2F..", "/%5C", "/a%2fb%5cc", "/a?b?c", "/:a", "/@", "/a:80", "/{}", "/[x]", "/a|b", "/\x85", "/\xc3\xa9", "///", "/..", "/.", "/a/../../..", "&", "=", ".", "http", ":", "a:b", "a://b", "http://a_b/p", "http://o.test/a b", "http://o.test\\p", "http://o.test//p", "http://-/p", "http://o.test:65535/p", "http://o.test:65536/p", "http://o.test:080/p", "//o.test:81/p", "/a?%zz", "/?", "/a/?", "/~u", "/a'b", "/a,b", "/*",
)  # fmt: skip
_STARTS = (
    "OPTIONS http://other.test/ HTTP/1.1", "OPTIONS http://other.test/* HTTP/1.1", "OPTIONS *x HTTP/1.1", "POST * HTTP/1.1", "HEAD * HTTP/1.1", "CONNECT * HTTP/1.1", "CONNECT [::1]:443 HTTP/1.1", "CONNECT h.test:0 HTTP/1.1", "CONNECT h.test:443/p HTTP/1.1", "CONNECT http://h.test:443 HTTP/1.1", "CONNECT h.test:65536 HTTP/1.1", "CONNECT :443 HTTP/1.1", "connect h.test:443 HTTP/1.1",
    "post / HTTP/1.1", "Post / HTTP/1.1", "head / HTTP/1.1", "options * HTTP/1.1", "GET- / HTTP/1.1", "-GET / HTTP/1.1", "G\xe9T / HTTP/1.1", "GET, / HTTP/1.1", "POST: / HTTP/1.1", "UPDATE / HTTP/1.1", "BREW / HTTP/1.1", "CONNECTX / HTTP/1.1", "1 / HTTP/1.1", "_ / HTTP/1.1", "PATCH /p HTTP/1.1", "REPORT / HTTP/1.1",
    "GET / HTTP/1.10", "GET / HTTP/01.1", "GET / HTTP/1", "GET / HTTP/", "GET / HTTP/3.0", "GET / HTTP/1.1\t", "GET / hTTP/1.1", "GET / HTTPS/1.1", "GET / HTTP/1.-1", "GET / HTTP /1.1", "GET / HTTP/1.1 HTTP/1.1", "GET HTTP/1.1", "GET", "/ GET HTTP/1.1", "GET / HTTP/1,1", "GET / HTTP/1.1\x01",
)  # fmt: skip
_HOSTS = (
    "host: h.test\r\nhost: other", "host: *", "host: .", "host: -", "host: h..test", "host: [::1", "host: ::1", "host: h.test:0", "host: h.test:80:80", "host: h.test:+80", "host: 1.2.3.4", "host: 1.2.3.4:80", "host: h;t", "host: h|t", "host: h^t", "host: h`t", "host: \"h\"", "host: h\x80", "host: h@", "host: @h", "host: a@b@c", "host: http://h", "HOST: h.test", "host: h.test\t", "host: h\x7f", "host: " + "h" * 300, "host : h.test", "host:h.test", " host: h.test", "host: h.test\r\n :80", "host: h.test, other", "hosts: h.test", "x-forwarded-host: h.test", ":authority: h.test",
)  # fmt: skip
_NAMES = (
    "x-a: 1\nx-b: 2", "x-a: 1\r\n\tx-b: 2", "x-a:\r\n 1", "x-a: 1\r\n ", "x-a: 1\r\n\r", "x\x7fa: 1", "x\x80a: 1", "x\xffa: 1", "x,a: 1", "x;a: 1", "x=a: 1", "x[a]: 1", "x\\a: 1", "x?a: 1", "x<a>: 1", "x-a\x00: 1", "\tx-a: 1", "x-a: \x00", "x-a: \x0b1", "x-a: 1\x1b", "x-a: \x9f", "x-a: \u00ff", "x-a: 1\r2", "x-a: \r", "-: 1", "_: 1", "1: 1", "x-a: " + "a" * 5000, "x-a: 1, 2,  3", "x-a: ;", "x-a: \\", "te:", "te: TRAILERS", "te: trailers\r\nte: gzip", "connection: TE\r\nte: trailers", "connection: \r\nx-a: 1", "connection: ,", "connection: close, keep-alive", "connection: Close", "connection: x-a, x-a\r\nx-a: 1", "connection: content-length", "connection: transfer-encoding", "connection: :authority", "connection: x-forwarded-proto\r\nx-forwarded-proto: https", "connection: x-request-id\r\nx-request-id: mine", "connection: x_a\r\nx_a: 1", "keep-alive: 5\r\nconnection: keep-alive", "proxy-connection: x", "trailer: content-length", "expect: 100-Continue", "expect: 100-continue, x", "expect: ", "max-forwards: 0", "range: bytes=0-1", "if-none-match: a", "accept-encoding: gzip", "origin: null", "http2-settings: a\r\nconnection: http2-settings",
)  # fmt: skip
_CHUNKS = (
    "A\r\n0123456789\r\n0\r\n\r\n", "a\r\n0123456789\r\n0\r\n\r\n", "3;a=\"b;c\"\r\nabc\r\n0\r\n\r\n", "3;" + "a" * 5000 + "\r\nabc\r\n0\r\n\r\n", "3\t\r\nabc\r\n0\r\n\r\n", "+3\r\nabc\r\n0\r\n\r\n", "3\r\nabc0\r\n\r\n", "3\r\nabc\n0\r\n\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\n\n", "3\r\nabc\r\n0\r\n\n", "3\r\nabc\r\n00\r\n\r\n", "0\r\n\r\n", "0;a=b\r\n\r\n", "3\r\nab", "3\r\nabc\r\n0\r\n", "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nx-a: 1\r\nX-B: 2\r\n\r\n", "3;\x01\r\nabc\r\n0\r\n\r\n", "3,3\r\nabc\r\n0\r\n\r\n", "3 3\r\nabc\r\n0\r\n\r\n", "g\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nx-t: 1\n\r\n", "3\r\nabc\r\n0\r\nx-t: 1\r\n folded\r\n\r\n", "3\r\nabc\r\n0\r\nx-t : 1\r\n\r\n", "ffffffffffffffff\r\nabc\r\n", "80000000\r\nabc\r\n", "3\r\nabc\r\n\r\n0\r\n\r\n", "03;x\r\nabc\r\n0\r\n\r\n",
)  # fmt: skip
_TRAILERS = ("3\r\nabc\r\n0\r\n" + "".join(f"x-{n}: v\r\n" for n in range(101)) + "\r\n", "3\r\nabc\r\n0\r\nx-t: " + "v" * 62000 + "\r\n\r\n", "3\r\nabc\r\n0\r\nx_t: 1\r\n\r\n")
_OLD = {"http_protocol_options": {"accept_http_10": True}}
_10 = (
    b"GET /chunked HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n", b"GET /204 HTTP/1.0\r\nhost: a\r\n\r\n", b"HEAD / HTTP/1.0\r\nhost: a\r\n\r\n", b"GET http://o.test/p HTTP/1.0\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"POST / HTTP/1.0\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc", b"POST / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"POST / HTTP/1.0\r\nhost: a\r\n\r\n", b"GET / HTTP/1.2\r\nhost: a\r\n\r\n", b"GET / HTTP/2.0\r\nhost: a\r\n\r\n", b"GET / HTTP/1.0\r\nhost: a\r\nexpect: 100-continue\r\n\r\n", b"GET / HTTP/1.0\r\nhost: a\r\nconnection: close\r\n\r\n", b"GET / HTTP/1.0\r\nhost: a\r\nproxy-connection: keep-alive\r\n\r\n", b"GET / HTTP/1.0\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", b"GET /status=503 HTTP/1.0\r\nhost: a\r\n\r\n", b"GET /trailers HTTP/1.0\r\nhost: a\r\n\r\n", b"GET /1 HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\nhost: a\r\n\r\n",
)  # fmt: skip
_PAIR = request_head("GET /1 HTTP/1.1") + request_head("GET /2 HTTP/1.1")
_LOCAL = "on_request_headers: send_local_response 403 d b _ -1; return 1\n" + _END


def _many(count: int) -> list[tuple[str, str]]:
    return [(f"x-{n}", "v") for n in range(count)]


def _http2(*steps: Http2) -> list[Http2]:
    return list(steps)


_ESCAPED = [Wire(request_head(f"{m} {t} HTTP/1.1"), f"{m} {t}".replace("\\", "\\\\")) for m, t in (("GET", "/a%2Fb"), ("GET", "/a%5Cb?x=%2F"), ("POST", "/a%2fb"), ("GET", "/a%2f%2e%2e%2fb"), ("GET", "/a%252Fb"), ("HEAD", "/a%2Fb"), ("GET", "/a//b%2F"), ("GET", "/%2F"), ("GET", "/%5c.."))]

SCENARIOS: list[Scenario] = [
    _s("more targets", [Wire(request_head(f"GET {t} HTTP/1.1"), n, wait=0.8) for n, t in _escaped(_TARGETS)]),
    _s("more request lines", [Wire(request_head(t), n, wait=0.8) for n, t in _escaped(_STARTS)]),
    _s("more hosts", [Wire(request_head("GET / HTTP/1.1", t, host=""), n, wait=0.8) for n, t in _escaped(_HOSTS)]),
    _s("more names and values", [Wire(request_head("GET / HTTP/1.1", t), n, wait=0.8) for n, t in _escaped(_NAMES)]),
    _s("more chunks", [Wire(_post(t.encode("latin-1")), n, wait=0.8) for n, t in _escaped(_CHUNKS)]),
    _s("trailers beyond the limits", [Wire(_post(t.encode("latin-1")), n[:40], wait=0.8) for n, t in _escaped(_TRAILERS)], _END),
    _s("underscores in trailers, rejected", [Wire(_post(t.encode("latin-1")), n[:40], wait=0.8) for n, t in _escaped(_TRAILERS[2:])], "on_request_trailers: get_header_map_pairs REQUEST_TRAILERS\n" + _END, hcm={"common_http_protocol_options": {"headers_with_underscores_action": "REJECT_REQUEST"}}),
    _s("underscores in trailers, dropped", [Wire(_post(t.encode("latin-1")), n[:40], wait=0.8) for n, t in _escaped(_TRAILERS[2:])], "on_request_trailers: get_header_map_pairs REQUEST_TRAILERS\n" + _END, hcm={"common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"}}),
    _s("bare line feeds", _raw(("every line", b"GET / HTTP/1.1\nhost: h.test\n\n"), ("the last", b"GET / HTTP/1.1\r\nhost: h.test\r\n\n"), ("the first", b"GET / HTTP/1.1\nhost: h.test\r\n\r\n"), ("before the start", b"\n\nGET / HTTP/1.1\r\nhost: h.test\r\n\r\n"), ("CR only", b"GET / HTTP/1.1\rhost: h.test\r\r"), ("a body", b"POST / HTTP/1.1\nhost: h.test\ncontent-length: 3\n\nabc"), ("CRCRLF", b"GET / HTTP/1.1\r\r\nhost: h.test\r\n\r\n"), ("blank before", b" \r\nGET / HTTP/1.1\r\nhost: h.test\r\n\r\n"))),
    _s("heads in parts", _raw(("in the method", [b"GE", 0.1, b"T / HTTP/1.1\r\nhost: h.test\r\n\r\n"]), ("in a name", [b"GET / HTTP/1.1\r\nho", 0.1, b"st: h.test\r\n\r\n"]), ("between CR and LF", [b"GET / HTTP/1.1\r\nhost: h.test\r\n\r", 0.1, b"\n"]), ("in a value", [b"GET / HTTP/1.1\r\nhost: h.t", 0.1, b"est\r\n\r\n"]), ("never complete", b"GET / HTTP/1.1\r\nhost: h.test\r\n"), ("an error early", [b"GET / HTTP/1.1\r\nx y: 1\r\n", 0.1, b"host: h.test\r\n\r\n"]), ("a bad method early", [b"FOO", 0.1, b" / HTTP/1.1\r\n\r\n"]), ("a chunk in parts", [_post(b"3\r\na"), 0.1, b"bc\r", 0.1, b"\n0\r\n\r", 0.1, b"\n"]))),
    _s("Expect", _raw(("GET", request_head("GET / HTTP/1.1", "expect: 100-continue")), ("no body", request_head("POST / HTTP/1.1", "expect: 100-continue", "content-length: 0")), ("chunks", [_post(b"", "expect: 100-continue"), 0.2, b"3\r\nabc\r\n0\r\n\r\n"]), ("other case", [request_head("POST / HTTP/1.1", "Expect: 100-Continue", "content-length: 3"), 0.2, b"abc"]), ("two", [request_head("POST / HTTP/1.1", "expect: 100-continue", "expect: 100-continue", "content-length: 3"), 0.2, b"abc"]), ("something else", [request_head("POST / HTTP/1.1", "expect: x", "content-length: 3"), 0.2, b"abc"]), ("at once", request_head("POST / HTTP/1.1", "expect: 100-continue", "content-length: 3") + b"abc"))),
    _s("Expect, and the filter replies", _raw(("100", [request_head("POST / HTTP/1.1", "expect: 100-continue", "content-length: 3"), 0.2, b"abc"])), _LOCAL),
    _s("Expect, proxied", _raw(("to a 200", [request_head("POST / HTTP/1.1", "expect: 100-continue", "content-length: 3"), 0.2, b"abc"]), ("to a 100 and a 200", [request_head("POST /raw/100-then-200 HTTP/1.1", "expect: 100-continue", "content-length: 3"), 0.2, b"abc"])), hcm={"proxy_100_continue": True}),
    _s("an upstream's 100 without Expect", _raw(("100", request_head("GET /raw/100-then-200 HTTP/1.1"))), hcm={"proxy_100_continue": True}),
    _s("HTTP/1.0 accepted, no default host", _raw(*((d.split(b"\r\n")[0].decode() + f" {i}", d) for i, d in enumerate(_10))), hcm=_OLD),
    _s("HTTP/1.0 refused", _raw(*((d.split(b"\r\n")[0].decode() + f" {i}", d) for i, d in enumerate(_10[:8])))),
    _s("pipelined, more", _raw(("three", _PAIR + request_head("GET /3 HTTP/1.1")), ("the first closes", request_head("GET /1 HTTP/1.1", "connection: close") + request_head("GET /2 HTTP/1.1")), ("the second closes", request_head("GET /1 HTTP/1.1") + request_head("GET /2 HTTP/1.1", "connection: close") + request_head("GET /3 HTTP/1.1")), ("chunks, then another", _post(b"3\r\nabc\r\n0\r\n\r\n") + request_head("GET /2 HTTP/1.1")), ("HEAD, then GET", request_head("HEAD / HTTP/1.1") + request_head("GET /2 HTTP/1.1")), ("204, then GET", request_head("GET /204 HTTP/1.1") + request_head("GET /2 HTTP/1.1")), ("a cut answer, then GET", request_head("GET /rstmid HTTP/1.1") + request_head("GET /2 HTTP/1.1")), ("a closed upstream, then GET", request_head("GET /close HTTP/1.1") + request_head("GET /2 HTTP/1.1")), ("bytes behind the body", request_head("POST / HTTP/1.1", "content-length: 3") + b"abcGARBAGE\r\n\r\n"), ("no such version second", request_head("GET /1 HTTP/1.1") + b"GET /2 HTTP/1.0\r\nhost: a\r\n\r\n"), ("the second in two parts", [request_head("GET /1 HTTP/1.1") + b"GET /2 HT", 0.2, b"TP/1.1\r\nhost: h\r\n\r\n"])), _END),
    _s("pipelined, the filter replies", _raw(("two", _PAIR), ("a body first", request_head("POST /1 HTTP/1.1", "content-length: 3") + b"abc" + request_head("GET /2 HTTP/1.1")), ("a late body", [request_head("POST /1 HTTP/1.1", "content-length: 3"), 0.2, b"abc" + request_head("GET /2 HTTP/1.1")])), _LOCAL),
    *(_s(f"path_with_escaped_slashes_action {mode}, not normalised", _ESCAPED, _END, hcm={"path_with_escaped_slashes_action": mode}) for mode in ("IMPLEMENTATION_SPECIFIC_DEFAULT", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD")),
    _s("path_with_escaped_slashes_action and merge_slashes", _ESCAPED, SEE_REQUEST, hcm={"path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD", "merge_slashes": True, "normalize_path": True}),
    _s("max_request_headers_kb 8", [Wire(request_head("GET / HTTP/1.1", f"x-a: {'v' * n}"), f"{n} bytes") for n in (8000, 8100, 8150, 8200, 9000)] + [Wire(request_head(f"GET /{'p' * n} HTTP/1.1"), f"path {n}") for n in (8000, 8300)] + [Wire(request_head("GET / HTTP/1.1", *(f"x-{i}: {'v' * 90}" for i in range(n))), f"{n} of 90") for n in (70, 85)], _END, hcm={"max_request_headers_kb": 8}),
    _s("max_headers_count 3", [request_with(*(f"x-{n}: v" for n in range(k))) for k in (1, 2, 3)] + [Wire(_post(b"3\r\nabc\r\n0\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n"), "4 trailers", wait=0.8), Wire(request_head("GET / HTTP/1.1", "cookie: a", "cookie: b", "cookie: c"), "cookies")], _END, hcm={"common_http_protocol_options": {"max_headers_count": 3}}),
    _s("via in answers and replies", [request_with("via: 1.0 a, 1.1 b"), Wire(request_head("GET /frame/hop-by-hop HTTP/1.1"), "an upstream's"), Wire(request_head("GET /close HTTP/1.1"), "a reply"), Wire(request_head("GET path HTTP/1.1"), "refused")], hcm={"via": "1.1 me"}),
    *(_s(f"server_header_transformation {mode}, replies", [Wire(request_head("GET /close HTTP/1.1"), "503"), Wire(request_head("GET /x#y HTTP/1.1"), "400"), Wire(request_head("GET path HTTP/1.1"), "codec")], _END, hcm={"server_header_transformation": mode, "server_name": "mine"}) for mode in ("APPEND_IF_ABSENT", "PASS_THROUGH")),
    _s("request_timeout over the wire", _raw(("no body", [request_head("POST / HTTP/1.1", "content-length: 3"), 0.6]), ("half a body", [request_head("POST / HTTP/1.1", "content-length: 3"), 0.1, b"a", 0.6]), ("a slow upstream", request_head("GET /slow HTTP/1.1")), ("half a head", [b"GET / HTTP/1.1\r\nhost", 0.6])), _END, timeouts={"request_timeout": 0.3}),
    _s("stream_idle_timeout over the wire", _raw(("no body", [request_head("POST / HTTP/1.1", "content-length: 3"), 0.6]), ("bytes in between", [request_head("POST / HTTP/1.1", "content-length: 3"), 0.2, b"a", 0.2, b"b", 0.2, b"c"]), ("a slow upstream", request_head("GET /slow HTTP/1.1")), ("chunks", [_post(b"1\r\na\r\n"), 0.6])), _END, timeouts={"stream_idle_timeout": 0.3}),
    _s("request_headers_timeout", _raw(("half a head", [b"GET / HTTP/1.1\r\nhost", 0.6]), ("in time", [b"GET / HTTP/1.1\r\nhost", 0.1, b": h.test\r\n\r\n"]), ("one byte", [b"G", 0.6]), ("nothing", [b"", 0.6]), ("a second request", [request_head() + b"GET /2 HT", 0.6]), ("the body later", [request_head("POST / HTTP/1.1", "content-length: 3"), 0.5, b"abc"])), _END, hcm={"request_headers_timeout": "0.3s"}),
    _s("max_requests_per_connection 2", _raw(("three", _PAIR + request_head("GET /3 HTTP/1.1"))), _END, hcm={"common_http_protocol_options": {"max_requests_per_connection": 2}}),
    _s("HTTP/2: more pseudo-headers", _http2(*(http2_request(path=p) for p in ("//", "/a%2Fb", "/%", "/a\\b", "/a|b", "/\x7f", "/?", "*x", "/a#", " /a", "/a\tb", "http:/p", "a")), *(http2_request(method=m) for m in ("post", "PUT", "DELETE", "PROPFIND", "UPDATE", "GET1", "-", "GET\t", "g@t")), http2_request(method="OPTIONS", path="*"), http2_request(method="OPTIONS", path=""), *(http2_request(scheme=s) for s in ("ws", "HTTPS", "h", "http:", "1", " ")), *(http2_request(authority=a) for a in ("*", "a,b", "[::1]:80", "h:x", "a_b", "a%20b", "a\\b", "h\x7f", "::1")), http2_request(("host", "h.test")), http2_request(("host", "a"), ("host", "b"), without=":authority"), http2_request(("host", "a b"), without=":authority"))),
    _s("HTTP/2: more names and values", _http2(*(http2_request((n, "1")) for n in ("x-A", "x,a", "x\x7fa", "_", "-", "x a ", " x", "x(a", "content-Length", "host", "keep-alive", "http2-settings", "trailer", "forwarded", "x-forwarded-client-cert", "x-forwarded-for", "x-envoy-retry-on", "x-request-id")), *(http2_request(("x-a", v), name="x-a=" + repr(v)[1:-1]) for v in (" ", "\t", "a ", "\x1b", "\x80", "a\x00", "v" * 5000)), http2_request(("te", "")), http2_request(("te", "trailers, gzip")), http2_request(("connection", "")), http2_request(("cookie", "a=1; b=2"), ("cookie", "c=3")), http2_request(("content-length", "")), http2_request(("content-length", "3, 3"), body=b"abc"), http2_request(("content-length", "+3"), body=b"abc"), http2_request(("content-length", "0"), body=b""), http2_request(("content-length", "3")), http2_request(("expect", "100-continue")), http2_request(("date", "d")), http2_request(("via", "1.1 a")), http2_request(method="POST", body=b""), http2_request(method="HEAD", body=b"abc"), http2_request(method="TRACE", body=b"abc"))),
    _s("HTTP/2: limits", _http2(*(http2_request(*_many(n), name=f"{n} headers") for n in (90, 96, 97, 100, 101)), *(http2_request(("x-a", "v" * n), name=f"a value of {n}") for n in (30000, 60000, 61300, 62000)), http2_request(path="/" + "p" * 61000, name="a long path"), http2_request(body=b"abc", trailers=tuple(_many(101)), name="101 trailers")), _END),
    *(_s(f"HTTP/2: headers_with_underscores_action {mode}", _http2(http2_request(), http2_request(("x_a", "1")), http2_request(("x-a", "1"), ("x_b", "2")), http2_request(body=b"abc", trailers=(("x_t", "1"),), name="a trailer")), hcm={"common_http_protocol_options": {"headers_with_underscores_action": mode}}) for mode in ("REJECT_REQUEST", "DROP_HEADER")),
    _s("HTTP/2: what is done to path and host", _http2(http2_request(path="/a//../b"), http2_request(path="/a%2f..%2fb"), http2_request(authority="h.test:80"), http2_request(authority="h.test.:81"), http2_request(path="/a#b"), http2_request(authority="[::1]:80")), hcm={"normalize_path": True, "merge_slashes": True, "strip_any_host_port": True, "strip_trailing_host_dot": True, "path_with_escaped_slashes_action": "UNESCAPE_AND_REDIRECT"}),
    _s("HTTP/2: use_remote_address", _http2(http2_request(), http2_request(("x-forwarded-for", "1.2.3.4")), http2_request(("x-forwarded-proto", "https")), http2_request(scheme="https"), http2_request(("x-envoy-original-path", "/o"))), hcm={"use_remote_address": True}),
    _s("HTTP/2: an upgrade", _http2(http2_request((":protocol", "websocket"), method="CONNECT"), http2_request((":protocol", "websocket")), http2_request((":protocol", "websocket"), method="CONNECT", path="/raw/101"), http2_request(("upgrade", "websocket"), ("connection", "upgrade"))), hcm={"upgrade_configs": [{"upgrade_type": "websocket"}], "http2_protocol_options": {"allow_connect": True}}),
]  # fmt: skip
