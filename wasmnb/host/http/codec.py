"""Between messages and header maps: what the HTTP codecs of either side add, drop and refuse.

Facts (Envoy 1.40, HTTP/1 on both sides unless said otherwise): a request arrives with `:authority`, `:path`, `:method`
and `:scheme`, then its headers, then `x-forwarded-proto` and `x-request-id`; hop-by-hop headers are gone. Towards the
upstream pseudo-headers become the request line and `host`; a body without content-length is chunked; a request without
one gets `content-length: 0` unless its method never has a body. Towards the client `date` and `server` are added, and at
the end `transfer-encoding: chunked` or `content-length: 0` if nothing says how long the body is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.utils import formatdate

from ...abi import Pair
from ...messages import Request, Response, to_bytes, to_text
from .header_map import HeaderMap, RequestHeaders, ResponseHeaders

__all__ = [
    "client_closes",
    "client_problem",
    "date_header",
    "from_client",
    "from_upstream",
    "missing_header",
    "refused_by_upstream",
    "to_client",
    "to_upstream",
]

#: Headers of a client that no filter sees: hop-by-hop ones, and those that only Envoy may set.
_DROPPED = frozenset(
    name.encode()
    for name in [
        "connection",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-force-trace",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-internal",
        "x-envoy-ip-tags",
        "x-envoy-max-retries",
        "x-envoy-retriable-header-names",
        "x-envoy-retriable-status-codes",
        "x-envoy-retry-grpc-on",
        "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-rq-timeout-ms",
    ]
)
_NOT_TO_CLIENT = (b"connection", b"upgrade", b"transfer-encoding", b"keep-alive", b"proxy-connection")
_NO_BODY_METHODS = frozenset({b"GET", b"HEAD", b"DELETE", b"TRACE", b"CONNECT"})

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

#: Bytes and number of request headers that Envoy takes.
MAX_HEADERS_BYTES, MAX_HEADERS = 60 * 1024, 100


# -- from the client ------------------------------------------------------------------------------------------------


def client_problem(request: Request) -> tuple[int, bytes] | None:
    """Status and body of Envoy's answer to a request that never gets to the filters, or None."""
    size = sum(len(n) + len(v) for n, v in request.headers.raw)
    if size > MAX_HEADERS_BYTES or len(request.headers) > MAX_HEADERS:
        return 431, b""
    bad_header = any(not _TOKEN.match(n) or _BAD_VALUE.search(v) for n, v in request.headers.raw)
    target = to_bytes(request.path)
    if not _TOKEN.match(to_bytes(request.method)) or not target or re.search(rb"[\x00-\x20\x7f]", target) or bad_header:
        return 400, b"Bad Request"
    return (400, b"") if b"#" in target or not request.authority else None


def client_closes(request: Request) -> bool:
    """Whether a client of HTTP/1 wants the connection closed after the answer."""
    told = [v for n, v in request.headers.raw if n in (b"connection", b"proxy-connection")]
    return any(token.strip() == b"close" for value in told for token in value.lower().split(b","))


def from_client(request: Request, *, http2: bool, request_id: str, has_body: bool) -> RequestHeaders:
    """A request's header map as the first filter sees it."""
    authority = to_bytes(request.headers.get("host") or request.authority)
    start = {
        b":authority": authority,
        b":path": to_bytes(request.path),
        b":method": to_bytes(request.method),
        b":scheme": to_bytes(request.scheme),
    }
    order = (b":method", b":path", b":scheme", b":authority") if http2 else tuple(start)
    headers = RequestHeaders((name, start[name]) for name in order)
    for name, value in _kept(request.headers.raw, http2=http2):
        headers.add(name, value)
    if b"x-forwarded-proto" in headers:
        headers.put(b":scheme", headers.first[b"x-forwarded-proto"])
    sized = has_body and request.chunks is None and not len(request.trailers)
    if sized and not http2 and b"content-length" not in headers:
        headers.add(b"content-length", b"%d" % len(request.body))
    if b"x-forwarded-proto" not in headers:
        headers.add(b"x-forwarded-proto", to_bytes(request.scheme))
    if b"x-request-id" not in headers:
        headers.add(b"x-request-id", request_id.encode())
    return headers


def _kept(items: Iterable[Pair], *, http2: bool) -> Iterator[Pair]:
    """Headers of a client that reach the filters. HTTP/2 gathers cookies into one header at the end."""
    pairs = list(items)
    named = b",".join(v for n, v in pairs if n == b"connection").lower().split(b",")
    dropped = _DROPPED | {token.strip() for token in named}
    cookies = [v for n, v in pairs if n == b"cookie"] if http2 else []
    for name, value in pairs:
        if name == b"te":
            if b"trailers" in value.lower():
                yield name, b"trailers"
        elif name not in dropped and name[:1] != b":" and not (cookies and name == b"cookie"):
            yield name, value
    if cookies:
        yield b"cookie", b"; ".join(cookies)


