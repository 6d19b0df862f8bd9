"""Heads of HTTP/2 requests, checked as in Envoy's codec.

In Envoy 1.40, an invalid request ends the connection without a response, and no filter is called. Names must be in lower case,
connection headers aren't allowed, and `te` can only be `trailers`. Values and paths can contain non-ASCII bytes, and values can
begin and end with spaces. With `allow_connect`, a CONNECT with `:protocol` is an upgrade as in HTTP/1. `host` replaces a
missing `:authority`. Cookies are joined into one header after all others.
"""

from __future__ import annotations

import re

from ....abi import Pair
from ....messages import Request, to_bytes
from ....parsing.header_block import HOP_BY_HOP, LOWER_TOKEN, TOKEN
from ..connection_manager.manager import HttpConnectionManager
from ..connection_manager.problem import Problem
from ..header_map import RequestHeaderMap
from .http1 import RequestHead, without_underscores

__all__ = ["decode_http2", "valid_trailers"]

_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_PATH = re.compile(rb"/[!-~\x80-\xff]*")
_AUTHORITY = re.compile(rb"[!$%&'()*+,\-.:;=\[\]_~0-9A-Za-z]+")
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*")
_CONNECTION = HOP_BY_HOP | {b"proxy-connection", b"upgrade"}

#: Problem that ends the connection without a response.
CLOSED = Problem(0, "http2.violation.of.messaging.rule", codec=True)


def decode_http2(request: Request, manager: HttpConnectionManager, *, has_body: bool) -> RequestHead | Problem:
    """Check a request's head and decode it for the connection manager, or return the reason why the codec refuses it."""
    pairs = list(request.headers.raw)
    pseudo = _pseudo(request, pairs, manager)
    plain = [pair for pair in pairs if pair[0][:1] != b":"]
    if pseudo is None or not _fits(pairs, manager) or not all(_valid(n, v) for n, v in plain):
        return CLOSED
    checked = without_underscores(plain, manager)
    if isinstance(checked, Problem):
        return CLOSED
    plain = checked
    lengths = [v for n, v in plain if n == b"content-length"]
    if len(lengths) > 1 or not all(v.isdigit() and (has_body or not int(v)) for v in lengths):
        return CLOSED
    protocol = dict(pseudo).get(b":protocol", b"")
    if protocol:
        pseudo = [(n, b"GET" if n == b":method" else v) for n, v in pseudo if n != b":protocol"]
    headers = RequestHeaderMap(pseudo)
    if protocol:
        headers.add(b"upgrade", protocol)
        headers.add(b"connection", b"upgrade")
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
    upgrade = protocol.decode("latin-1").lower()
    return RequestHead(headers, chunked=has_body and length is None, length=length, upgrade=upgrade)


def valid_trailers(pairs: list[Pair]) -> bool:
    """Return whether the codec accepts these trailers."""
    return all(LOWER_TOKEN.fullmatch(n) and _VALUE.fullmatch(v) for n, v in pairs)


def _pseudo(request: Request, pairs: list[Pair], manager: HttpConnectionManager) -> list[Pair] | None:
    """Return the pseudo-headers in order, or None if they are invalid."""
    sent = [pair for pair in pairs if pair[0][:1] == b":"]
    if sent:
        if pairs[: len(sent)] != sent or len({n for n, _ in sent}) < len(sent):
            return None
        pseudo = sent
    else:
        pseudo = [
            (b":method", to_bytes(request.method)),
            (b":path", to_bytes(request.path)),
            (b":scheme", to_bytes(request.scheme)),
            (b":authority", to_bytes(request.authority)),
        ]
        if "host" in request.headers and not request.authority:
            pseudo.pop()
    values = dict(pseudo)
    allowed = {b":method": TOKEN, b":path": _PATH, b":scheme": _SCHEME, b":authority": _AUTHORITY}
    extended = manager.allow_connect and values.get(b":method") == b"CONNECT" and bool(values.get(b":protocol"))
    if extended:
        allowed[b":protocol"] = TOKEN
    if set(values) - set(allowed) or not {b":method", b":path", b":scheme"} <= set(values):
        return None
    hosts = [v for n, v in pairs if n == b"host"]
    if b":authority" not in values and (len(hosts) != 1 or not _AUTHORITY.fullmatch(hosts[0])):
        return None
    if values[b":method"] == b"CONNECT" and not extended:
        return None
    if values == {**values, b":path": b"*", b":method": b"OPTIONS"}:
        values[b":path"] = b"/"
    if not all(allowed[name].fullmatch(value) for name, value in values.items()):
        return None
    return [(n, v.lower() if n == b":scheme" else v) for n, v in pseudo]


def _fits(pairs: list[Pair], manager: HttpConnectionManager) -> bool:
    size = sum(len(n) + len(v) for n, v in pairs)
    return size <= manager.max_request_headers_kb * 1024 and len(pairs) + 4 <= manager.max_headers_count + 4


def _valid(name: bytes, value: bytes) -> bool:
    if not LOWER_TOKEN.fullmatch(name) or not _VALUE.fullmatch(value) or name in _CONNECTION:
        return False
    return name != b"te" or value == b"trailers"
