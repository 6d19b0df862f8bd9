r"""Normalisation of path and host, before Envoy chooses a route.

In Envoy 1.40, a path with a fragment is refused. Normalisation resolves dot segments (including `%2e` and `..;x`, but not
`%2e%2e;x`), decodes unreserved characters, replaces `\` by `/`, and refuses `%00`. The query isn't changed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .manager import HttpConnectionManager
from .problem import Problem

__all__ = ["NormalizedPath", "normalized_host", "normalized_path"]

_FAILED = "path_normalization_failed"
_ESCAPED_SLASH = re.compile(rb"%2f|%5c", re.IGNORECASE)
_UNRESERVED = re.compile(rb"%([0-9A-Fa-f]{2})")
#: Pattern of a dot segment. A segment with unencoded dots can have parameters.
_DOTS = re.compile(rb"(?P<plain>\.{1,2});.*\Z|(?P<encoded>(?:\.|%2e){1,2})\Z", re.IGNORECASE)


class NormalizedPath(NamedTuple):
    """A normalised path, and a problem if the request is refused or redirected (otherwise None)."""

    path: bytes
    problem: Problem | None


def normalized_path(path: bytes, manager: HttpConnectionManager) -> NormalizedPath:
    """Return the normalised path, and a problem if the request is refused or redirected (otherwise None)."""
    if b"#" in path:
        return NormalizedPath(path, Problem(400, _FAILED))
    plain, mark, query = path.partition(b"?")
    plain, redirect, problem = _escaped_slashes(plain, manager)
    if problem is None and manager.normalize_path:
        canonical = _canonical(plain)
        if canonical is None:
            problem = Problem(400, _FAILED)
        else:
            plain = canonical
    if manager.merge_slashes and problem is None:
        plain = _merged(plain)
    path = plain + mark + query
    if redirect and problem is None:
        problem = Problem(307, _FAILED, location=path)
    return NormalizedPath(path, problem)


def _merged(path: bytes) -> bytes:
    """Merge adjacent slashes. A path that consists only of slashes keeps the first and the last slash."""
    if b"//" not in path:
        return path
    return b"//" if not path.strip(b"/") else re.sub(rb"/{2,}", b"/", path)


def _escaped_slashes(path: bytes, manager: HttpConnectionManager) -> tuple[bytes, bool, Problem | None]:
    action = manager.path_with_escaped_slashes_action
    if action in ("KEEP_UNCHANGED", "IMPLEMENTATION_SPECIFIC_DEFAULT") or not _ESCAPED_SLASH.search(path):
        return path, False, None
    unescaped = _ESCAPED_SLASH.sub(lambda m: b"/" if m[0][1:].lower() == b"2f" else b"\\", path)
    if action == "REJECT_REQUEST":
        return unescaped, False, Problem(400, _FAILED)
    return unescaped, action == "UNESCAPE_AND_REDIRECT", None


def _canonical(path: bytes) -> bytes | None:
    """Normalise a path by RFC 3986 as Envoy's URL library does, or return None if the path is invalid."""
    if re.search(rb"%00", path):
        return None
    segments: list[bytes] = []
    parts = path.replace(b"\\", b"/").split(b"/")[1:]
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        dots = _DOTS.match(part)
        if dots is None:
            segments.append(_UNRESERVED.sub(_decoded, part))
            continue
        if len(re.sub(rb"%2e", b".", dots["plain"] or dots["encoded"], flags=re.IGNORECASE)) > 1 and segments:
            segments.pop()
        if last:
            segments.append(b"")
    return b"/" + b"/".join(segments)


def _decoded(match: re.Match[bytes]) -> bytes:
    byte = bytes((int(match[1], 16),))
    return byte if re.match(rb"[A-Za-z0-9\-._~]", byte) else match[0]


def normalized_host(host: bytes, manager: HttpConnectionManager, port: int) -> bytes:
    """Return the host, normalised according to the options of the connection manager."""
    if manager.strip_trailing_host_dot:
        name, colon, tail = host.partition(b":")
        host = name.removesuffix(b".") + colon + tail
    if not (manager.strip_any_host_port or manager.strip_matching_host_port):
        return host
    match = re.match(rb"(.*):(\d+)\Z", host)
    if match is None or host.rfind(b"]") > match.start(2):
        return host
    return match[1] if manager.strip_any_host_port or int(match[2]) == port else host
