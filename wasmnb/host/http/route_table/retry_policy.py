"""Envoy's retry policy: the conditions for retries, from routes and from headers set by filters.

In Envoy 1.40, `x-envoy-retry-on` and similar headers add conditions to the route's policy, and `x-envoy-max-retries` replaces
its number of retries. The router removes these headers. Without any condition there are no retries. With a condition, the
default is one retry. The wait before the n-th retry is random, less than 25 ms times (2^n - 1) and at most 250 ms. Rate-limited
responses are retried only with the condition `envoy-ratelimited`. There are no retries after response headers have been passed
on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from ....abi.text import encode_text
from ....parsing.durations import duration_seconds
from ..header_map import HeaderMap
from .matchers import HeaderMatcher
from .numbers import unsigned

__all__ = ["RetryPolicy", "RetryState"]

_HTTP = frozenset(
    [
        "5xx",
        "gateway-error",
        "connect-failure",
        "envoy-ratelimited",
        "retriable-4xx",
        "refused-stream",
        "retriable-status-codes",
        "retriable-headers",
        "reset",
        "reset-before-request",
        "http3-post-connect-failure",
    ]
)
#: gRPC statuses by gRPC condition.
_GRPC = {"cancelled": 1, "deadline-exceeded": 4, "resource-exhausted": 8, "internal": 13, "unavailable": 14}
_GATEWAY = (502, 503, 504)
_CONFLICT = 409
_UINT32 = 1 << 32
_LONGEST = 300.0  # maximum seconds for which an upstream can ask the router to wait


@dataclass(frozen=True)
class RetryPolicy:
    """Conditions and limits for retries, from a route's `retry_policy`."""

    conditions: frozenset[str] = frozenset()
    retries: int = 1
    per_try_timeout: float = 0.0
    per_try_idle_timeout: float = 0.0
    status_codes: tuple[int, ...] = ()
    response_headers: Sequence[Callable[[HeaderMap], bool]] = ()
    request_headers: Sequence[Callable[[HeaderMap], bool]] = ()
    base: float = 0.025
    limit: float = 0.25
    reset_headers: Sequence[tuple[bytes, str]] = field(default=())
    longest: float = _LONGEST

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> RetryPolicy | None:
        """Create the policy from Envoy's message."""
        if config is None:
            return None
        backoff = config.get("retry_back_off") or {}
        base = duration_seconds(backoff.get("base_interval", 0.025))
        limited = config.get("rate_limited_retry_back_off") or {}
        limits = limited.get("reset_headers") or ()
        return cls(
            _conditions(str(config.get("retry_on", ""))),
            int(config.get("num_retries", 1)),
            duration_seconds(config.get("per_try_timeout", 0)),
            duration_seconds(config.get("per_try_idle_timeout", 0)),
            tuple(int(c) for c in config.get("retriable_status_codes") or ()),
            [HeaderMatcher(c) for c in config.get("retriable_headers") or ()],
            [HeaderMatcher(c) for c in config.get("retriable_request_headers") or ()],
            base,
            duration_seconds(backoff.get("max_interval", 10 * base)),
            [(encode_text(str(h["name"]).lower()), str(h.get("format", "SECONDS"))) for h in limits],
            duration_seconds(limited.get("max_interval", _LONGEST)),
        )

    def with_headers(self, headers: HeaderMap) -> RetryPolicy:
        """Return the policy after adding the conditions and limits in a request's headers."""
        on = _conditions((headers.get(b"x-envoy-retry-on") or b"").decode("latin-1"))
        grpc = _conditions((headers.get(b"x-envoy-retry-grpc-on") or b"").decode("latin-1"))
        on = frozenset(on & _HTTP) | frozenset(grpc & set(_GRPC))
        conditions = self.conditions | on
        codes = _numbers(headers.get(b"x-envoy-retriable-status-codes"))
        names = (headers.get(b"x-envoy-retriable-header-names") or b"").decode("latin-1")
        matchers = [HeaderMatcher({"name": n.strip(), "present_match": True}) for n in names.split(",") if n.strip()]
        most = unsigned(headers.get(b"x-envoy-max-retries"))
        return replace(
            self,
            conditions=conditions,
            retries=most % _UINT32 if most is not None and conditions else self.retries,
            status_codes=(*self.status_codes, *codes),
            response_headers=[*self.response_headers, *matchers],
        )


def _conditions(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip() in _HTTP or part.strip() in _GRPC)


def _numbers(text: bytes | None) -> list[int]:
    numbers = [unsigned(part) for part in (text or b"").split(b",")]
    return [number for number in numbers if number is not None]


class RetryState:
    """State of the retries of one request.

    Attributes
    ----------
    exhausted
        Whether a retry was needed but no retries were left.
    denied
        Whether the last response met the conditions but no retries were left.
    """

    def __init__(self, policy: RetryPolicy, random: Random, headers: HeaderMap, now: Callable[[], float]) -> None:
        self._now = now
        self.policy = policy
        self.left = policy.retries
        self.done = 0
        self.exhausted = self.denied = False
        self._random = random
        matchers = policy.request_headers
        self.enabled = bool(policy.conditions) and (not matchers or any(m(headers) for m in matchers))

    def after_response(self, headers: HeaderMap) -> float | None:
        """Return the seconds to wait before a retry, or None if the response isn't retried."""
        retriable = self.enabled and self._is_retriable(headers)
        wait = self._take(headers) if retriable else None
        self.denied = retriable and wait is None
        return wait

    def after_reset(self, *, before_request: bool, refused: bool, connect_failure: bool) -> float | None:
        """Return the seconds to wait before a retry after a reset without a response, or None if there is no retry."""
        conditions = self.policy.conditions
        due = bool(conditions & {"5xx", "gateway-error", "reset"})
        due = due or (connect_failure and "connect-failure" in conditions)
        due = due or (refused and "refused-stream" in conditions)
        due = due or (before_request and "reset-before-request" in conditions)
        return self._take(None) if self.enabled and due else None

    def _is_retriable(self, headers: HeaderMap) -> bool:
        conditions = self.policy.conditions
        code = headers.get(b":status") or b"0"
        status = int(code) if code.isdigit() else 0
        if b"x-envoy-ratelimited" in headers:
            return "envoy-ratelimited" in conditions
        if "5xx" in conditions and 500 <= status < 600:
            return True
        if "gateway-error" in conditions and status in _GATEWAY:
            return True
        if "retriable-4xx" in conditions and status == _CONFLICT:
            return True
        if "retriable-status-codes" in conditions and status in self.policy.status_codes:
            return True
        if "retriable-headers" in conditions and any(m(headers) for m in self.policy.response_headers):
            return True
        grpc = headers.get(b"grpc-status")
        codes = {_GRPC[c] for c in conditions if c in _GRPC}
        return grpc is not None and grpc.isdigit() and int(grpc) in codes

    def _take(self, headers: HeaderMap | None) -> float | None:
        if not self.left:
            self.exhausted = True
            return None
        self.left -= 1
        self.done += 1
        limited = self._rate_limit(headers)
        if limited is not None:
            return limited * (1 + self._random.random() * 0.5)
        ceiling = min(self.policy.base * float(2**self.done - 1), self.policy.limit)
        return self._random.random() * ceiling

    def _rate_limit(self, headers: HeaderMap | None) -> float | None:
        for name, form in self.policy.reset_headers:
            number = unsigned(headers.get(name)) if headers is not None else None
            if number is None:
                continue
            wait = number - self._now() if form == "UNIX_TIMESTAMP" else float(number)
            if 0 < wait <= self.policy.longest:
                return wait
        return None
