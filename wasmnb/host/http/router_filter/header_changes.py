"""Changes of headers by the router, in requests to the upstream and in responses to the filters.

In Envoy 1.40, the scheme of the upstream request is http or https. Headers with which filters configure retries are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....abi.text import encode_text
from ..route_table.formatter import Facts

if TYPE_CHECKING:
    from ...contexts.stream_info import StreamInfo
    from ..header_map import HeaderMap
    from ..route_table.route import Route

__all__ = ["add_service_time", "change_request", "change_response", "remove_retry_headers"]

_RETRY_HEADERS = tuple(
    encode_text(f"x-envoy-{name}")
    for name in ("retry-on", "retry-grpc-on", "max-retries", "retriable-header-names", "retriable-status-codes",
                 "hedge-on-per-try-timeout", "upstream-alt-stat-name")
)  # fmt: skip
_SCHEMES = (b"http", b"https")


def change_request(route: Route, headers: HeaderMap, info: StreamInfo) -> None:
    """Apply a route's changes to a request's headers, and rewrite its host and path."""
    entry = route.entry
    if route.host is not None and route.host.attempt_count:
        headers.put(b"x-envoy-attempt-count", b"1")
    if entry is not None:
        facts = Facts(info, headers)
        for level in route.levels:
            level.request(headers, facts)
        if route.weighted is not None and route.weighted.host:
            headers.put(b":authority", encode_text(route.weighted.host))
        entry.rewrite.apply(headers, entry)
    if (headers.get(b":scheme") or b"") not in _SCHEMES:
        forwarded = headers.get(b"x-forwarded-proto")
        headers.put(b":scheme", forwarded if forwarded in _SCHEMES else b"http")


def remove_retry_headers(headers: HeaderMap) -> None:
    """Remove the headers with which filters configure retries."""
    for name in _RETRY_HEADERS:
        headers.remove(name)


def add_service_time(headers: HeaderMap, seconds: float) -> None:
    """Add `x-envoy-upstream-service-time` to a response.

    Its value is the time in milliseconds from the end of the request to the start of the response.
    """
    headers.put(b"x-envoy-upstream-service-time", b"%d" % int(seconds * 1000 + 1e-6))


def change_response(info: StreamInfo, request: HeaderMap | None, headers: HeaderMap, status: int) -> None:
    """Apply a route's changes to a response's headers.

    Parameters
    ----------
    info
        Information about the stream, with its route.
    request
        Headers of the request.
    headers
        Headers of the response.
    status
        Status of the response.
    """
    route = info.route
    if route is None:
        return
    if route.host is not None and route.host.attempt_count_in_response:
        headers.put(b"x-envoy-attempt-count", b"%d" % info.attempts)
    previous, info.code = info.code, status
    facts = Facts(info, request, headers)
    for level in route.levels:
        level.response(headers, facts)
    info.code = previous
