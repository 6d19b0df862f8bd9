"""Replace secrets in headers, cookies and queries by `***`, and count the replaced values.

Names and the scheme of `authorization` are kept, so that filters behave in the same way unless they check the secret. Bodies
aren't searched. For speed, constructors are called instead of `dataclasses.replace`, which is five times as slow.
"""

from __future__ import annotations

import re
from collections import Counter

from ...messages import Headers, Request, Response, to_bytes, to_text
from .exchange import RecordedExchange

__all__ = ["MASK", "mask"]

MASK = b"***"

#: Headers whose entire value is a secret.
_SECRET_HEADERS = frozenset(
    (
        b"x-api-key", b"api-key", b"apikey", b"x-auth-token", b"x-access-token", b"x-csrf-token", b"x-xsrf-token",
        b"x-amz-security-token", b"x-goog-api-key", b"x-vault-token", b"x-gitlab-token", b"private-token",
        b"x-session-token", b"x-forwarded-access-token", b"x-forwarded-client-cert", b"x-goog-iap-jwt-assertion",
        b"cf-access-jwt-assertion",
    )
)  # fmt: skip

_CREDENTIALS = frozenset((b"authorization", b"proxy-authorization"))
_COOKIES = frozenset((b"cookie", b"set-cookie"))

#: Headers whose value is a URL.
_URLS = frozenset((b"referer", b"location", b"content-location"))

#: All headers that may contain a secret.
_SENSITIVE = _SECRET_HEADERS | _CREDENTIALS | _COOKIES | _URLS

_SECRET_PARAMETER = re.compile(
    r"(?i)([?&;](?:[\w.\[\]-]*(?:token|secret|passw(?:or)?d|api[_-]?key|credential|signature)[\w.\[\]-]*"
    r"|auth|authorization|key|sig|code|jwt|session(?:_?id)?|sid|pwd|assertion)=)([^&;#]+)"
)
_COOKIE = re.compile(rb"([^=;\s]+)=([^;]*)")


def mask(recorded: RecordedExchange, counts: Counter[str]) -> RecordedExchange:
    """Return a copy of an exchange with its secrets masked. An exchange without secrets is returned unchanged.

    Parameters
    ----------
    recorded
        The exchange.
    counts
        Counter of masked values, by place: `request header authorization`, `query token`.
    """
    request, response = _request(recorded.request, counts), recorded.response
    fresh = None if response is None else _response(response, counts)
    if request is recorded.request and fresh is response:
        return recorded
    return RecordedExchange(
        request, fresh, recorded.started, recorded.duration, recorded.connection, recorded.http2, recorded.truncated,
        recorded.position,
    )  # fmt: skip


def _request(request: Request, counts: Counter[str]) -> Request:
    headers = _pairs(request.headers, "request", counts)
    trailers = _pairs(request.trailers, "request", counts)
    path = _query(request.path, counts) if "=" in request.path else request.path
    if headers is request.headers and trailers is request.trailers and path == request.path:
        return request
    return Request(
        request.method, path, headers, request.body, trailers, request.authority, request.scheme, request.chunks
    )


def _response(response: Response, counts: Counter[str]) -> Response:
    headers = _pairs(response.headers, "response", counts)
    trailers = _pairs(response.trailers, "response", counts)
    if headers is response.headers and trailers is response.trailers:
        return response
    return Response(
        response.status, headers, response.body, trailers, response.chunks, response.latency, response.reset
    )


def _pairs(headers: Headers, side: str, counts: Counter[str]) -> Headers:
    """Return a copy of headers with secrets masked. Headers without secrets are returned unchanged."""
    changed: list[tuple[bytes, bytes]] | None = None
    for index, (name, value) in enumerate(headers.raw):
        if name not in _SENSITIVE:
            continue
        masked = _value(name, value, counts)
        if masked != value:
            changed = list(headers.raw) if changed is None else changed
            changed[index] = (name, masked)
            if name not in _URLS:
                counts[f"{side} header {to_text(name)}"] += 1
    if changed is None:
        return headers
    fresh = Headers()
    fresh.raw = changed
    return fresh


def _value(name: bytes, value: bytes, counts: Counter[str]) -> bytes:
    if name in _CREDENTIALS:
        scheme, space, _ = value.partition(b" ")
        return scheme + space + MASK if space else MASK
    if name in _COOKIES:
        return _cookies(value, attributes=name == b"set-cookie")
    if name in _SECRET_HEADERS:
        return MASK
    if name in _URLS and b"=" in value:
        return to_bytes(_query(to_text(value), counts))
    return value


def _cookies(value: bytes, *, attributes: bool) -> bytes:
    """Mask the values of cookies. In `set-cookie`, only the first pair is masked, because the others are attributes."""
    masked = _COOKIE.sub(lambda match: match[1] + b"=" + MASK, value, count=1 if attributes else 0)
    return masked if b"=" in value else MASK


def _query(text: str, counts: Counter[str]) -> str:
    def masked(match: re.Match[str]) -> str:
        if match[2] != MASK.decode():
            counts[f"query {match[1][1:-1].lower()}"] += 1
        return match[1] + MASK.decode()

    return _SECRET_PARAMETER.sub(masked, text)
