"""Timeouts of one request, from its route and from `x-envoy-*` headers set by filters.

In Envoy 1.40, the router removes these headers. The timeout of an attempt is ignored unless it is shorter than the timeout of
the request. `x-envoy-expected-rq-timeout-ms` contains the time left for the upstream, which is shorter for a retry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..local_reply import is_grpc
from ..route_table.duration import grpc_timeout
from ..route_table.numbers import unsigned

if TYPE_CHECKING:
    from ..header_map import HeaderMap
    from ..route_table.route import Route, RouteEntry

__all__ = ["RequestTimeouts"]

_LEAST = 0.001


@dataclass(frozen=True)
class RequestTimeouts:
    """Timeouts of one request in seconds. 0 means no limit.

    Attributes
    ----------
    whole
        Maximum time from the end of the request to the end of the response, over all attempts.
    per_try, per_try_idle
        Maximum times until the response headers of one attempt. `per_try_idle` is only used if `per_try` is 0.
    duration
        Maximum time from the first connection to the end of the response.
    alternative
        Whether the response to a timeout has status 204.
    hedge
        Whether an attempt that takes too long continues while it is retried.
    grpc
        Whether to write the time left for the upstream to `grpc-timeout` as well.
    """

    whole: float = 0.0
    per_try: float = 0.0
    per_try_idle: float = 0.0
    duration: float = 0.0
    alternative: bool = False
    hedge: bool = False
    grpc: bool = False

    @classmethod
    def read(cls, route: Route, headers: HeaderMap, default: float) -> Self:
        """Read the timeouts of a request, and remove their headers.

        Parameters
        ----------
        route, headers
            The request's route and headers.
        default
            Route timeout of the listener, in seconds.
        """
        entry, retry = route.entry, route.retry
        grpc = _follows_grpc_timeout(entry, headers)
        if entry is not None and entry.duration is not None:
            default = 0.0
        elif entry is not None and grpc:
            default = _of_grpc(entry, headers)
        elif entry is not None and entry.timeout is not None:
            default = entry.timeout
        whole = _take(headers, b"x-envoy-upstream-rq-timeout-ms", default)
        own = retry.per_try_timeout if retry is not None else 0.0
        per_try = _take(headers, b"x-envoy-upstream-rq-per-try-timeout-ms", own)
        duration = _take(headers, b"x-envoy-upstream-stream-duration-ms", 0.0)
        alternative = b"x-envoy-upstream-rq-timeout-alt-response" in headers
        headers.remove(b"x-envoy-upstream-rq-timeout-alt-response")
        hedge = headers.get(b"x-envoy-hedge-on-per-try-timeout")
        return cls(
            whole,
            0.0 if whole and per_try >= whole else per_try,
            retry.per_try_idle_timeout if retry is not None else 0.0,
            duration,
            alternative,
            hedge == b"true" if hedge in (b"true", b"false") else route.hedge,
            grpc,
        )

    def set_timeout_headers(self, headers: HeaderMap, elapsed: float) -> None:
        """Set `x-envoy-expected-rq-timeout-ms` for an attempt that begins `elapsed` seconds after the request."""
        expected = self.whole if self.hedge or not self.per_try else self.per_try
        if not expected:
            return
        if self.whole:
            expected = min(expected, self.whole - elapsed) if elapsed < self.whole else _LEAST
        milliseconds = int(expected * 1000 + 1e-6)
        headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % milliseconds)
        if self.grpc:
            headers.put(b"grpc-timeout", b"%dm" % milliseconds)


def _follows_grpc_timeout(entry: RouteEntry | None, headers: HeaderMap) -> bool:
    """Return whether the request is a gRPC request whose route has `max_grpc_timeout`."""
    return entry is not None and entry.grpc_max is not None and entry.duration is None and is_grpc(headers)


def _of_grpc(entry: RouteEntry, headers: HeaderMap) -> float:
    """Return the request's `grpc-timeout` in seconds, limited to the route's `max_grpc_timeout`.

    For both of them, 0 means no limit.
    """
    asked = grpc_timeout(headers) or 0.0
    if entry.grpc_offset < asked:
        asked -= entry.grpc_offset
    most = entry.grpc_max or 0.0
    return most if most and (not asked or asked > most) else asked


def _take(headers: HeaderMap, name: bytes, default: float) -> float:
    """Remove a header with a number of milliseconds. Return it in seconds, or the default if it is missing or not a number."""
    number = unsigned(headers.get(name))
    headers.remove(name)
    return number / 1000 if number is not None else default
