"""The upstream of the scenarios: one handler for both proxies, so that both get the same responses.

The path selects the response. For `/` and unknown paths, it is 200 "hello". The names of the other paths
describe their responses.
"""

from collections.abc import Sequence
from typing import Any

from wasmnb.host.clusters.raw_response import RawResponse
from wasmnb.messages import Headers, Request, Response

from .raw_responses import RAW_RESPONSES

SLOW = 0.5  # seconds


class Responses:
    """The handler of one scenario. `/seq/503,200` answers its first request with 503 and every later one with 200.

    An entry may also be `slow` (200 after half a second), `close` (closed without a response), `cut` (closed in the body), or
    a status with headers: `200;x-envoy-overloaded=1`.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def __call__(self, request: Request) -> Response:
        path = request.path.split("?")[0]
        raw = RAW.get(path) or ODD.get(path, RAW_RESPONSES.get(path))
        if raw is not None:
            return RawResponse(raw)
        if not path.startswith("/seq/"):
            return handler(request)
        entries = path.removeprefix("/seq/").split("/")[0].split(",")
        number = self._counts[path] = self._counts.get(path, -1) + 1
        return _entry(request, entries[min(number, len(entries) - 1)], number + 1)


def _entry(request: Request, entry: str, number: int) -> Response:
    status, *extra = entry.split(";")
    if status in ("slow", "close", "cut"):
        return {"slow": _slow, "close": lambda r: Response(0), "cut": _cut}[status](request)
    body = f"answer {number}".encode()
    headers = [("content-length", str(len(body))), *(tuple(e.split("=", 1)) for e in extra)]
    return Response(int(status), Headers(headers), body)


def handler(request: Request) -> Response:
    """Return the response for a request's path."""
    path = request.path.split("?")[0]
    if path.startswith("/big="):
        return _plain(b"z" * int(path.removeprefix("/big=")))
    if path.startswith("/status="):
        return Response(int(path.removeprefix("/status=")), Headers([("content-length", "2")]), b"st")
    if path.startswith("/latency="):
        return Response(200, Headers([("content-length", "4")]), b"slow", latency=float(path.removeprefix("/latency=")))
    make = _RESPONSES.get(path) or FRAMES.get(path)
    return make(request) if make else Response(200, Headers([("content-length", "5"), ("x-up", "1")]), b"hello")


def early(request: Request) -> Response | None:
    """Return a response before the body has arrived, or None."""
    if request.path == "/early":
        return Response(200, Headers([("content-length", "5"), ("connection", "close")]), b"early")
    return None


def _plain(body: bytes, *headers: tuple[str, str]) -> Response:
    return Response(200, Headers([("content-length", str(len(body))), *headers]), body)


def _chunks(request: Request) -> Response:
    chunks = [b"aaaa", b"bbbb", b"cccc"]
    return Response(200, Headers([("transfer-encoding", "chunked"), ("x-up", "1")]), chunks=chunks)


def _trailers(request: Request) -> Response:
    headers = Headers([("transfer-encoding", "chunked"), ("x-up", "1"), ("trailer", "x-tr")])
    return Response(200, headers, chunks=[b"aaaa"], trailers=Headers([("x-tr", "tval")]))


def _cut(request: Request) -> Response:
    return Response(200, Headers([("content-length", "100")]), b"abcde", reset=True)


def _slow(request: Request) -> Response:
    return Response(200, Headers([("content-length", "4")]), b"slow", latency=SLOW)


def _duplicates(request: Request) -> Response:
    return _plain(b"ok", ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("x-dup", "one"), ("x-dup", "two"))


_RESPONSES = {
    "/chunked": _chunks,
    "/trailers": _trailers,
    "/nobody": lambda r: Response(200, Headers([("content-length", "0")])),
    "/204": lambda r: Response(204),
    "/close": lambda r: Response(0),
    "/rstmid": _cut,
    "/slow": _slow,
    "/later": lambda r: Response(200, Headers([("content-length", "5")]), b"later", latency=0.1),
    "/dup": _duplicates,
}


def _framed(status: int, body: bytes = b"", headers: Sequence[tuple[str, str]] = (), **options: Any) -> Any:
    return lambda r: Response(status, Headers(headers), body, **options)


_CHUNKED = ("transfer-encoding", "chunked")

