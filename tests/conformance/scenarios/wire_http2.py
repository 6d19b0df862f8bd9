"""Changes and checks of requests by the connection manager before the first filter, over HTTP/2."""

from ..scenario import Http2, Scenario, maker
from .wire import _QUICK, _SEE

_make = maker("wire http2")
_GET = {":method": "GET", ":path": "/", ":scheme": "http", ":authority": "h.test"}


def _h(
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


def _s(name: str, steps: list[Http2], script: str = _SEE, **options: object) -> Scenario:
    hcm = {**_QUICK, **options.pop("hcm", {})}  # type: ignore[dict-item]
    return _make(name, steps, script, hcm=hcm, **options)


SCENARIOS: list[Scenario] = [
    _s("pseudo-headers", [
        _h(), *(_h(path=p) for p in ("path", "*", "", "http://o.test/p", "/a#b", "/a b", "/\xe4", "/../a", "/a\x01b", "?q")), *(_h(method=m) for m in ("get", "FOO", "OPTIONS", "HEAD", "G T", "", "QUERY", "M-SEARCH", "TRACE")),
        *(_h(scheme=s) for s in ("https", "ftp", "", "HTTP")), *(_h(authority=a) for a in ("a b", "", "H.TEST", "h.test:80", "a/b", "user@h")), *(_h(without=f":{w}") for w in ("path", "method", "scheme", "authority")),
        _h((":foo", "bar")), _h(("x-a", "1"), (":late", "2")), _h(method="CONNECT"), _h(method="CONNECT", without=":path"), _h(("host", "other")), _h(("host", "other"), without=":authority"), _h((":path", "/twice")),
        _h((":protocol", "websocket"), method="CONNECT"), _h((":authority", "twice")),
    ]),
    _s("names and values", [
        _h((n, "1")) for n in ("X-Upper", "x a", "x@a", "", "x_a", "x\xe4", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te", "expect", "x.a", "x\x00a", "x:a")
    ] + [_h(("x-a", v), name="x-a=" + repr(v)[1:-1]) for v in ("", " a ", "a\x00b", "a\nb", "a\rb", "a\x01b", "\xe4", "a\tb", "a\x7fb")] + [
        _h(("te", "trailers")), _h(("te", "gzip")), _h(("connection", "close")), _h(("cookie", "a=1"), ("x-b", "1"), ("cookie", "b=2")), _h(("x-a", "1"), ("x-a", "2")), _h(("user-agent", "a"), ("user-agent", "b")),
        _h(("content-length", "abc")), _h(("content-length", "0")), _h(("content-length", "3"), body=b"abc"), _h(("content-length", "5"), body=b"abc"), _h(("content-length", "2"), body=b"abc"), _h(("content-length", "3"), ("content-length", "3"), body=b"abc"), _h(("content-length", "-1"), body=b"abc"), _h(("transfer-encoding", "chunked"), body=b"abc"), _h(("expect", "100-continue"), body=b"abc"), _h(("upgrade", "websocket"), ("connection", "upgrade")),
        _h(body=b"abc", trailers=(("x-t", "1"),), name="trailers"),
    ]),
    _s("trailers that are none", [_h(body=b"abc", trailers=((":t", "1"),), name="a pseudo-header"), _h(body=b"abc", trailers=(("X-T", "1"),), name="upper case")], why_not="whether the upstream sees the beginning of a request that is reset in the same moment"),
    _s("headers that only Envoy sets", [_h(pair) for pair in (
        ("x-forwarded-client-cert", "By=a"), ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https"), ("x-forwarded-proto", "ftp"), ("x-forwarded-proto", ""), ("x-envoy-internal", "true"), ("x-envoy-retry-on", "5xx"), ("x-envoy-upstream-rq-timeout-ms", "100"), ("x-envoy-original-path", "/o"), ("x-envoy-attempt-count", "1"), ("x-request-id", "mine"),
    )]),
    _s("sizes", [_h(("x-a", "v" * 59000), name="59000"), _h(("x-a", "v" * 62000), name="62000"), _h(*((f"x-{n}", "v") for n in range(96)), name="100 headers"), _h(*((f"x-{n}", "v") for n in range(97)), name="101 headers"), _h(path="/" + "p" * 61439, name="path")], "on_log: get_property response/code; get_property response/code_details; get_property response/flags"),
    _s("use_remote_address", [_h(), _h(("x-forwarded-for", "1.2.3.4")), _h(("x-forwarded-proto", "https"))], hcm={"use_remote_address": True}),
    _s("framing of responses", [_h(path=p, method=m) for m in ("GET", "HEAD") for p in ("/chunked", "/nobody", "/204", "/frame/304", "/trailers", "/frame/204-length-0", "/frame/keep-alive")]),
    _s("stream_error_on_invalid_http_message", [_h(path="path"), _h(("x a", "1")), _h(method="G T")], hcm={"http2_protocol_options": {"override_stream_error_on_invalid_http_message": True}}),
]  # fmt: skip
