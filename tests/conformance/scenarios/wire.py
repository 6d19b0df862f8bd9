"""Changes and checks of requests by the connection manager before the first filter, over HTTP/1."""

from ..scenario import Scenario, Wire, maker

#: Close connections without the usual delay of one second, so that the client needn't wait.
QUICK = {"delayed_close_timeout": "0.05s"}

_make = maker("wire")

SEE_REQUEST = """
on_request_headers: get_header_map_pairs REQUEST_HEADERS
on_log: get_header_map_pairs REQUEST_HEADERS; get_property response/code; get_property response/code_details; get_property response/flags
"""


def _s(name: str, steps: list[Wire], script: str = SEE_REQUEST, **options: object) -> Scenario:
    hcm = {**QUICK, **options.pop("hcm", {})}  # type: ignore[dict-item]
    return _make(name, steps, script, hcm=hcm, **options)


def request_head(line: str = "GET / HTTP/1.1", *headers: str, host: str = "h.test") -> bytes:
    lines = [line, *([f"host: {host}"] if host else []), *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


def request_with(*headers: str, line: str = "GET / HTTP/1.1") -> Wire:
    name = "; ".join(repr(h[:60])[1:-1] for h in headers)
    return Wire(request_head(line, *headers), name[:90] if line.startswith("GET / ") else f"{line[:30]} with {name[:60]}")


def _lines(*lines: str) -> list[Wire]:
    return [Wire(request_head(line), repr(line[:60])) for line in lines]


_TARGETS = (
    "GET http://other.test/abs?q=1 HTTP/1.1", "GET http://other.test HTTP/1.1", "GET http://other.test:8080/p HTTP/1.1",
    "GET https://other.test/p HTTP/1.1", "GET HTTP://Other.Test/p HTTP/1.1", "GET ftp://other.test/p HTTP/1.1", "GET ws://other.test/p HTTP/1.1",
    "GET http:///p HTTP/1.1", "GET http://user@other.test/p HTTP/1.1", "GET http://other.test?q=1 HTTP/1.1", "GET http://other.test/p#f HTTP/1.1",
    "GET http://[::1]:80/p HTTP/1.1", "GET http://other.test:99999/p HTTP/1.1", "GET http://other.test:abc/p HTTP/1.1", "GET http:/p HTTP/1.1", "GET http://other.test/../p HTTP/1.1",
    "GET path HTTP/1.1", "GET ?q=1 HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1", "OPTIONS http://other.test HTTP/1.1", "GET // HTTP/1.1", "GET /a//b HTTP/1.1",
    "GET /x?y#z HTTP/1.1", "GET /x#z HTTP/1.1", "GET # HTTP/1.1", "GET /a%23b HTTP/1.1", "GET /a%00b HTTP/1.1",
    "GET /../a HTTP/1.1", "GET /a/./b/../c HTTP/1.1", "GET /a%2Fb HTTP/1.1", "GET /a\\b HTTP/1.1", "GET /a b HTTP/1.1", "GET  /a HTTP/1.1",
    "GET /a  HTTP/1.1", "GET /\xe4 HTTP/1.1", "GET /a?\xff HTTP/1.1", "GET /a\x00b HTTP/1.1", "GET /a\x01b HTTP/1.1", "GET /a\x7fb HTTP/1.1", "GET /a\tb HTTP/1.1",
    "GET /a\"b<c>{d}|e^`f HTTP/1.1", "GET /%zz HTTP/1.1", "CONNECT h.test:443 HTTP/1.1", "CONNECT /p HTTP/1.1", "CONNECT h.test HTTP/1.1",
)  # fmt: skip

_METHODS = (
    "get", "Get", "FOO", "foo", "OPTIONS", "TRACE", "PATCH", "DELETE", "PUT", "HEAD", "PROPFIND", "PURGE", "M-SEARCH", "QUERY",
    "PRI", "GET1", "G@T", "ACL", "BIND", "CHECKOUT", "COPY", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "NOTIFY", "PROPPATCH",
    "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE", "UNBIND", "UNLINK", "LINK", "UNLOCK", "UNSUBSCRIBE", "BASELINE-CONTROL", "DESCRIBE", "X" * 100,
)  # fmt: skip

_VERSIONS = (
    "GET / HTTP/1.0", "GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9", "GET /", "GET / http/1.1", "GET / XTTP/1.1", "GET / HTTP/1.1 x",
    "GET / HTTP/11", "", "GARBAGE", " GET / HTTP/1.1", "GET\t/\tHTTP/1.1",
)  # fmt: skip

_STRIPPED = (
    "x-forwarded-client-cert: By=spiffe://a", "x-forwarded-for: 1.2.3.4", "x-forwarded-for: 10.0.0.1", "x-forwarded-for: 1.2.3.4, 10.0.0.1", "x-forwarded-for: junk",
    "x-forwarded-host: other", "x-forwarded-port: 1", "x-forwarded-path: /q", "x-forwarded: for=1", "forwarded: for=1", "x-real-ip: 1.2.3.4",
    "x-envoy-internal: true", "x-envoy-external-address: 1.2.3.4", "x-envoy-downstream-service-cluster: c", "x-envoy-downstream-service-node: n",
    "x-envoy-original-path: /o", "x-envoy-original-host: o", "x-envoy-original-dst-host: 1.2.3.4:5", "x-envoy-peer-metadata: m", "x-envoy-peer-metadata-id: m",
    "x-envoy-attempt-count: 3", "x-envoy-decorator-operation: op", "x-envoy-force-trace: true", "x-envoy-expected-rq-timeout-ms: 5",
    "x-envoy-retry-on: 5xx", "x-envoy-retry-grpc-on: cancelled", "x-envoy-max-retries: 3", "x-envoy-retriable-status-codes: 500", "x-envoy-retriable-header-names: x",
    "x-envoy-hedge-on-per-try-timeout: true", "x-envoy-upstream-alt-stat-name: a", "x-envoy-upstream-rq-timeout-ms: 100", "x-envoy-upstream-rq-per-try-timeout-ms: 50",
    "x-envoy-upstream-rq-timeout-alt-response: 204", "x-envoy-upstream-stream-duration-ms: 100", "x-envoy-is-timeout-retry: true", "x-envoy-ip-tags: t",
    "x-envoy-upstream-service-time: 7", "x-envoy-overloaded: true", "x-envoy-anything: else", "x-envoy-immediate-health-check-fail: 1", "x-envoy-livenessprobe: 1",
    "x-client-trace-id: t", "x-ot-span-context: s", "x-b3-traceid: 80f198ee56343ba864fe8b2a57d3eff7", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "x-request-id: mine", "x-request-id: ", "x-request-id: 80f198ee-5634-4ba8-a4fe-8b2a57d3eff7", "server: me", "date: d", "via: 1.1 p", "user-agent: ", "x-cluster: c",
)  # fmt: skip

_SCHEMES = (
    "x-forwarded-proto: ftp", "x-forwarded-proto: ", "x-forwarded-proto: https", "x-forwarded-proto: HTTPS", "x-forwarded-proto: http", "x-forwarded-proto: http, https",
    "x-forwarded-scheme: https", "x-scheme: https", ":scheme: https",
)  # fmt: skip

_HOPS = (
    "connection: close", "connection: keep-alive", "connection: x-hop\r\nx-hop: 1", "connection: x-hop, close\r\nx-hop: 1", "connection: te\r\nte: trailers", "connection: te\r\nte: gzip",
    "connection: host", "connection: :path", "connection: x-forwarded-for\r\nx-forwarded-for: 1.2.3.4", "connection: cookie\r\ncookie: a=1", "connection: authorization\r\nauthorization: b", "connection: " + "a," * 20 + "b",
    "te: trailers", "te: trailers, deflate", "te: deflate", "te: gzip;q=1, trailers", "keep-alive: timeout=5", "proxy-connection: keep-alive", "proxy-connection: close", "trailer: x-t", "proxy-authorization: b",
    "proxy-authenticate: Basic", "expect: 100-continue", "expect: something", "http2-settings: abc", "upgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA",
)  # fmt: skip

_UPGRADES = (
    "upgrade: websocket\r\nconnection: upgrade", "upgrade: websocket\r\nconnection: Upgrade, keep-alive", "upgrade: websocket", "connection: upgrade", "upgrade: foo\r\nconnection: upgrade", "upgrade: h2c\r\nconnection: upgrade", "upgrade: \r\nconnection: upgrade", "upgrade: WebSocket\r\nconnection: Upgrade", "upgrade: h2c, websocket\r\nconnection: upgrade", "upgrade: TLS/1.0\r\nconnection: upgrade",
)  # fmt: skip

_NAMES = (
    "x-a:1", "x-a:   1", "x-a: 1   ", "x-a:\t1\t", "x-a: a  b", "x-a: ", "x-a:", ": empty", "x a: 1", "x-a : 1", "x\ta: 1", " x-a: 1", "nocolon", "x@a: 1", "x_a: 1", "x(a: 1", "x\xe4: 1", "x\x01a: 1", "x\x00a: 1", "X-CaSe: VaLue", "x.a: 1", "x!#$%&'*+-.^_`|~a: 1", "x/a: 1", "x\"a: 1", "x{a: 1",
    "x-a: \xe4", "x-a: \x01", "x-a: a\x00b", "x-a: a\tb", "x-a: \x7f", "x-a: a\x80b", "x-a: one\r\n two", "x-a: one\r\n\ttwo", "x-a: 1\r\nx-a: 2", "user-agent: a\r\nuser-agent: b", "cookie: a=1\r\ncookie: b=2", "cookie: a=1; b=2", "accept: a\r\naccept: b", "content-type: a\r\ncontent-type: b", "authorization: a\r\nauthorization: b", ":path: /q", ":authority: q", ":method: POST", ":foo: bar", "x-a: a\nx-b: b", "x-a: a\rb",
)  # fmt: skip

_HOSTS = (
    "host: a b", "host: ", "host: a\r\nhost: b", "host: h.test\r\nhost: h.test", "host: h.test:80", "host: h.test:99999", "host: h.test:abc", "host: user@h.test", "host: [::1]", "host: [::1]:80", "host: a/b", "host: a?b", "host: a#b", "host: a_b", "host: \xe4", "host: a,b", "host: H.TEST", "host: h.test.", "host: a\tb", "host: %41", "host: a<b", "host: a\"b", "host: a\\b", "host: a{b}", "host: a%zz", "host: !$&'()*+;=",
)  # fmt: skip

_BODIES = (
    "content-length: abc", "content-length: -1", "content-length: +3", "content-length: 3.0", "content-length: 0x3", "content-length: ", "content-length: 3, 3", "content-length: 3\r\ncontent-length: 3", "content-length: 3\r\ncontent-length: 4", "content-length: 99999999999999999999999", "content-length: 3 ", "content-length:  3", "content-length: 003",
    "transfer-encoding: chunked", "transfer-encoding: gzip", "transfer-encoding: gzip, chunked", "transfer-encoding: chunked, gzip", "transfer-encoding: Chunked", "transfer-encoding: identity", "transfer-encoding: identity\r\ncontent-length: 3", "transfer-encoding: xyz", "transfer-encoding: ", "transfer-encoding: chunked\r\ntransfer-encoding: chunked", "transfer-encoding: chunked, chunked", "transfer-encoding: chunked\r\ncontent-length: 3", "transfer-encoding: deflate", "transfer-encoding: trailers", "transfer-encoding: chunked;q=1", "transfer-encoding: \tchunked",
)  # fmt: skip

_CHUNKED = ("3\r\nabc\r\n0\r\n\r\n", "3;a=b\r\nabc\r\n0\r\n\r\n", "xyz\r\nabc\r\n0\r\n\r\n", "-3\r\nabc\r\n0\r\n\r\n", "3 \r\nabc\r\n0\r\n\r\n", " 3\r\nabc\r\n0\r\n\r\n", "0003\r\nabc\r\n0\r\n\r\n", "3\r\nabcdef\r\n0\r\n\r\n", "3\nabc\n0\n\n", "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nx-t: 1\r\n\r\n", "3\r\nabc\r\n0\r\ncontent-length: 1\r\n\r\n", "3\r\nabc\r\n0\r\nx y: 1\r\n\r\n", "3\r\nabc\r\n0\r\nnocolon\r\n\r\n", "3\r\nabc\r\n0\r\n: 1\r\n\r\n", "0x3\r\nabc\r\n0\r\n\r\n", "\r\nabc\r\n0\r\n\r\n", "3;\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n0\r\nx-t: \x01\r\n\r\n", "3\r\nabc\r\n0\r\nhost: x\r\n\r\n")  # fmt: skip


def _sizes() -> list[Wire]:
    wires = [
        Wire(request_head(f"GET /{'p' * n} HTTP/1.1"), f"a path of {n + 1} bytes")
        for n in (8000, 59000, 61000, 61439, 62000, 70000)
    ]
    wires += [
        Wire(request_head("GET / HTTP/1.1", f"x-big: {'v' * n}"), f"a value of {n} bytes")
        for n in (59000, 61000, 61300, 61439, 62000, 70000, 120000)
    ]
    wires += [
        Wire(request_head("GET / HTTP/1.1", *(f"x-{i}: v" for i in range(n))), f"{n + 1} headers") for n in (98, 99, 100, 150)
    ]
    wires += [Wire(request_head("GET / HTTP/1.1", *(f"x-{i}: {'v' * 1000}" for i in range(61))), "61 headers of 1,000 bytes")]
    wires += [Wire(request_head("GET / HTTP/1.1", f"{'n' * n}: v"), f"a name of {n} bytes") for n in (5000, 61000, 62000)]
    wires += [
        Wire([request_head("GET / HTTP/1.1", f"x-big: {'v' * 30000}", f"x-big2: {'v' * 30000}")], "two values of 30,000 bytes")
    ]
    wires += [Wire(request_head(f"{'M' * 62000} / HTTP/1.1"), "a method of 62000 bytes")]
    return wires


SCENARIOS: list[Scenario] = [
    _s("request targets", _lines(*_TARGETS)),
    _s("request methods", [Wire(request_head(f"{m} / HTTP/1.1"), m[:40]) for m in _METHODS]),
    _s("request lines", _lines(*_VERSIONS)),
    _s("headers that only Envoy sets", [request_with(h) for h in _STRIPPED]),
    _s("schemes", [request_with(h) for h in _SCHEMES]),
    _s("hop-by-hop headers", [request_with(h) for h in _HOPS]),
    _s("upgrades that are not configured", [request_with(h) for h in _UPGRADES]),
    _s("names and values", [request_with(h) for h in _NAMES]),
    _s("hosts", [Wire(request_head("GET / HTTP/1.1", h, host=""), repr(h)[1:-1]) for h in _HOSTS] + [Wire(request_head(host=""), "no host")]),
    _s(
        "body lengths",
        [Wire(request_head("POST / HTTP/1.1", h) + (b"3\r\nabc\r\n0\r\n\r\n" if "transfer" in h else b"abc"), repr(h)[1:-1]) for h in _BODIES]
        + [Wire(request_head("GET / HTTP/1.1", h) + b"abc", "GET, " + h) for h in ("content-length: 3", "content-length: 0")]
        + [Wire(request_head("POST / HTTP/1.1"), "POST without a length"), Wire(request_head("GET / HTTP/1.1", "transfer-encoding: chunked") + b"3\r\nabc\r\n0\r\n\r\n", "GET with chunks")],
    ),
    _s("chunks", [Wire(request_head("POST / HTTP/1.1", "transfer-encoding: chunked") + c.encode("latin-1"), repr(c)[1:-1]) for c in _CHUNKED]),
    _s("sizes", _sizes(), "on_request_headers: get_header_map_size REQUEST_HEADERS\non_log: get_property response/code; get_property response/code_details; get_property response/flags"),
]  # fmt: skip
