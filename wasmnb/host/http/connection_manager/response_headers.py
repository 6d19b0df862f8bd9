"""Changes of response headers by the connection manager after the last filter.

In Envoy 1.40, `date` and `server` are added, and hop-by-hop headers are removed. `x-request-id` is sent back if the request has
`x-envoy-force-trace`, or always with `always_set_request_id_in_response`. Access logs contain the changed headers.
"""

from __future__ import annotations

from email.utils import formatdate

from ....abi.text import encode_text
from ..header_map import HeaderMap
from .manager import HttpConnectionManager

__all__ = ["date_header", "finish_response_headers"]

#: Headers to remove from a response. The first two are kept for an upgrade.
_NOT_TO_CLIENT = (b"connection", b"upgrade", b"transfer-encoding", b"proxy-connection")


def date_header(seconds: float) -> bytes:
    """Return the value of the `date` header for a time in seconds since 1970."""
    return encode_text(formatdate(seconds, usegmt=True))


def finish_response_headers(
    headers: HeaderMap,
    request: HeaderMap | None,
    manager: HttpConnectionManager,
    *,
    now: float,
    upgraded: bool,
    http2: bool,
) -> None:
    """Change response headers after the last filter.

    Parameters
    ----------
    headers
        The headers to change.
    request
        The request's headers, or None if they couldn't be read.
    manager
        Options of the connection manager.
    now
        Wall-clock time in seconds since 1970.
    upgraded
        Whether the connection switches to another protocol.
    http2
        Whether the client uses HTTP/2.
    """
    if b"date" not in headers:
        headers.add(b"date", date_header(now))
    transformation = manager.server_header_transformation
    if transformation == "OVERWRITE" or (transformation == "APPEND_IF_ABSENT" and b"server" not in headers):
        headers.put(b"server", encode_text(manager.server_name))
    for name in _NOT_TO_CLIENT[2 * (upgraded and not http2) :]:
        headers.remove(name)
    if http2:
        headers.remove(b"keep-alive")
        if upgraded:
            headers.put(b":status", b"200")
    request_id = request.get(b"x-request-id") if request is not None else None
    traced = request is not None and b"x-envoy-force-trace" in request
    if request_id and (traced or manager.always_set_request_id_in_response):
        headers.put(b"x-request-id", request_id)
    if manager.via:
        via = headers.get(b"via")
        headers.put(b"via", via + b", " + encode_text(manager.via) if via else encode_text(manager.via))