#: Responses that test the framing or the size of bodies.
FRAMES = {
    "/frame/chunks-empty": _framed(200, headers=[_CHUNKED], chunks=[]),
    "/frame/length-0": _framed(200, headers=[("content-length", "0")]),
    "/frame/204-length-0": _framed(204, headers=[("content-length", "0")]),
    "/frame/204-length-5": _framed(204, headers=[("content-length", "5")]),
    "/frame/204-chunked": _framed(204, headers=[_CHUNKED]),
    "/frame/205": _framed(205, headers=[("content-length", "0")]),
    "/frame/304": _framed(304, headers=[("etag", '"a"')]),
    "/frame/304-length-5": _framed(304, headers=[("content-length", "5"), ("etag", '"a"')]),
    "/frame/304-length-0": _framed(304, headers=[("content-length", "0")]),
    "/frame/304-chunked": _framed(304, headers=[_CHUNKED]),
    "/frame/keep-alive": _framed(200, b"ka", [("content-length", "2"), ("keep-alive", "timeout=5"), ("connection", "keep-alive")]),
    "/frame/hop-by-hop": _framed(
        200, b"hop",
        [("content-length", "3"), ("connection", "x-hop, keep-alive"), ("x-hop", "1"), ("proxy-connection", "keep-alive"),
         ("te", "trailers"), ("trailer", "x-t"), ("upgrade", "h2c"), ("proxy-authenticate", "Basic"), ("via", "1.1 up")],
    ),
    "/frame/length-abc": _framed(200, b"abc", [("content-length", "abc")]),
    "/frame/length-minus": _framed(200, b"abc", [("content-length", "-1")]),
    "/frame/length-plus": _framed(200, b"abc", [("content-length", "+3")]),
    "/frame/length-huge": _framed(200, b"abc", [("content-length", "99999999999999999999999")]),
    "/frame/length-twice": _framed(200, b"abc", [("content-length", "3"), ("content-length", "3")]),
    "/frame/length-two-values": _framed(200, b"abc", [("content-length", "3"), ("content-length", "4")]),
    "/frame/length-list": _framed(200, b"abc", [("content-length", "3, 3")]),
    "/frame/length-empty": _framed(200, b"abc", [("content-length", "")]),
    "/frame/length-short": _framed(200, b"abcdef", [("content-length", "3")]),
    "/frame/headers-100": _framed(200, b"ok", [("content-length", "2"), *((f"x-{n}", "v") for n in range(99))]),
    "/frame/headers-101": _framed(200, b"ok", [("content-length", "2"), *((f"x-{n}", "v") for n in range(100))]),
    "/frame/headers-60k": _framed(200, b"ok", [("content-length", "2"), ("x-big", "v" * 61000)]),
    "/frame/headers-79k": _framed(200, b"ok", [("content-length", "2"), ("x-big", "v" * 79000)]),
    "/frame/headers-82k": _framed(200, b"ok", [("content-length", "2"), ("x-big", "v" * 82000)]),
    "/frame/headers-82k-in-many": _framed(200, b"ok", [("content-length", "2"), *((f"x-{n}", "v" * 1000) for n in range(82))]),
    "/frame/trailers-101": _framed(200, headers=[_CHUNKED], chunks=[b"a"], trailers=[(f"x-{n}", "v") for n in range(101)]),
    "/frame/name-empty": _framed(200, b"ok", [("content-length", "2"), ("", "v")]),
    "/frame/name-blank": _framed(200, b"ok", [("content-length", "2"), ("x y", "v")]),
    "/frame/name-colon": _framed(200, b"ok", [("content-length", "2"), (":status", "500")]),
    "/frame/name-underscore": _framed(200, b"ok", [("content-length", "2"), ("x_y", "v")]),
    "/frame/name-bad": _framed(200, b"ok", [("content-length", "2"), ("x@y", "v")]),
    "/frame/value-nul": _framed(200, b"ok", [("content-length", "2"), ("x-v", "a\0b")]),
    "/frame/value-control": _framed(200, b"ok", [("content-length", "2"), ("x-v", "a\x01b")]),
    "/frame/value-tab": _framed(200, b"ok", [("content-length", "2"), ("x-v", "a\tb")]),
    "/frame/value-del": _framed(200, b"ok", [("content-length", "2"), ("x-v", "a\x7fb")]),
    "/frame/value-latin": _framed(200, b"ok", [("content-length", "2"), ("x-v", "a\xe9b")]),
    "/frame/value-blanks": _framed(200, b"ok", [("content-length", "2"), ("x-v", "  a  b\t ")]),
    "/frame/value-empty": _framed(200, b"ok", [("content-length", "2"), ("x-v", "")]),
    "/frame/status-99": _framed(99, b"ok", [("content-length", "2")]),
    "/frame/status-600": _framed(600, b"ok", [("content-length", "2")]),
    "/frame/status-999": _framed(999, b"ok", [("content-length", "2")]),
    "/frame/status-1000": _framed(1000, b"ok", [("content-length", "2")]),
    "/frame/status-101": _framed(101, headers=[("upgrade", "websocket"), ("connection", "upgrade")]),
    "/frame/status-100": _framed(100),
    "/frame/status-103": _framed(103, headers=[("link", "</a>")]),
    "/frame/names-case": _framed(200, b"ok", [("Content-Length", "2"), ("X-MiXed", "CaSe"), ("Server", "up"), ("Date", "d")]),
    "/frame/own-server": _framed(200, b"ok", [("content-length", "2"), ("server", "mine"), ("date", "then"), ("x-envoy-upstream-service-time", "99")]),
    "/frame/envoy-headers": _framed(
        200, b"ok",
        [("content-length", "2"), ("x-envoy-overloaded", "true"), ("x-envoy-degraded", ""), ("x-envoy-canary", "1"),
         ("x-envoy-upstream-canary", "true"), ("x-envoy-ratelimited", "true"), ("x-envoy-immediate-health-check-fail", "true"),
         ("x-envoy-decorator-operation", "op"), ("x-envoy-attempt-count", "7"), ("x-request-id", "up"), ("x-envoy-upstream-healthchecked-cluster", "c")],
    ),
}  # fmt: skip

