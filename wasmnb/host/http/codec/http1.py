"""Heads of HTTP/1 requests, read and checked as in Envoy's codec (Balsa).

In Envoy 1.40:

* An unknown method, a target that neither begins with `/` nor is an absolute URL, a header name that isn't a token, and a
  content-length that isn't a number or occurs twice cause 400 `http1.codec_error`. Control characters cause
  `http1.invalid_characters`, and versions other than 1.1 cause 426.
* Spaces around values and CR within a line are removed. A line that begins with a space continues the previous line.
* A `transfer-encoding` other than `chunked` causes 501. Together with content-length, it causes 400.
* An absolute URL is converted to `:authority`, `:scheme` and `:path`. Up to ten headers listed in `connection` are removed.
* An upgrade keeps `connection` and `upgrade`. `h2c` is ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ....abi import Pair
from ....abi.text import encode_text
from ....messages import Request, to_bytes
from ....parsing.header_block import TOKEN, encode_header_block, parse_header_lines
from ..connection_manager.chunks import INVALID_CHARACTERS
from ..connection_manager.manager import HttpConnectionManager
from ..connection_manager.problem import Problem, bad_request
from ..header_map import RequestHeaderMap

__all__ = ["Lines", "RequestHead", "decode", "head_of", "is_upgrade", "read_trailers", "without_underscores"]

METHODS = frozenset(
    b"""ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS
    PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK
    UNSUBSCRIBE""".split()
)

_VERSION = re.compile(rb"HTTP/(\d)\.(\d)\Z")
_PATH = re.compile(rb"[/*][\t\x0c!-~]*\Z")
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+\-.]*://([!$%&'()*+,\-.:;=@\[\]_~0-9A-Za-z]*)([/?][\t\x0c!-~]*)?\Z")
_HOST_PORT = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(?::(\d+))?\Z")
_AUTHORITY = re.compile(rb"[!$%&'()*+,\-.:;=@\[\]_~0-9A-Za-z]*\Z")
_PLAIN = re.compile(rb"[!-~](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?\Z")

_MAX_NOMINATED = 10
_NOT_TO_BE_NAMED = frozenset((b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"))
_STAYS = frozenset((b"close", b"http2-settings", b"keep-alive", b"upgrade"))
_MAX_PORT = 65535


@dataclass
class Lines:
    """Parts of a request's head before Envoy checks them."""

    method: bytes
    target: bytes
    version: bytes
    headers: list[Pair]
    size: int
    broken: str = ""


@dataclass
class RequestHead:
    """A valid request head, for the connection manager.

    Attributes
    ----------
    chunked, length
        Whether the body is chunked, and its content-length (or None). A request with neither has no body.
    closes
        Whether the client asks to close the connection after the response.
    http10
        Whether the client uses HTTP/1.0.
    upgrade
        Protocol to which the client asks to switch, such as `websocket` or `connect`. Empty for most requests.
    """

    headers: RequestHeaderMap
    chunked: bool = False
    length: int | None = None
    closes: bool = False
    http10: bool = False
    keep_alive: bool = False
    upgrade: str = ""
    problem: Problem | None = field(default=None)

    @property
    def has_body(self) -> bool:
        """Whether the request has a body or trailers."""
        return bool(self.upgrade) or self.chunked or bool(self.length)


# -- from messages and bytes --------------------------------------------------------------------------------------


def head_of(request: Request) -> Lines:
    """Return the head that a client sends for a request.

    Line breaks in the method, the path or headers have the same effect as in raw bytes.
    """
    method, target = to_bytes(request.method), to_bytes(request.path)
    headers = list(request.headers.raw)
    if request.authority and "host" not in request.headers:
        headers.insert(0, (b"host", to_bytes(request.authority)))
    in_chunks = request.chunks is not None or len(request.trailers) > 0
    if in_chunks and "transfer-encoding" not in request.headers:
        headers.append((b"transfer-encoding", b"chunked"))
    elif request.body and not in_chunks and "content-length" not in request.headers:
        headers.append((b"content-length", b"%d" % len(request.body)))
    odd = any(not n or b":" in n or not (_PLAIN.match(v) if v else True) for n, v in headers)
    if odd or b" " in method or b" " in target or not _PLAIN.match(target or b"-"):
        start = b" ".join((method, target, b"HTTP/1.1"))
        return parse_head(encode_header_block(start, headers).removesuffix(b"\r\n\r\n"))
    size = len(method) + len(target) + 14 + sum(len(n) + len(v) + 4 for n, v in headers)
    return Lines(method, target, b"HTTP/1.1", [(n.lower(), v) for n, v in headers], size)