# -- to the upstream ------------------------------------------------------------------------------------------------


def refused_by_upstream(headers: HeaderMap) -> str | None:
    """What the upstream's codec says against request headers, or None."""
    if b":method" not in headers:
        return "missing required header: :method"
    for name, value in headers:
        plain = name[1:] if name[:1] == b":" else name
        if plain and not _TOKEN.match(plain):
            return f"invalid header name: {to_text(name)}"
        if _BAD_VALUE.search(value):
            return f"invalid header value for: {to_text(name)}"
    return None


def to_upstream(headers: HeaderMap, *, end: bool, http2: bool) -> Request:
    """The request as the upstream receives it; body and trailers follow."""
    method = headers.get(b":method") or b""
    plain = [(n, v) for n, v in headers if n[:1] != b":"]
    sized = any(n == b"content-length" for n, _ in plain)
    if not http2 and not sized:
        if not end:
            plain.append((b"transfer-encoding", b"chunked"))
        elif method not in _NO_BODY_METHODS:
            plain.append((b"content-length", b"0"))
    request = Request(
        to_text(method), to_text(headers.get(b":path") or b""), authority=to_text(headers.get(b":authority") or b""),
        scheme=to_text(headers.get(b":scheme") or b"http"),
    )  # fmt: skip
    request.headers.raw = plain
    return request


# -- from the upstream ----------------------------------------------------------------------------------------------


def from_upstream(answer: Response, *, head: bool, http2: bool) -> tuple[ResponseHeaders, list[bytes]]:
    """Header map and body pieces of an answer, as an HTTP server would send them.

    Over HTTP/1 the server says how long the body is: `content-length`, or `transfer-encoding: chunked` for a body in chunks or with
    trailers, before all other headers.
    """
    headers = ResponseHeaders([(b":status", b"%d" % answer.status)])
    never = answer.status in (204, 304) or answer.status < 200
    bodiless = head or never
    told = {n for n, _ in answer.headers.raw}
    in_pieces = answer.chunks is not None or bool(len(answer.trailers))
    if not http2 and not told & {b"content-length", b"transfer-encoding"} and not never:
        if in_pieces:
            headers.add(b"transfer-encoding", b"chunked")
        else:
            headers.add(b"content-length", b"%d" % len(answer.body))
    for name, value in answer.headers.raw:
        headers.add(name, value)
    pieces = answer.chunks if answer.chunks is not None else [answer.body]
    return headers, [] if bodiless else [p for p in pieces if p]


# -- to the client --------------------------------------------------------------------------------------------------


def missing_header(headers: HeaderMap) -> str | None:
    """What is wrong with response headers that have passed the filters, or None."""
    status = headers.get(b":status")
    return None if status is not None and status.isdigit() else "missing required header: :status"


def date_header(seconds: float) -> bytes:
    """The `date` header of a moment."""
    return formatdate(seconds, usegmt=True).encode()


def finish_headers(headers: HeaderMap, *, now: float, close: bool) -> None:
    """What the connection manager does to response headers last; access logs see the result."""
    if b"date" not in headers:
        headers.add(b"date", date_header(now))
    headers.put(b"server", b"envoy")
    for name in _NOT_TO_CLIENT:
        headers.remove(name)
    if close:
        headers.add(b"connection", b"close")


def _on_the_wire(name: bytes, value: bytes) -> Iterator[Pair]:
    """A header as a client of HTTP/1 reads it: Envoy does not look for line ends in response values."""
    first, *rest = re.split(rb"\r\n|\r|\n", value)
    yield name, first
    for line in rest:
        injected, colon, what = line.partition(b":")
        if colon and _TOKEN.match(injected):
            yield injected.lower(), what.strip()


def to_client(headers: HeaderMap, *, end: bool, head: bool, http2: bool) -> Response:
    """The response as the client receives it; body and trailers follow."""
    status = int(headers.get(b":status") or 0)
    plain = [item for n, v in headers if n[:1] != b":" for item in ([(n, v)] if http2 else _on_the_wire(n, v))]
    if not http2 and not any(n == b"content-length" for n, _ in plain):
        if end:
            if not head and status >= 200 and status != 204:
                plain.append((b"content-length", b"0"))
        elif status != 204:
            plain.append((b"transfer-encoding", b"chunked"))
    response = Response(status)
    response.headers.raw = plain
    return response
