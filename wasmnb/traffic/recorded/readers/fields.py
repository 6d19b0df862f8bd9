"""Functions that parse parts of recorded messages for several readers: URLs, headers, pseudo-headers and numbers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from ....abi.text import encode_text
from ....messages import Headers, Request, Text, to_bytes, to_text
from ....parsing.header_block import TOKEN, parse_header_text
from ..exchange import Unreadable, finite

__all__ = [
    "Remark",
    "UrlTarget",
    "check_method",
    "header_pairs",
    "milliseconds",
    "parse_url",
    "request_of",
    "status_of",
    "text_of",
]

Pairs = list[tuple[bytes, bytes]]

#: Function that is called with a sentence about an omitted part of a record.
Remark = Callable[[str], None]

#: Pattern of a simple URL, which can be split without `urlsplit`: no user, brackets or spaces.
_PLAIN_URL = re.compile(r"(https?)://([A-Za-z0-9.:_-]+)((?:[/?][\x21\x22\x24-\x7e]*)?)(?:#.*)?")


#: A status code at the beginning of a text.
_STATUS = re.compile(r"\s*(\d{3})\b")


class UrlTarget(NamedTuple):
    """Scheme, authority and path of a URL."""

    scheme: str
    authority: str
    path: str


def parse_url(url: str) -> UrlTarget:
    """Split a URL or a path into its parts. User and password are removed.

    Raises
    ------
    Unreadable
        The text is not an HTTP URL.
    """
    url = url.strip()
    if plain_url := _PLAIN_URL.fullmatch(url):  # ten times as fast as urlsplit
        scheme, authority, rest = plain_url.groups()
        return UrlTarget(scheme, authority, rest if rest.startswith("/") else f"/{rest}")
    if url.startswith("//"):
        url = f"http:{url}"
    if url.startswith("/"):
        return UrlTarget("http", "", url.partition("#")[0])
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Unreadable(f"The URL can't be read ({error}).") from None
    if parts.scheme not in ("http", "https", "ws", "wss"):
        raise Unreadable(
            f"The scheme of the URL must be http or https, not {parts.scheme!r}."
            if parts.scheme
            else "The URL has no scheme."
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return UrlTarget("https" if parts.scheme in ("https", "wss") else "http", parts.netloc.rpartition("@")[2], path)


def header_pairs(value: Any, remark: Remark) -> Pairs:
    """Convert recorded headers to pairs of bytes with names in lower case. Invalid headers are omitted.

    Parameters
    ----------
    value
        A list of objects with `name` (or `key`) and `value`, a list of pairs, an object that maps names to values or to lists
        of values, lines of text, or None.
    remark
        Function that is called with a sentence about each omitted header.
    """
    with suppress(TypeError, ValueError, KeyError, AttributeError):  # try the most common form first, for speed
        pairs = [(encode_text(entry["name"]).lower(), encode_text(entry["value"])) for entry in value]
        if not any(_name_problem(name) for name, _ in pairs):
            return pairs
    pairs = []
    for raw_name, values in _entries(value, remark):
        name = to_bytes(raw_name).lower() if isinstance(raw_name, str | bytes | int) else b""
        if problem := _name_problem(name):
            remark(problem)
            continue
        pairs += [(name, text_of(single)) for single in (values if isinstance(values, list) else [values])]
    return pairs


def _name_problem(name: bytes) -> str:
    """Return why a header with this name is omitted, or an empty string if the name is valid."""
    if not name.strip():
        return "A header without a name was omitted."
    return "A header with a line break in its name was omitted." if b"\n" in name or b"\r" in name else ""


def _entries(value: Any, remark: Remark) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, str):
        lines = [line for line in value.splitlines() if line.strip()]
        value = parse_header_text(value)
        if len(value) < len(lines):
            remark("A part of the headers is not a name with a value and was omitted.")
    if isinstance(value, Mapping):
        yield from value.items()
        return
    for entry in value if isinstance(value, list) else () if value is None else [value]:
        if isinstance(entry, Mapping):
            yield entry.get("name", entry.get("key")), entry.get("value")
        elif isinstance(entry, list | tuple) and len(entry) == 2:
            yield entry[0], entry[1]
        else:
            remark("A part of the headers is not a name with a value and was omitted.")


def text_of(value: Any) -> bytes:
    """Return a JSON value as bytes. Strings are encoded, null is empty, and other values are written as JSON."""
    if value is None:
        return b""
    return to_bytes(value) if isinstance(value, str | bytes) else encode_text(json.dumps(value, separators=(",", ":")))


def request_of(
    pairs: Pairs,
    body: bytes = b"",
    trailers: Pairs | None = None,
    *,
    method: Text = "",
    target: UrlTarget | None = None,
) -> Request:
    """Return a request from headers that may contain pseudo-headers and `host`.

    Parameters
    ----------
    pairs
        Headers with names in lower case. Pseudo-headers such as `:method` are used for parts that no other parameter sets.
    body, trailers
        Body and trailers of the request (default empty).
    method, target
        Method and URL, if the recording contains them separately (default none).

    Raises
    ------
    Unreadable
        The request has no method or no path.
    """
    pseudo: dict[bytes, str] = {}
    headers, host = Headers(), ""
    for pair in pairs:
        name = pair[0]
        if name[:1] == b":":
            pseudo[name] = to_text(pair[1])
        elif name == b"host":
            host = host or to_text(pair[1])
        else:
            headers.raw.append(pair)
    method = to_text(to_bytes(method)).strip() or pseudo.get(b":method", "")
    path = target.path if target is not None else pseudo.get(b":path", "")
    if not method or not (path or method == "CONNECT"):
        raise Unreadable(f"The request has no {'path' if method else 'method'}.")
    check_method(method)
    authority = pseudo.get(b":authority") or host or (target.authority if target is not None else "")
    scheme = target.scheme if target is not None else pseudo.get(b":scheme", "http")
    return Request(method, path, headers, body, plain(trailers or ()), authority or "example.com", scheme)


def check_method(method: str) -> None:
    """Raise `Unreadable` if a method is not valid in HTTP/1."""
    if not TOKEN.fullmatch(encode_text(method)):
        raise Unreadable(f"{method[:40]!r} is not a valid HTTP method.")


def plain(pairs: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return headers without the pseudo-headers among them."""
    headers = Headers()
    headers.raw = [pair for pair in pairs if not pair[0].startswith(b":")]
    return headers


def status_of(value: Any) -> int:
    """Return the HTTP status in a recorded value, or 0 if the value is not a status."""
    text = _STATUS.match(value) if isinstance(value, str) else None
    number = finite(text[1] if text else value)
    return int(number) if number is not None and 100 <= number <= 999 else 0


def milliseconds(value: Any) -> float | None:
    """Convert milliseconds to seconds. Returns None if the value is negative or not a number."""
    number = finite(value)
    return number / 1000 if number is not None and number >= 0 else None
