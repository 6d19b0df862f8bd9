"""Changes and checks of requests by the connection manager before the first filter, over HTTP/2."""

from ..scenario import Http2, Scenario, maker
from .wire import QUICK, SEE_REQUEST

_make = maker("wire http2")
_GET = {":method": "GET", ":path": "/", ":scheme": "http", ":authority": "h.test"}


def http2_request(
    *pairs: tuple[str, str],
    body: bytes | None = None,
    trailers: tuple = (),
    without: str = "",
    name: str = "",
    **pseudo: str,
) -> Http2:
    start = {**_GET, **{f":{k}": v for k, v in pseudo.items()}}
    start.pop(without, None)
    title = name or "; ".join(
        [
            *(f":{k}={v[:40]}" for k, v in pseudo.items()),
            *(f"{n[:40]}={v[:40]}" for n, v in pairs),
            *([f"no {without}"] if without else []),
        ]
    )
    return Http2([*start.items(), *pairs], body, trailers, title or "plain", wait=0.8)


def _s(name: str, steps: list[Http2], script: str = SEE_REQUEST, **options: object) -> Scenario:
    hcm = {**QUICK, **options.pop("hcm", {})}  # type: ignore[dict-item]
    return _make(name, steps, script, hcm=hcm, **options)


SCENARIOS: list[Scenario] = [
    _s("pseudo-headers", [
        http2_request(), *(http2_request(path=p) for p in ("path", "*", "", "http://o.test/p", "/a#b", "/a b", "/\xe4", "/../a", "/a\x01b", "?q")), *(http2_request(method=m) for m in ("get", "FOO", "OPTIONS", "HEAD", "G T", "", "QUERY", "M-SEARCH", "TRACE")),
        *(http2_request(scheme=s) for s in ("https", "ftp", "", "HTTP")), *(http2_request(authority=a) for a in ("a b", "", "H.TEST", "h.test:80", "a/b", "user@h")), *(http2_request(without=f":{w}") for w in ("path", "method", "scheme", "authority")),
        http2_request((":foo", "bar")), http2_request(("x-a", "1"), (":late", "2")), http2_request(method="CONNECT"), http2_request(method="CONNECT", without=":path"), http2_request(("host", "other")), http2_request(("host", "other"), without=":authority"), http2_request((":path", "/twice")),
        http2_request((":protocol", "websocket"), method="CONNECT"), http2_request((":authority", "twice")),
    ]),
    _s("names and values", [
        http2_request((n, "1")) for n in ("X-Upper", "x a", "x@a", "", "x_a", "x\xe4", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "expect", "x.a", "x\x00a", "x:a")
    ] + [http2_request(("x-a", v), name="x-a=" + repr(v)[1:-1]) for v in ("", " a ", "a\x00b", "a\nb", "a\rb", "a\x01b", "\xe4", "a\tb", "a\x7fb")] + [
        http2_request(("te", "trailers")), http2_request(("te", "gzip")), http2_request(("connection", "close")), http2_request(("cookie", "a=1"), ("x-b", "1"), ("cookie", "b=2")), http2_request(("x-a", "1"), ("x-a", "2")), http2_request(("user-agent", "a"), ("user-agent", "b")),
        http2_request(("content-length", "abc")), http2_request(("content-length", "0")), http2_request(("content-length", "3"), body=b"abc"), http2_request(("content-length", "5"), body=b"abc"), http2_request(("content-length", "2"), body=b"abc"), http2_request(("content-length", "3"), ("content-length", "3"), body=b"abc"), http2_request(("content-length", "-1"), body=b"abc"), http2_request(("transfer-encoding", "chunked"), body=b"abc"), http2_request(("expect", "100-continue"), body=b"abc"), http2_request(("upgrade", "websocket"), ("connection", "upgrade")),
        http2_request(body=b"abc", trailers=(("x-t", "1"),), name="trailers"),
    ]),
    _s("trailers that are none", [http2_request(body=b"abc", trailers=((":t", "1"),), name="a pseudo-header"), http2_request(body=b"abc", trailers=(("X-T", "1"),), name="upper case")], why_not="whether the upstream sees the beginning of a request that is reset in the same moment"),
    _s("headers that only Envoy sets", [http2_request(pair) for pair in (
        ("x-forwarded-client-cert", "By=a"), ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("x-forwarded-proto", "ftp"), ("x-forwarded-proto", ""), ("x-envoy-internal", "true"), ("x-envoy-retry-on", "5xx"), ("x-envoy-upstream-rq-timeout-ms", "100"), ("x-envoy-original-path", "/o"), ("x-envoy-attempt-count", "1"), ("x-request-id", "mine"),
    )]),
    _s("sizes", [http2_request(("x-a", "v" * 59000), name="59000"), http2_request(("x-a", "v" * 62000), name="62000"), http2_request(*((f"x-{n}", "v") for n in range(96)), name="100 headers"), http2_request(*((f"x-{n}", "v") for n in range(97)), name="101 headers"), http2_request(path="/" + "p" * 61439, name="path")], "on_log: get_property response/code; get_property response/code_details; get_property response/flags"),
    _s("use_remote_address", [http2_request(), http2_request(("x-forwarded-for", "1.2.3.4")), http2_request(("x-forwarded-proto", "https"))], hcm={"use_remote_address": True}),
    _s("framing of responses", [http2_request(path=p, method=m) for m in ("GET", "HEAD") for p in ("/chunked", "/nobody", "/204", "/frame/304", "/trailers", "/frame/204-length-0", "/frame/keep-alive")]),
    _s("stream_error_on_invalid_http_message", [http2_request(path="path"), http2_request(("x a", "1")), http2_request(method="G T")], hcm={"http2_protocol_options": {"override_stream_error_on_invalid_http_message": True}}),
]  # fmt: skip
