"""Parser of serialised HTTP/1 headers in test files, with the rules of `ParseHTTP1Headers` in Google's `dynamic_test.cc`.

A URL as the request target is split into `:scheme`, `:path` and `:authority`, and the header `host` is removed. A path becomes
`:path`, and `host`, if present, becomes `:authority`. Names are converted to lower case. Several values of a name are joined
later, by the header map.
"""

from __future__ import annotations

from itertools import takewhile
from urllib.parse import urlsplit

from ....abi import Pair
from ....abi.text import encode_text
from ....parsing.header_block import parse_header_lines

__all__ = ["HeaderProblem", "parse_headers"]

_PORTS = {"http": 80, "https": 443}


class HeaderProblem(ValueError):
    """The headers are malformed."""


def parse_headers(content: bytes, *, request: bool) -> list[Pair]:
    """Parse serialised headers.

    Parameters
    ----------
    content
        A request line or a status line, followed by header lines.
    request
        Whether the content is a request (True) or a response (False).

    Returns
    -------
    list[Pair]
        Names and values of the headers. Pseudo-headers come first.

    Raises
    ------
    HeaderProblem
        A line is malformed. The message contains its number.
    """
    first, *lines = content.replace(b"\r\n", b"\n").split(b"\n")
    fields = _fields(lines)
    if not request:
        return [(b":status", _status(first)), *fields]
    parts = first.split()
    if len(parts) != 3 or not parts[2].startswith(b"HTTP/"):
        raise HeaderProblem(f"line 1 is not a request line such as 'GET / HTTP/1.1': {first.decode('latin-1')!r}")
    return [(b":method", parts[0]), *_target(parts[1], fields)]


def _status(line: bytes) -> bytes:
    parts = line.split(None, 2)
    if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
        raise HeaderProblem(f"line 1 is not a status line such as 'HTTP/1.1 200 OK': {line.decode('latin-1')!r}")
    return parts[1]


def _fields(lines: list[bytes]) -> list[Pair]:
    def malformed(index: int, line: bytes) -> None:
        raise HeaderProblem(f"line {index + 2} is not a header such as 'name: value': {line.decode('latin-1')!r}")

    pairs = parse_header_lines(takewhile(bytes.strip, lines), unfold="space", on_malformed=malformed)
    return [(name.strip().lower(), value.strip()) for name, value in pairs]


def _target(target: bytes, fields: list[Pair]) -> list[Pair]:
    others = [(n, v) for n, v in fields if n != b"host"]
    if target[:1] != b"/":
        url = urlsplit(target.decode("utf-8", "surrogateescape"))
        if not url.scheme or not url.hostname:
            raise HeaderProblem(f"{target.decode('latin-1')!r} is neither an absolute path nor a URL")
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        authority = url.hostname + (f":{url.port}" if url.port not in (None, _PORTS.get(url.scheme)) else "")
        pseudo = ((b":scheme", url.scheme), (b":path", path), (b":authority", authority))
        return [*((n, encode_text(v)) for n, v in pseudo), *others]
    host = next((v for n, v in fields if n == b"host"), None)
    return [(b":path", target), *([(b":authority", host)] if host else []), *others]
