"""Timeouts of one request: those of its route, and those of the `x-envoy-*` headers that filters set.

Facts (Envoy 1.40): the router removes the headers. A try's own timeout that is not below the request's is ignored.
`x-envoy-expected-rq-timeout-ms` tells the upstream how long it has, less what has passed on a retry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from ..header_map import HeaderMap
    from .route import Route

__all__ = ["RequestTimeouts"]

_LEAST = 0.001


@dataclass(frozen=True)
class RequestTimeouts:
    """Seconds; 0 for no limit.

    Attributes
    ----------
    whole
        From the end of the request to the end of the response, over all tries.
    per_try, per_try_idle
        For the response's headers of one try.
    duration
        From the first connection to the end of the response.
    alternative
        A timeout is answered with 204.
    hedge
        A try that takes too long goes on beside the next one.
    """

    whole: float = 0.0
    per_try: float = 0.0
    per_try_idle: float = 0.0
    duration: float = 0.0
    alternative: bool = False
    hedge: bool = False

    @classmethod
    def read(cls, route: Route, headers: HeaderMap, default: float) -> Self:
        """Read the timeouts, and remove their headers.

        Parameters
        ----------
        route, headers
            The request's.
        default
            The listener's route timeout.
        """
        entry, retry = route.entry, route.retry
        if entry is not None and entry.timeout is not None:
            default = entry.timeout
        elif entry is not None and entry.max_stream_duration is not None:
            default = 0.0
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
            hedge == b"true" if hedge in (b"true", b"false") else bool(entry is not None and entry.hedge),
        )

    def tell_upstream(self, headers: HeaderMap, elapsed: float) -> None:
        """Set `x-envoy-expected-rq-timeout-ms`, `elapsed` seconds after the request's beginning."""
        expected = self.whole if self.hedge or not self.per_try else self.per_try
        if not expected:
            return
        if self.whole:
            expected = min(expected, self.whole - elapsed) if elapsed < self.whole else _LEAST
        headers.put(b"x-envoy-expected-rq-timeout-ms", b"%d" % int(expected * 1000 + 1e-6))


def _take(headers: HeaderMap, name: bytes, default: float) -> float:
    """Remove a header in milliseconds, and return its seconds; the default if it is not a number."""
    value = headers.get(name)
    headers.remove(name)
    return int(value) / 1000 if value is not None and value.isdigit() else default
