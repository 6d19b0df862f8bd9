"""Header blocks of HTTP/1: lines of `name: value`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

__all__ = ["parse_header_lines"]

#: Called with the index and text of a line that is not a header; it may raise.
OnMalformed = Callable[[int, bytes], None]


def parse_header_lines(
    lines: Iterable[bytes], *, unfold: bool = False, nameless: bool = False, on_malformed: OnMalformed | None = None
) -> list[tuple[bytes, bytes]]:
    """Parse the lines of a header block, up to the first blank one.

    Parameters
    ----------
    lines
        The lines, without line breaks and without the start line.
    unfold
        Whether a line that begins with a space or tab continues the value above (RFC 9112, section 5.2). By default, it
        is treated like any other line.
    nameless
        Whether a line with an empty name counts as a header (default False: it's malformed). Envoy sends such a line if a
        filter adds a header without a name.
    on_malformed
        Called with the index and text of a line without a colon or a name. By default, such a line is skipped.

    Returns
    -------
    list[tuple[bytes, bytes]]
        Names as they are written, and values without the spaces around them.
    """
    pairs: list[tuple[bytes, bytes]] = []
    for index, line in enumerate(lines):
        if not line.strip():
            break
        if unfold and line[:1] in b" \t" and pairs:
            name, value = pairs[-1]
            pairs[-1] = (name, value + b" " + line.strip())
            continue
        name, colon, value = line.partition(b":")
        if colon and (name.strip() or nameless):
            pairs.append((name, value.strip(b" \t")))
        elif on_malformed is not None:
            on_malformed(index, line)
    return pairs
