"""The HTTP codecs: header maps to messages on the wire and back, on both sides.

Facts (Envoy 1.40, HTTP/1 unless said otherwise): towards the upstream pseudo-headers become the request line and `host`; a
body without content-length is chunked; a request without one gets `content-length: 0` unless its method never has a body.
Towards the client `transfer-encoding: chunked` or `content-length: 0` is added at the end if no header gives the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ....abi import Pair
from ....messages import Request, Response, to_text
from ..header_map import HeaderMap, ResponseHeaders

__all__ = [
    "BAD_VALUE",
    "TOKEN",
    "UpstreamResponse",
    "missing_response_header",
    "request_to_upstream",
    "response_from_upstream",
    "response_to_client",
    "upstream_header_problem",
]

#: A header name or method, and the bytes that a header value must not have.
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_LINE_END = re.compile(rb"\r\n|\r|\n")
_NO_BODY_METHODS = frozenset({b"GET", b"HEAD", b"DELETE", b"TRACE", b"CONNECT"})


# -- to the upstream ------------------------------------------------------------------------------------------------


def upstream_header_problem(headers: HeaderMap) -> str | None:
    """Return why the upstream's codec refuses request headers, in Envoy's words, or None if it accepts them."""
    if b":method" not in headers:
        return "missing required header: :method"
    for name, value in headers:
        plain = name[1:] if name[:1] == b":" else name
        if plain and not TOKEN.match(plain):
            return f"invalid header name: {to_text(name)}"
        if BAD_VALUE.search(value):
            return f"invalid header value for: {to_text(name)}"
    return None


def request_to_upstream(headers: HeaderMap, *, end: bool, http2: bool) -> Request:
    """Build the request that the upstream receives; body and trailers follow.

    Parameters
    ----------
    headers
        Request headers after the last filter.
    end
        The request has no body and no trailers.
    http2
        The upstream speaks HTTP/2.

    Returns
    -------
    Request
    """
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


class UpstreamResponse(NamedTuple):
    """A response as it arrives from the upstream.

    Attributes
    ----------
    headers
        Header map, `:status` included.
    chunks
        Chunks of the body; none if the response cannot have one.
    """

    headers: ResponseHeaders
    chunks: list[bytes]


def response_from_upstream(response: Response, *, head: bool, http2: bool) -> UpstreamResponse:
    """Build the header map and the body's chunks of a response, as an HTTP server would send them.

    An HTTP/1 server gives the length of the body: `content-length`, or `transfer-encoding: chunked` for a body in chunks or
    with trailers, before all other headers.

    Parameters
    ----------
    response
        The upstream's response.
    head
        The request's method was HEAD.
    http2
        The upstream speaks HTTP/2.

    Returns
    -------
    UpstreamResponse
    """
    headers = ResponseHeaders([(b":status", b"%d" % response.status)])
    bodiless_status = response.status in (204, 304) or response.status < 200
    names = {n for n, _ in response.headers.raw}
    chunked = response.chunks is not None or bool(len(response.trailers))
    if not http2 and not names & {b"content-length", b"transfer-encoding"} and not bodiless_status:
        if chunked:
            headers.add(b"transfer-encoding", b"chunked")
        else:
            headers.add(b"content-length", b"%d" % len(response.body))
    for name, value in response.headers.raw:
        headers.add(name, value)
    chunks = response.chunks if response.chunks is not None else [response.body]
    return UpstreamResponse(headers, [] if head or bodiless_status else [c for c in chunks if c])


# -- to the client --------------------------------------------------------------------------------------------------


def missing_response_header(headers: HeaderMap) -> str | None:
    """Return the problem with response headers that have passed the filters, in Envoy's words, or None."""
    status = headers.get(b":status")
    return None if status is not None and status.isdigit() else "missing required header: :status"


def _split_lines(name: bytes, value: bytes) -> Iterator[Pair]:
    """Iterate over the headers that an HTTP/1 client reads: Envoy does not check response values for line ends."""
    first, *rest = _LINE_END.split(value)
    yield name, first
    for line in rest:
        injected, colon, tail = line.partition(b":")
        if colon and TOKEN.match(injected):
            yield injected.lower(), tail.strip()


def response_to_client(headers: HeaderMap, *, end: bool, head: bool, http2: bool) -> Response:
    """Build the response that the client receives; body and trailers follow.

    Parameters
    ----------
    headers
        Response headers after the last filter.
    end
        The response has no body and no trailers.
    head
        The request's method was HEAD.
    http2
        The client speaks HTTP/2.

    Returns
    -------
    Response
    """
    status = int(headers.get(b":status") or 0)
    plain = [item for n, v in headers if n[:1] != b":" for item in ([(n, v)] if http2 else _split_lines(n, v))]
    if not http2 and not any(n == b"content-length" for n, _ in plain):
        if end:
            if not head and status >= 200 and status != 204:
                plain.append((b"content-length", b"0"))
        elif status != 204:
            plain.append((b"transfer-encoding", b"chunked"))
    response = Response(status)
    response.headers.raw = plain
    return response