#: Raw responses that the helpers above can't build.
RAW = {
    "/raw/101": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nhello",
    "/raw/garbage": b"GARBAGE\r\n\r\n",
    "/raw/http-1.0": b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/raw/http-1.0-close": b"HTTP/1.0 200 OK\r\n\r\nto the end",
    "/raw/http-2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/raw/te-identity": b"HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\ncontent-length: 2\r\n\r\nok",
    "/raw/te-gzip-chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "/raw/te-unknown": b"HTTP/1.1 200 OK\r\ntransfer-encoding: xyz\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "/raw/te-and-length": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "/raw/until-close": b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nuntil close",
    "/raw/no-reason": b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok",
    "/raw/status-abc": b"HTTP/1.1 abc OK\r\ncontent-length: 2\r\n\r\nok",
    "/raw/lf-only": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nok",
    "/raw/no-colon": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nnocolon\r\n\r\nok",
    "/raw/folded": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-v: a\r\n b\r\n\r\nok",
    "/raw/blank-before-colon": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-v : a\r\n\r\nok",
    "/raw/bad-chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
    "/raw/chunk-extension": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
    "/raw/100-then-200": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/raw/103-then-200": b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/raw/body-for-head": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/raw/204-body": b"HTTP/1.1 204 No Content\r\n\r\nok",
    "/raw/more-than-length": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokEXTRA",
}

#: Responses that are almost valid.
ODD = {
    "/odd/two-blanks": b"HTTP/1.1  200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/lower-case": b"http/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/blank-line-first": b"\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/length-with-blank": b"HTTP/1.1 200 OK\r\ncontent-length: 2 \r\nx-v: \r\n\r\nok",
    "/odd/te-twice": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "/odd/short-close": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nok",
    "/odd/chunk-close": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nok",
    "/odd/chunk-overflow": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nok\r\n0\r\n\r\n",
    "/odd/no-last-crlf": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n",
    "/odd/bad-trailer": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx t: 1\r\n\r\n",
    "/odd/trailer-length": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ncontent-length: 9\r\nx-t: 1\r\n\r\n",
    "/odd/two-100": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\nx-a: 1\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/102": b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/reason-nul": b"HTTP/1.1 200 O\0K\r\ncontent-length: 2\r\n\r\nok",
    "/odd/reason-latin": b"HTTP/1.1 200 \xe4\r\ncontent-length: 2\r\n\r\nok",
    "/odd/100-only": b"HTTP/1.1 100 Continue\r\n\r\n",
    "/odd/status-00200": b"HTTP/1.1 00200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/minus": b"HTTP/1.1 -200 OK\r\ncontent-length: 2\r\n\r\nok",
    "/odd/head-only": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n",
    "/odd/nothing": b"",
    "/odd/te-http-1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "/odd/204-length": b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n",
    "/odd/304-chunked": b"HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\netag: a\r\n\r\n",
    "/odd/205-body": b"HTTP/1.1 205 Reset Content\r\ncontent-length: 2\r\n\r\nok",
    "/odd/lf-in-value": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-v: a\nx-w: b\r\n\r\nok",
    "/odd/connection-close": b"HTTP/1.1 200 OK\r\nconnection: close, x-h\r\nx-h: 1\r\ncontent-length: 2\r\n\r\nok",
    "/odd/keep-alive-1.0": b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok",
    "/odd/set-cookies": b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\ncontent-length: 2\r\ncontent-type: a\r\ncontent-type: b\r\n\r\nok",
    "/odd/upgrade-200": b"HTTP/1.1 200 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nok",
}
