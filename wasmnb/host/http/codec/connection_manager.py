"""Envoy's HTTP connection manager: checks and changes of headers before the first filter and after the last.

Facts (Envoy 1.40): a request arrives with `:authority`, `:path`, `:method` and `:scheme`, then its headers, then
`x-forwarded-proto` and `x-request-id`; hop-by-hop headers and those that only Envoy may set are dropped. A response gets
`date` and `server`, and loses its hop-by-hop headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from email.utils import formatdate
from typing import NamedTuple

from ....abi import Pair
from ....abi.text import encode_text
from ....messages import Request, to_bytes
from ..header_map import HeaderMap, RequestHeaders
from .codec import BAD_VALUE, TOKEN

__all__ = ["Refusal", "check_request", "date_header", "finish_response_headers", "request_headers", "wants_close"]

#: Headers of a client that no filter sees: hop-by-hop ones, and those that only Envoy may set.
_DROPPED = frozenset(
    encode_text(name)
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

#: Headers of a response that the client does not get.
_NOT_TO_CLIENT = (b"connection", b"upgrade", b"transfer-encoding", b"keep-alive", b"proxy-connection")

#: Bytes and number of request headers that Envoy accepts.
MAX_HEADERS_BYTES, MAX_HEADERS = 60 * 1024, 100

_BAD_TARGET = re.compile(rb"[\x00-\x20\x7f]")


class Refusal(NamedTuple):
    """Envoy's response to a request that does not reach the filters.

    Attributes
    ----------
    status
        HTTP status.
    body
        Its body, maybe empty.
    """

    status: int
    body: bytes


# -- the request ----------------------------------------------------------------------------------------------------


def check_request(request: Request) -> Refusal | None:
    """Check a request before the first filter.

    Parameters
    ----------
    request
        The request as the client sent it.

    Returns
    -------
    Refusal or None
        None if the filters may see it.
    """
    size = sum(len(n) + len(v) for n, v in request.headers.raw)
    if size > MAX_HEADERS_BYTES or len(request.headers) > MAX_HEADERS:
        return Refusal(431, b"")
    bad_header = any(not TOKEN.match(n) or BAD_VALUE.search(v) for n, v in request.headers.raw)
    target = to_bytes(request.path)
    if not TOKEN.match(to_bytes(request.method)) or not target or _BAD_TARGET.search(target) or bad_header:
        return Refusal(400, b"Bad Request")
    return Refusal(400, b"") if b"#" in target or not request.authority else None


def wants_close(request: Request) -> bool:
    """Return whether an HTTP/1 client asks for the connection to be closed after the response."""
    values = [v for n, v in request.headers.raw if n in (b"connection", b"proxy-connection")]
    return any(token.strip() == b"close" for value in values for token in value.lower().split(b","))


def request_headers(request: Request, *, http2: bool, request_id: str, has_body: bool) -> RequestHeaders:
    """Build a request's header map as the first filter sees it.

    Parameters
    ----------
    request
        The request as the client sent it.
    http2
        The client speaks HTTP/2.
    request_id
        Value of `x-request-id` if the client sent none.
    has_body
        A body or trailers follow.

    Returns
    -------
    RequestHeaders
    """
    authority = to_bytes(request.headers.get("host") or request.authority)
    start = {
        b":authority": authority,
        b":path": to_bytes(request.path),
        b":method": to_bytes(request.method),
        b":scheme": to_bytes(request.scheme),
    }
    order = (b":method", b":path", b":scheme", b":authority") if http2 else tuple(start)
    headers = RequestHeaders((name, start[name]) for name in order)
    for name, value in _without_dropped(request.headers.raw, http2=http2):
        headers.add(name, value)
    if b"x-forwarded-proto" in headers:
        headers.put(b":scheme", headers.first[b"x-forwarded-proto"])
    sized = has_body and request.chunks is None and not len(request.trailers)
    if sized and not http2 and b"content-length" not in headers:
        headers.add(b"content-length", b"%d" % len(request.body))
    if b"x-forwarded-proto" not in headers:
        headers.add(b"x-forwarded-proto", to_bytes(request.scheme))
    if b"x-request-id" not in headers:
        headers.add(b"x-request-id", encode_text(request_id))
    return headers


def _without_dropped(items: Iterable[Pair], *, http2: bool) -> Iterator[Pair]:
    """Iterate over the client's headers that reach the filters. HTTP/2 joins cookies in one header at the end."""
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


# -- the response ---------------------------------------------------------------------------------------------------


def date_header(seconds: float) -> bytes:
    """Return the `date` header of a moment, given in seconds since 1970."""
    return encode_text(formatdate(seconds, usegmt=True))


def finish_response_headers(headers: HeaderMap, *, now: float, close: bool) -> None:
    """Change response headers after the last filter; access logs see the result.

    Parameters
    ----------
    headers
        The headers to change.
    now
        Wall-clock time in seconds since 1970.
    close
        Add `connection: close`.
    """
    if b"date" not in headers:
        headers.add(b"date", date_header(now))
    headers.put(b"server", b"envoy")
    for name in _NOT_TO_CLIENT:
        headers.remove(name)
    if close:
        headers.add(b"connection", b"close")
