"""The one place where hostile text becomes safe to show.

Header names and values, bodies, logs, file names and everything else that a filter or a client wrote passes through
`visible` on its way to a terminal and through `escape` on its way to HTML. Nothing else in the package writes such
text.
"""

from __future__ import annotations

import html

__all__ = ["NEWLINES", "clip", "escape", "visible"]

#: What preformatted text keeps although it does not print.
NEWLINES = "\n\t"

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _code(char: str) -> str:
    """One character that must not be shown as it is, written as Python would write it in a string."""
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, kept as a surrogate (PEP 383)
        return f"\\x{number - 0xDC00:02x}"
    if char in _SHORT:
        return _SHORT[char]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def visible(text: str | bytes, keep: str = "") -> str:
    r"""Text in which every character can be seen: controls, surrogates and direction overrides become escapes.

    Parameters
    ----------
    text
        Bytes are read as UTF-8; those that are not become `\xNN`.
    keep
        Characters to leave alone although they do not print, e.g. newlines in a body.
    """
    if isinstance(text, bytes | bytearray | memoryview):
        text = bytes(text).decode("utf-8", "surrogateescape")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _code(c) for c in text)


def escape(text: str | bytes, keep: str = "") -> str:
    """The same as HTML: no markup survives, in text or in an attribute's quotes."""
    return html.escape(visible(text, keep), quote=True)


def clip(text: str, limit: int) -> str:
    """At most `limit` characters, and a word on what was cut."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more)"
