"""The HTTP codecs, which convert between header maps and messages on the wire, towards the client and the upstream.

Over HTTP/1, Envoy 1.40 writes pseudo-headers to the upstream as the request line and `host`. A body without content-length is
chunked. A request without a body has `content-length: 0` unless its method never has a body. Towards the client,
`transfer-encoding: chunked` or `content-length: 0` is added after all headers if no header contains the length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

from ....abi import Pair
from ....abi.text import encode_text
from ....messages import Request, Response, to_text
from ....parsing.header_block import TOKEN, parse_header_lines
from ..header_map import HeaderMap, ResponseHeaderMap

__all__ = [
    "BAD_VALUE",
    "MAX_RESPONSE_HEADERS",
    "ClientResponse",
    "UpstreamResponse",
    "is_malformed",
    "missing_response_header",
    "reason_phrase",
    "request_to_upstream",
    "response_from_upstream",
    "response_to_client",
    "upstream_header_problem",
]

#: Pattern of bytes that a header value must not contain.
BAD_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

_LINE_END = re.compile(rb"\r\n|\r|\n")
#: Maximum number of headers, and maximum size of the head in bytes, that Envoy accepts from an upstream.
MAX_RESPONSE_HEADERS, MAX_RESPONSE_BYTES = 100, 80 * 1024
_PHRASES = {status.value: encode_text(status.phrase) for status in HTTPStatus} | {
    103: b"Unknown",
    413: b"Payload Too Large",
    414: b"URI Too Long",
    416: b"Range Not Satisfiable",
    418: b"Unknown",
    422: b"Unprocessable Entity",
    451: b"Unknown",
    599: b"Last Unassigned Server Error Code",
}
_NO_BODY_METHODS = frozenset({b"GET", b"HEAD", b"DELETE", b"TRACE", b"CONNECT"})


# -- to the upstream ------------------------------------------------------------------------------------------------


def upstream_header_problem(headers: HeaderMap) -> str | None:
    """Return Envoy's message about request headers that the upstream's codec rejects, or None if they are valid."""
    if b":method" not in headers:
        return "missing required header: :method"
    if headers.get(b":method") == b"CONNECT" and b":path" in headers:
        return "missing required header: :protocol"
    for name, value in headers:
        plain = name[1:] if name[:1] == b":" else name
        if plain and not TOKEN.fullmatch(plain):
            return f"invalid header name: {to_text(name)}"
        if BAD_VALUE.search(value):
            return f"invalid header value for: {to_text(name)}"
    return None


def request_to_upstream(headers: HeaderMap, *, end: bool, http2: bool, upgrade: bool = False) -> Request:
    """Convert request headers to the request that the upstream receives, without its body and trailers.

    Parameters
    ----------
    headers
        Request headers after the last filter.
    end
        Whether the request has neither body nor trailers.
    http2
        Whether the upstream uses HTTP/2.
    upgrade
        Whether the request asks to switch to another protocol (default False). Such a request has no body.

    Returns
    -------
    Request
        The request as a server reads it. Over HTTP/1, the path ends at the first space.
    """
    method, path = headers.get(b":method") or b"", headers.get(b":path") or b""
    plain = [(n, v if http2 else v.strip(b" \t")) for n, v in headers if n[:1] != b":"]
    sized = any(n == b"content-length" for n, _ in plain)
    if not http2 and not sized and not upgrade:
        if not end:
            plain.append((b"transfer-encoding", b"chunked"))
        elif method not in _NO_BODY_METHODS:
            plain.append((b"content-length", b"0"))
    if not http2:
        method, path = b" ".join((method, path, b"HTTP/1.1")).split(b" ", 2)[:2]
    request = Request(
        to_text(method), to_text(path), authority=to_text(headers.get(b":authority") or b""),
        scheme=to_text(headers.get(b":scheme") or b"http"),
    )  # fmt: skip
    request.headers.raw = plain
    return request


# -- from the upstream ----------------------------------------------------------------------------------------------


class UpstreamResponse(NamedTuple):
    """A response received from the upstream.

    Attributes
    ----------
    headers
        Header map, including `:status`.
    chunks
        Chunks of the body, or an empty list if the response can't have a body.
    """

    headers: ResponseHeaderMap
    chunks: list[bytes]


def response_from_upstream(response: Response, *, head: bool, http2: bool) -> UpstreamResponse:
    """Convert a response to a header map and chunks, as an HTTP server would send them.

    An HTTP/1 server sends the length of the body before all other headers: `content-length`, or `transfer-encoding: chunked`
    for a body in chunks or with trailers.

    Parameters
    ----------
    response
        The upstream's response.
    head
        Whether the request's method was HEAD.
    http2
        Whether the upstream uses HTTP/2.

    Returns
    -------
    UpstreamResponse
    """
    headers = ResponseHeaderMap([(b":status", b"%d" % response.status)])
    bodiless_status = response.status in (204, 304) or response.status < 200
    names = {n for n, _ in response.headers.raw}
    chunked = response.chunks is not None or bool(len(response.trailers))
    sized = bool(names & {b"content-length", b"transfer-encoding"}) or response.until_close
    if not http2 and not sized and not bodiless_status:
        if chunked:
            headers.add(b"transfer-encoding", b"chunked")
        else:
            headers.add(b"content-length", b"%d" % len(response.body))
    for name, value in response.headers.raw:
        headers.add(name, value.strip(b" \t"))
    if response.status == 204 and headers.get(b"content-length") == b"0":
        headers.remove(b"content-length")
    chunks = response.chunks if response.chunks is not None else [response.body]
    return UpstreamResponse(headers, [] if head or bodiless_status else _limited(chunks, headers, http2=http2))


def _limited(chunks: list[bytes], headers: HeaderMap, *, http2: bool) -> list[bytes]:
    """Return the chunks of a body up to its content-length. An HTTP/1 client doesn't read further bytes."""
    declared = headers.get(b"content-length")
    if http2 or declared is None or not declared.isdigit():
        return [chunk for chunk in chunks if chunk]
    read, left = [], int(declared)
    for chunk in chunks:
        part = chunk[:left]
        if part:
            read.append(part)
        left -= len(part)
    return read