def parse_head(data: bytes) -> Lines:
    """Split a head into its parts. `data` doesn't include the empty line at the end of the head."""
    control = INVALID_CHARACTERS.search(data)
    first, *rest = (line.removesuffix(b"\r").replace(b"\r", b"") for line in data.split(b"\n"))
    broken = "invalid_characters" if control else ""
    words = re.split(rb"[ \t]+", first.rstrip(b" \t"))
    if len(words) < 2 or not words[0]:
        broken = broken or "codec_error"
    words = [*words, b"", b"", b""] if len(words) < 3 else words
    method, target, version = words[0], words[1], b" ".join(words[2:]).strip()

    def malformed(_index: int, line: bytes) -> Pair:
        nonlocal broken
        broken = broken or "codec_error"
        return line, b""  # Envoy counts it as a header

    headers = parse_header_lines(rest, unfold="verbatim", nameless=True, on_malformed=malformed)
    return Lines(method, target, version, [(n.lower(), v) for n, v in headers], len(data) + 4, broken)


# -- checks of the codec -----------------------------------------------------------------------------------


def decode(lines: Lines, manager: HttpConnectionManager) -> RequestHead | Problem:
    """Check a head and decode it for the connection manager, or return the reason why the codec refuses it."""
    problem = _too_large(lines, manager) or _malformed(lines)
    if problem is not None:
        return problem
    pairs = without_underscores(lines.headers, manager)
    if isinstance(pairs, Problem):
        return pairs
    framing = _framing(pairs, manager)
    if isinstance(framing, Problem):
        return framing
    head = RequestHead(RequestHeaderMap(), chunked=framing[0], length=framing[1])
    problem = _version(lines.version, head, manager)
    if problem is not None:
        return problem
    for name, value in pairs:
        if not (name == b"content-length" and head.chunked):
            head.headers.add(name, value)
    return _interpret(lines, head, manager)


def _too_large(lines: Lines, manager: HttpConnectionManager) -> Problem | None:
    if lines.size > manager.max_request_headers_kb * 1024:
        return bad_request("headers_too_large", 431)
    return bad_request("too_many_headers", 431) if len(lines.headers) > manager.max_headers_count else None


def _malformed(lines: Lines) -> Problem | None:
    if lines.broken:
        return bad_request(lines.broken)
    target = lines.target
    if lines.method not in METHODS or not _valid_target(target, lines.method == b"CONNECT"):
        return bad_request()
    if lines.version and not _VERSION.match(lines.version):
        return bad_request()
    return None if all(TOKEN.fullmatch(name) for name, _ in lines.headers) else bad_request()


def _valid_target(target: bytes, connect: bool) -> bool:
    if connect:
        return bool(re.match(rb"[\t\x0c!-~]+\Z", target))
    return bool(_PATH.match(target) or ((url := _URL.match(target)) and url[1].count(b"@") < 2))


def without_underscores(pairs: list[Pair], manager: HttpConnectionManager) -> list[Pair] | Problem:
    """Apply `headers_with_underscores_action` to headers.

    Returns the remaining headers, or a problem if the request is rejected.
    """
    action = manager.headers_with_underscores_action
    if action == "ALLOW" or not any(b"_" in name for name, _ in pairs):
        return pairs
    if action == "REJECT_REQUEST":
        return bad_request("unexpected_underscore")
    return [pair for pair in pairs if b"_" not in pair[0]]


def read_trailers(pairs: list[Pair], manager: HttpConnectionManager) -> list[Pair] | Problem:
    """Return a request's trailers for its filters, or a problem if there are too many or they are too large."""
    if sum(len(n) + len(v) for n, v in pairs) > manager.max_request_headers_kb * 1024:
        return bad_request("headers_too_large", 431)
    if len(pairs) > manager.max_headers_count:
        return bad_request("too_many_headers", 431)
    return without_underscores(pairs, manager)


def _framing(pairs: Iterable[Pair], manager: HttpConnectionManager) -> tuple[bool, int | None] | Problem:
    """Return whether the body is chunked and its content-length, or a problem if these headers are invalid."""
    lengths = [v for n, v in pairs if n == b"content-length"]
    codings = [v for n, v in pairs if n == b"transfer-encoding"]
    if len(lengths) > 1 or any(not v.isdigit() or int(v) >= 1 << 64 for v in lengths):
        return bad_request()
    if codings and lengths and not (manager.allow_chunked_length and codings[0].lower() == b"chunked"):
        return bad_request("content_length_and_chunked_not_allowed")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked"):
        return bad_request("invalid_transfer_encoding", 501)
    return bool(codings), int(lengths[0]) if lengths and not codings else None


