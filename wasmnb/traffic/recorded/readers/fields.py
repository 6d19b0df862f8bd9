"""Parts of recorded messages that several formats share: URLs, header lists, pseudo-headers and numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ....abi.text import encode_text
from ....messages import Headers, Request, Text, to_bytes, to_text
from ..exchange import Unreadable

__all__ = ["Target", "header_pairs", "milliseconds", "parse_url", "request_of", "status_of"]

Pairs = list[tuple[bytes, bytes]]


class Target(NamedTuple):
    """Scheme, authority and path of a URL."""

    scheme: str
    authority: str
    path: str


def parse_url(url: str) -> Target:
    """Return the parts of a URL, or of a path alone. User and password are left out.

    Raises
    ------
    Unreadable
        It isn't a URL of HTTP.
    """
    if url.startswith("/"):
        return Target("http", "", url.partition("#")[0])
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Unreadable(f"The URL can't be read ({error}).") from None
    if parts.scheme not in ("http", "https", "ws", "wss"):
        raise Unreadable(f"The URL's scheme is {parts.scheme or 'missing'!r}, not http or https.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target("https" if parts.scheme in ("https", "wss") else "http", parts.netloc.rpartition("@")[2], path)


def header_pairs(value: Any) -> Pairs:
    """Return headers as pairs of bytes, names in lower case.

    Parameters
    ----------
    value
        A list of objects with `name` (or `key`) and `value`, a list of pairs, an object from names to values or to lists of
        values, or None.

    Raises
    ------
    Unreadable
        It is something else.
    """
    with suppress(TypeError, ValueError, KeyError, AttributeError):  # the common form first, for speed
        return [(encode_text(entry["name"]).lower(), encode_text(entry["value"])) for entry in value]
    try:
        return [(to_bytes(name).lower(), to_bytes(value)) for name, value in _entries(value)]
    except (TypeError, ValueError, KeyError, AttributeError):
        raise Unreadable("The headers are not names and values.") from None


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        for name, values in value.items():
            yield from ((name, each) for each in (values if isinstance(values, list) else [values]))
        return
    for entry in value or ():
        if isinstance(entry, Mapping):
            name = entry["name"] if "name" in entry else entry["key"]
            yield name, "" if entry.get("value") is None else entry["value"]
        else:
            name, single = entry
            yield name, single


def request_of(
    pairs: Pairs, body: bytes = b"", trailers: Pairs | None = None, *, method: Text = "", target: Target | None = None
) -> Request:
    """Return a request whose pseudo-headers and `host` are among its headers.

    Parameters
    ----------
    pairs
        Headers, names in lower case; `:method` and the like count if the next parameters don't say it.
    body, trailers
        The rest of the message.
    method, target
        From the recording, if it has them elsewhere.

    Raises
    ------
    Unreadable
        There is no method or no path.
    """
    pseudo = {name: to_text(value) for name, value in pairs if name.startswith(b":")}
    host = next((to_text(value) for name, value in pairs if name == b"host"), "")
    method = to_text(to_bytes(method)) or pseudo.get(b":method", "")
    path = target.path if target is not None else pseudo.get(b":path", "")
    if not method or not (path or method == "CONNECT"):
        raise Unreadable(f"The request has no {'path' if method else 'method'}.")
    authority = pseudo.get(b":authority") or host or (target.authority if target is not None else "")
    scheme = target.scheme if target is not None else pseudo.get(b":scheme", "http")
    rest = plain(name_value for name_value in pairs if name_value[0] != b"host")
    return Request(method, path, rest, body, plain(trailers or ()), authority or "example.com", scheme)


def plain(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return headers without pseudo-headers."""
    headers = Headers()
    headers.raw = [pair for pair in pairs if not pair[0].startswith(b":")]
    return headers


def status_of(value: Any) -> int:
    """Return an HTTP status, or 0 if there isn't one."""
    try:
        status = int(value)
    except (TypeError, ValueError):
        return 0
    return status if 100 <= status <= 999 else 0


def milliseconds(value: Any) -> float | None:
    """Return seconds for a number of milliseconds; None for anything else and for negative numbers."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number / 1000 if 0 <= number < float("inf") else None
