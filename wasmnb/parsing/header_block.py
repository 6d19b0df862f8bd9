"""Header blocks of HTTP/1, which are lines of `name: value`, and the tokens that names and methods consist of.

Reference: RFC 9110, section 5.6.2, and RFC 9112, section 5.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Literal

from ..abi import Pair

__all__ = ["FRAMING", "LOWER_TOKEN", "TOKEN", "encode_header_block", "parse_header_lines"]

#: Name of a header, or a method.
TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

#: Name of a header in HTTP/2, which has no capital letters.
LOWER_TOKEN = re.compile(TOKEN.pattern.replace(b"A-Z", b""))

#: Headers of one connection of HTTP/1, which the ends of the connection set and don't forward.
FRAMING = frozenset((b"transfer-encoding", b"connection"))

#: Called with the index and text of a line that is not a header. It may raise, or return a header to use instead.
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
        The lines, without line breaks and without the start line. An empty line isn't a header.
    unfold
        How a line that begins with a space or tab continues the value above (RFC 9112, section 5.2): "space" joins them
        with one space, and "verbatim" keeps the blanks between them, as Envoy does. By default, such a line is treated like
        any other.
    nameless
        Whether a line with an empty name counts as a header (default False: it's malformed). Envoy sends such a line if a
        filter adds a header without a name.
    pseudo
        Whether a name may begin with a colon, as in `:path: /` (default False).
    on_malformed
        Called with the index and text of a line without a colon or a name. By default, such a line is skipped.

    Returns
    -------
    list[Pair]
        Names as they are written, and values without the spaces around them.
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


def encode_header_block(start: bytes, pairs: Iterable[Pair]) -> bytes:
    """Return a start line, headers, and the empty line that ends them. Line breaks in values stay as they are.

    Parameters
    ----------
    start
        The line before the headers: a request line, a status line, or the last chunk of a body before its trailers.
    pairs
        Names and values.
    """
    return b"\r\n".join([start, *(name + b": " + value for name, value in pairs), b"", b""])