def _version(version: bytes, head: RequestHead, manager: HttpConnectionManager) -> Problem | None:
    if version == b"HTTP/1.1":
        return None
    if not manager.accept_http_10:
        return bad_request("low_version", 426)
    head.http10 = True
    return None


def _interpret(lines: Lines, head: RequestHead, manager: HttpConnectionManager) -> RequestHead | Problem:
    """Apply upgrades, the request target, and the `connection` header to a head."""
    headers = head.headers
    connection = _tokens(headers.get(b"connection"))
    proxy = _tokens(headers.get(b"proxy-connection"))
    head.keep_alive = b"keep-alive" in connection
    head.closes = b"close" in connection or b"close" in proxy or (head.http10 and not head.keep_alive)
    _upgrade(lines.method, headers, head)
    problem = _target(lines, headers, manager)
    if problem is not None:
        return problem
    if b"connection" in headers and not head.upgrade and not _nominated(headers):
        return bad_request("connection_header_rejected")
    if not _AUTHORITY.match(headers.get(b":authority") or b""):
        return bad_request("http.invalid_authority")
    if head.http10 and b":authority" not in headers and manager.default_host_for_http_10:
        headers.add(b":authority", encode_text(manager.default_host_for_http_10))
    return head


def _tokens(value: bytes | None) -> list[bytes]:
    return [token.strip() for token in (value or b"").lower().split(b",")]


def is_upgrade(headers: RequestHeaderMap) -> bool:
    """Return whether request headers ask to switch to another protocol."""
    return b"upgrade" in headers and b"upgrade" in _tokens(headers.get(b"connection"))


def _upgrade(method: bytes, headers: RequestHeaderMap, head: RequestHead) -> None:
    if is_upgrade(headers):
        protocol = (headers.get(b"upgrade") or b"").lower()
        if protocol == b"h2c":
            headers.remove(b"upgrade")
            headers.remove(b"http2-settings")
            kept = [t for t in _tokens(headers.get(b"connection")) if t not in (b"upgrade", b"http2-settings")]
            headers.put(b"connection", b",".join(kept)) if kept else headers.remove(b"connection")
        else:
            head.upgrade = protocol.decode("latin-1") or "-"
    if method == b"CONNECT":
        head.upgrade = "connect"


def _target(lines: Lines, headers: RequestHeaderMap, manager: HttpConnectionManager) -> Problem | None:
    """Set `:path` and `:method`. For an absolute URL, also set `:authority` and `:scheme`."""
    method, target = lines.method, lines.target
    connect = method == b"CONNECT"
    relative = target[:1] == b"/" or (method == b"OPTIONS" and target[:1] == b"*")
    if not connect and (relative or not manager.allow_absolute_url):
        headers.add(b":path", target)
    else:
        problem = _absolute(target, headers, connect)
        if problem is not None:
            return problem
    headers.add(b":method", method)
    return None


def _absolute(target: bytes, headers: RequestHeaderMap, connect: bool) -> Problem | None:
    scheme, _, rest = (b"", b"", target) if connect else target.partition(b"://")
    at = min((i for i in (rest.find(c) for c in (b"/", b"?", b"#")) if i >= 0), default=len(rest))
    authority, path = rest[:at].rpartition(b"@")[2], rest[at:]
    match = _HOST_PORT.match(authority)
    if not match or (match[2] and int(match[2]) > _MAX_PORT) or (connect and (not match[2] or path)):
        return bad_request("invalid_url")
    if b":authority" in headers:
        headers.put(b":authority", authority)
    else:
        headers.add(b":authority", authority)
    if connect:
        return None
    if scheme.lower() not in (b"http", b"https"):
        return bad_request("invalid_scheme")
    headers.add(b":scheme", scheme.lower())
    headers.add(b":path", path or b"/")
    return None


def _nominated(headers: RequestHeaderMap) -> bool:
    """Remove the headers listed in `connection`. Return False if a listed header must not be removed."""
    tokens = _tokens(headers.get(b"connection"))
    if len([t for t in tokens if t]) >= _MAX_NOMINATED:
        return False
    removed = set()
    for token in tokens:
        if token in _STAYS or token == b"connection" or not token:
            continue
        if token in _NOT_TO_BE_NAMED or token[:1] == b":":
            return False
        if token == b"te" and b"trailers" in _tokens(headers.get(b"te")):
            headers.put(b"te", b"trailers")
            continue
        headers.remove(token)
        removed.add(token)
    kept = [t for t in tokens if t not in removed]
    if removed:
        headers.put(b"connection", b",".join(kept)) if kept else headers.remove(b"connection")
    return True
