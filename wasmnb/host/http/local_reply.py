"""Headers and body of a local reply, which is a response created by the proxy itself.

In Envoy 1.40, the order of headers is `:status`, the filter's headers, content-length, content-type. A filter's `:status` is
ignored, its content-length is corrected, and its content-type is kept. Without a body, content-length and content-type are
omitted. The reply to a gRPC request (content-type `application/grpc` or `application/grpc+...`) has HTTP status 200, with the
gRPC status in the headers and the body as its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ...abi import Pair
from .header_map import HeaderMap, ResponseHeaderMap

__all__ = ["LocalReply", "ReplyContent", "build_local_reply", "grpc_status_of", "is_grpc"]

#: gRPC statuses by HTTP status (https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md).
_GRPC_OF_HTTP = {400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14}
_UNKNOWN = 2


class LocalReply(NamedTuple):
    """A local reply that is ready to be sent.

    Attributes
    ----------
    headers
        The headers, including `:status`.
    body
        The body, which is empty for a gRPC request.
    """

    headers: ResponseHeaderMap
    body: bytes


class ReplyContent(NamedTuple):
    """The parts of a local reply that the configuration of a route or connection manager can change.

    Attributes
    ----------
    status, body
        The HTTP status, and the body.
    content_type
        Content type of the body. If empty, the content type of the headers is used, or `text/plain` if there is none.
    """

    status: int
    body: bytes
    content_type: bytes = b""


def is_grpc(headers: HeaderMap | None) -> bool:
    """Return whether request headers have a gRPC content type. `headers` is None if they haven't arrived."""
    content_type = headers.get(b"content-type") if headers is not None else None
    return content_type is not None and (
        content_type == b"application/grpc" or content_type.startswith(b"application/grpc+")
    )


def grpc_status_of(code: int) -> int:
    """Return the gRPC status to which an HTTP status is mapped."""
    return 0 if code == 200 else _GRPC_OF_HTTP.get(code, _UNKNOWN)


def _percent_encode(text: bytes) -> bytes:
    """Encode a gRPC message as a header value. `%` and characters outside printable ASCII are written as %XX."""
    return b"".join(bytes((c,)) if 0x20 <= c <= 0x7E and c != 0x25 else b"%%%02X" % c for c in text)


def build_local_reply(
    code: int,
    body: bytes,
    headers: Iterable[Pair] = (),
    *,
    grpc_status: int | None = None,
    grpc: bool = False,
    change: Callable[[ResponseHeaderMap, ReplyContent], ReplyContent] | None = None,
) -> LocalReply:
    """Build the headers and body of a local reply.

    Parameters
    ----------
    code
        HTTP status.
    body
        The body. For a gRPC request, the message.
    headers
        Additional headers, in order (default none).
    grpc_status
        gRPC status for a gRPC request. By default (None), the status to which `code` is mapped.
    grpc
        Whether the reply is for a gRPC request (default False).
    change
        Function that changes headers, status and body according to the configuration (default none).

    Returns
    -------
    LocalReply
    """
    reply = ResponseHeaderMap([(b":status", b"%d" % code)])
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
