"""Request heads over HTTP/2 as Envoy's codec takes them.

Facts (Envoy 1.40): what it does not take ends the connection without a word, and no filter hears of it. Names have to be in lower
case; connection headers are not allowed; `te` says `trailers` only. Values may have bytes beyond ASCII and blanks around them,
a path too. `host` stands for a missing `:authority`. Cookies become one header, behind all others.
"""

from __future__ import annotations

import re

from ....abi import Pair
from ....messages import Request, to_bytes
from ..header_map import RequestHeaders
from .http1 import Head
from .manager import HttpConnectionManager
from .problem import Problem

__all__ = ["decode_http2", "valid_trailers"]

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+\Z")
_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*\Z")
_PATH = re.compile(rb"/[!-~\x80-\xff]*\Z")
_AUTHORITY = re.compile(rb"[!$%&'()*+,\-.:;=\[\]_~0-9A-Za-z]+\Z")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*\Z")
_CONNECTION = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))

#: Ends the connection without a response.
CLOSED = Problem(0, "http2.violation.of.messaging.rule", codec=True)


def decode_http2(request: Request, manager: HttpConnectionManager, *, has_body: bool) -> Head | Problem:
    """Return the head of a request as the connection manager gets it, or why the codec refuses it."""
    pairs = list(request.headers.raw)
    pseudo = _pseudo(request, pairs)
    plain = [pair for pair in pairs if pair[0][:1] != b":"]
    if pseudo is None or not _fits(pairs, manager) or not all(_valid(n, v) for n, v in plain):
        return CLOSED
    lengths = [v for n, v in plain if n == b"content-length"]
    if len(lengths) > 1 or not all(v.isdigit() for v in lengths):
        return CLOSED
    headers = RequestHeaders(pseudo)
    cookies = [v for n, v in plain if n == b"cookie"]
    for name, value in plain:
        if name == b"host":
            if b":authority" not in headers:
                headers.add(b":authority", value)
        elif name != b"cookie":
            headers.add(name, value)
    if cookies:
        headers.add(b"cookie", b"; ".join(cookies))
    length = int(lengths[0]) if lengths else None
    return Head(headers, chunked=has_body and length is None, length=length)


def valid_trailers(pairs: list[Pair]) -> bool:
    """Whether the codec takes trailers."""
    return all(_NAME.match(n) and _VALUE.match(v) for n, v in pairs)


def _pseudo(request: Request, pairs: list[Pair]) -> list[Pair] | None:
    """The pseudo-headers in the order in which they came, or None if they are not right."""
    told = [pair for pair in pairs if pair[0][:1] == b":"]
    if told:
        if pairs[: len(told)] != told or len({n for n, _ in told}) < len(told):
            return None
        found = told
    else:
        found = [
            (b":method", to_bytes(request.method)),
            (b":path", to_bytes(request.path)),
            (b":scheme", to_bytes(request.scheme)),
            (b":authority", to_bytes(request.authority)),
        ]
        if "host" in request.headers and not request.authority:
            found.pop()
    values = dict(found)
    allowed = {b":method": _METHOD, b":path": _PATH, b":scheme": _SCHEME, b":authority": _AUTHORITY}
    if set(values) - set(allowed) or not {b":method", b":path", b":scheme"} <= set(values):
        return None
    if b":authority" not in values and b"host" not in dict(pairs):
        return None
    if values[b":method"] == b"CONNECT":
        return None
    if values == {**values, b":path": b"*", b":method": b"OPTIONS"}:
        values[b":path"] = b"/"
    if not all(allowed[name].match(value) for name, value in values.items()):
        return None
    return [(n, v.lower() if n == b":scheme" else v) for n, v in found]


def _fits(pairs: list[Pair], manager: HttpConnectionManager) -> bool:
    size = sum(len(n) + len(v) for n, v in pairs)
    return size <= manager.max_request_headers_kb * 1024 and len(pairs) + 4 <= manager.max_headers_count + 4


def _valid(name: bytes, value: bytes) -> bool:
    if not _NAME.match(name) or not _VALUE.match(value) or name in _CONNECTION:
        return False
    return name != b"te" or value == b"trailers"
