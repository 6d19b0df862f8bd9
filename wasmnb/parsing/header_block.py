"""Header blocks of HTTP/1, which consist of lines such as `name: value`, and the tokens used for names and methods.

Reference: RFC 9110, section 5.6.2, and RFC 9112, section 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from ..abi import Pair
from ..abi.text import encode_text

__all__ = [
    "FRAMING",
    "HOP_BY_HOP",
    "LOWER_TOKEN",
    "TOKEN",
    "encode_header_block",
    "parse_header_lines",
    "parse_header_text",
]

#: Pattern of a header name or a method.
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

#: Pattern of a header name in HTTP/2, which must not contain capital letters.
LOWER_TOKEN = re.compile(TOKEN.pattern.replace(b"A-Z", b""))

#: Headers for a single HTTP/1 connection, which are set by its ends and never forwarded.
FRAMING = frozenset((b"transfer-encoding", b"connection"))

#: Headers that clients and servers add for a single HTTP/1 connection. They are removed when a message changes connections.
HOP_BY_HOP = FRAMING | {b"keep-alive"}

#: Function called with the index and text of a line that isn't a header. It may raise an exception, or return a header to use.
OnMalformed = Callable[[int, bytes], Pair | None]

_BLANK = (b" ", b"\t")


def parse_header_lines(
    lines: Iterable[bytes],
    *,
    unfold: Literal["space", "verbatim"] | None = None,
    nameless: bool = False,
    pseudo: bool = False,
    on_malformed: OnMalformed | None = None,
) -> list[Pair]:
    """Parse the lines of a header block.

    Parameters
    ----------
    lines
        The lines, without line breaks and without the start line. An empty line counts as malformed.
    unfold
        Treatment of lines that begin with a space or tab and continue the previous value (RFC 9112, section 5.2): "space"
        appends the line to the value with one space, and "verbatim" keeps the line's own spaces, as Envoy does. By default
        (None), such lines are treated like any other line.
    nameless
        Whether to accept a header with an empty name (default False). Envoy sends such a line if a filter adds a header
        without a name.
    pseudo
        Whether a name can begin with a colon, as in `:path: /` (default False).
    on_malformed
        Function called with the index and text of a line without a colon or a name. By default, such a line is skipped.

    Returns
    -------
    list[Pair]
        Names and values. Names aren't changed, and values are stripped of leading and trailing spaces.
    """
    pairs: list[Pair] = []
    for index, line in enumerate(lines):
        if unfold and line[:1] in _BLANK and pairs:
            name, value = pairs[-1]
            pairs[-1] = (name, (value + line if unfold == "verbatim" else value + b" " + line.strip()).strip(b" \t"))
            continue
        colon = line.find(b":", 1 if pseudo else 0)
        if colon >= 0 and (nameless or line[:colon].strip()):
            pairs.append((line[:colon], line[colon + 1 :].strip(b" \t")))
        elif on_malformed is not None and (pair := on_malformed(index, line)) is not None:
            pairs.append(pair)
    return pairs


def parse_header_text(text: str, on_malformed: OnMalformed | None = None) -> list[Pair]:
    """Parse headers that a person or a tool wrote one per line. Names may begin with a colon, and spaces around them are removed.

    Parameters
    ----------
    text
        The lines. Blank ones are ignored.
    on_malformed
        As for `parse_header_lines`.
    """
    lines = (encode_text(line) for line in text.splitlines() if line.strip())
    return [
        (name.strip(), value.strip())
        for name, value in parse_header_lines(lines, pseudo=True, on_malformed=on_malformed)
    ]


def encode_header_block(start: bytes, pairs: Iterable[Pair]) -> bytes:
    """Encode a start line, headers, and the empty line that ends them. Line breaks in values aren't changed.

    Parameters
    ----------
    start
        The line before the headers: a request line, a status line, or the last chunk of a body before its trailers.
    pairs
        Names and values of the headers.
    """
    return b"\r\n".join([start, *(name + b": " + value for name, value in pairs), b"", b""])