def is_malformed(response: Response, headers: HeaderMap) -> bool:
    """Return whether Envoy's codec rejects an upstream's HTTP/1 response.

    Parameters
    ----------
    response
        The upstream's response.
    headers
        The response's header map.
    """
    raw = response.headers.raw
    lengths = [v.strip() for n, v in raw if n == b"content-length"]
    codings = [v for n, v in raw if n == b"transfer-encoding"]
    size = 17 + len(reason_phrase(response.status)) + sum(len(n) + len(v) + 4 for n, v in raw)
    if response.status < 100 or len(raw) > MAX_RESPONSE_HEADERS or size > MAX_RESPONSE_BYTES:
        return True
    if any(not TOKEN.fullmatch(n) or BAD_VALUE.search(v) for n, v in raw):
        return True
    if len(lengths) > 1 or any(not v.isdigit() or int(v) >= 1 << 64 for v in lengths):
        return True
    if codings and (lengths or len(codings) > 1 or codings[0].lower().strip() != b"chunked"):
        return True
    return response.status == 204 and bool(codings or headers.get(b"content-length"))


def reason_phrase(status: int) -> bytes:
    """Return the reason phrase for an HTTP status."""
    return _PHRASES.get(status, b"Unknown")


# -- to the client --------------------------------------------------------------------------------------------------


def missing_response_header(headers: HeaderMap) -> str | None:
    """Return Envoy's message about a required header that filters have removed, or None if none is missing."""
    status = headers.get(b":status")
    return None if status is not None and status.isdigit() else "missing required header: :status"


def _split_lines(name: bytes, value: bytes) -> Iterator[Pair]:
    """Split a header whose value contains line breaks into the headers that an HTTP/1 client reads.

    Envoy writes line breaks in values unchanged.
    """
    first, *rest = _LINE_END.split(value)
    yield name, first
    for injected, tail in parse_header_lines(rest) if rest else ():
        if TOKEN.fullmatch(injected):
            yield injected.lower(), tail.strip()


class ClientResponse(NamedTuple):
    """A response to send to the client.

    Attributes
    ----------
    response
        The response as received by the client, without its body and trailers.
    written
        The headers as written by Envoy, including line breaks in values.
    """

    response: Response
    written: list[Pair]


def response_to_client(
    headers: HeaderMap, *, end: bool, head: bool, protocol: str, upgraded: bool = False
) -> ClientResponse:
    """Convert response headers to the response that the client receives, without its body and trailers.

    Parameters
    ----------
    headers
        Response headers after the last filter.
    end
        Whether the response has neither body nor trailers.
    head
        Whether the request's method was HEAD.
    protocol
        Protocol of the client, such as `HTTP/1.1`.
    upgraded
        Whether the connection switches to another protocol (default False).

    Returns
    -------
    ClientResponse
    """
    status = int(headers.get(b":status") or 0)
    written = [(n, v) for n, v in headers if n[:1] != b":"]
    http2 = protocol == "HTTP/2"
    if not http2 and not upgraded:
        written += _framing(written, status, end=end, head=head, http10=protocol == "HTTP/1.0")
    response = Response(status)
    response.headers.raw = written if http2 else [item for n, v in written for item in _split_lines(n, v)]
    return ClientResponse(response, written)


def _framing(written: list[Pair], status: int, *, end: bool, head: bool, http10: bool) -> list[Pair]:
    """Return the header that contains the length of the body, or an empty list if it exists already or isn't allowed."""
    if any(n == b"content-length" for n, _ in written) or status < 200 or status == 204:
        return []
    if status == 304:
        return []
    if end and not head:
        return [(b"content-length", b"0")]
    return [] if http10 else [(b"transfer-encoding", b"chunked")]
