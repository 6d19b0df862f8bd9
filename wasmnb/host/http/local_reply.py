"""Headers and body of a local reply: a response that the proxy makes itself.

Facts (Envoy 1.40): the order of headers is `:status`, the filter's own, content-length, content-type; a filter's
`:status` is ignored, its content-length corrected, its content-type kept. Without a body there is neither. A gRPC request
(content-type `application/grpc` or `application/grpc+...`) gets HTTP 200 with the status in headers and the body as
message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ...abi import Pair
from .header_map import HeaderMap, ResponseHeaders

__all__ = ["LocalReply", "ReplyContent", "build_local_reply", "grpc_status_of", "is_grpc"]

#: HTTP status -> gRPC status (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
_GRPC_OF_HTTP = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_UNKNOWN = 2


class LocalReply(NamedTuple):
    """A local reply.

    Attributes
    ----------
    headers
        Its headers, `:status` included.
    body
        Its body; empty for a gRPC request.
    """

    headers: ResponseHeaders
    body: bytes


class ReplyContent(NamedTuple):
    """Changes of a local reply by the configuration of a route or connection manager.

    Attributes
    ----------
    status, body
        The HTTP status, and the body.
    content_type
        Content type of the body; empty for that of the headers, or `text/plain`.
    """

    status: int
    body: bytes
    content_type: bytes = b""


def is_grpc(headers: HeaderMap | None) -> bool:
    """Return whether request headers have a gRPC content type; False for None."""
    content_type = headers.get(b"content-type") if headers is not None else None
    return content_type is not None and (
        content_type == b"application/grpc" or content_type.startswith(b"application/grpc+")
    )


def grpc_status_of(code: int) -> int:
    """Return the gRPC status for an HTTP status."""
    return 0 if code == 200 else _GRPC_OF_HTTP.get(code, _UNKNOWN)


def _percent_encode(text: bytes) -> bytes:
    """Return a gRPC message as header value: everything outside printable ASCII, and `%`, as %XX."""
    return b"".join(bytes((c,)) if 0x20 <= c <= 0x7E and c != 0x25 else b"%%%02X" % c for c in text)


def build_local_reply(
    code: int,
    body: bytes,
    headers: Iterable[Pair] = (),
    *,
    grpc_status: int | None = None,
    grpc: bool = False,
    change: Callable[[ResponseHeaders, ReplyContent], ReplyContent] | None = None,
) -> LocalReply:
    """Build a local reply.

    Parameters
    ----------
    code
        HTTP status.
    body
        The body, or the message for a gRPC request.
    headers
        More headers, in order (default none).
    grpc_status
        gRPC status; None (the default) for the one that `code` maps to. Used only with `grpc`.
    grpc
        Write it for a gRPC request (default False).
    change
        Changes headers, status and body as the configuration says (default None).

    Returns
    -------
    LocalReply
    """
    reply = ResponseHeaders([(b":status", b"%d" % code)])
    for name, value in headers:
        reply.add(name.lower(), value)
    reply.put(b":status", b"%d" % code)
    content_type = b"text/plain"
    if change is not None:
        code, body, other_type = change(reply, ReplyContent(code, body))
        reply.put(b":status", b"%d" % code)
        if other_type:
            content_type = other_type
            reply.remove(b"content-type")
    if grpc:
        reply.put(b":status", b"200")
        reply.put(b"content-type", b"application/grpc")
        reply.put(b"grpc-status", b"%d" % (grpc_status_of(code) if grpc_status is None else grpc_status))
        if body:
            reply.put(b"grpc-message", _percent_encode(body))
        reply.remove(b"content-length")
        return LocalReply(reply, b"")
    if body:
        reply.put(b"content-length", b"%d" % len(body))
        if b"content-type" not in reply:
            reply.add(b"content-type", content_type)
    else:
        reply.remove(b"content-length")
        reply.remove(b"content-type")
    return LocalReply(reply, body)
