"""Escape invisible characters in text, and display objects in notebooks.

The HTML and text of an object come from `wasmnb.view`, which is called through the hook `mimebundle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import _hooks

__all__ = ["NEWLINES", "Shown", "bounded", "pad", "short", "visible", "width"]

#: Control characters that aren't escaped in preformatted text.
NEWLINES = "\n\t"

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _code(char: str) -> str:
    """Return the escape sequence of a character, as in a Python string literal."""
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, kept as a surrogate (PEP 383)
        return f"\\x{number - 0xDC00:02x}"
    if char in _SHORT:
        return _SHORT[char]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def visible(text: str | bytes, keep: str = "") -> str:
    r"""Return text with control characters, surrogates and direction overrides escaped.

    Parameters
    ----------
    text
        Text or bytes. Bytes are decoded as UTF-8; bytes that aren't UTF-8 become `\xNN`.
    keep
        Characters that are not escaped, such as the newlines of a body (default none).
    """
    if isinstance(text, bytes | bytearray | memoryview):
        text = bytes(text).decode("utf-8", "surrogateescape")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _code(c) for c in text)


def width(text: str) -> int:
    """Return the number of columns that a line of text takes on a terminal. Wide characters take 2, combining characters 0."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # imported here, because most texts are ASCII

    columns = wcswidth(text)
    return columns if columns >= 0 else len(text)  # a text with control characters has no width


def pad(text: str, columns: int, align: str = "left") -> str:
    """Add spaces to a text, so that it takes a number of columns.

    Parameters
    ----------
    text
        One line of text.
    columns
        Number of columns. A text that takes more is returned unchanged.
    align
        "left" or "right" (default "left").
    """
    space = " " * (columns - width(text))
    return space + text if align == "right" else text + space


def short(text: str, limit: int = 120) -> str:
    """Return a name for use in a sentence: invisible characters are escaped, and the middle of a long name is omitted.

    Parameters
    ----------
    text
        The name.
    limit
        Maximum number of characters to show (default 120).
    """
    if len(text) > limit:
        text = f"{text[: limit * 2 // 3]}…{text[-limit // 3 :]}"
    return visible(text)


def bounded(sentences: Iterable[str], limit: int = 2000) -> list[str]:
    """Return as many sentences as the limit allows. If sentences are omitted, a last sentence says so.

    Parameters
    ----------
    sentences
        The sentences. They can be generated on demand, because sentences beyond the limit aren't read.
    limit
        Maximum number of characters of all sentences together (default 2000).
    """
    shown: list[str] = []
    size = 0
    for sentence in sentences:
        size += len(sentence) + 1
        if size > limit:
            return [*(shown or [sentence[:limit] + "…"]), "More like these are left out."]
        shown.append(sentence)
    return shown


class Shown:
    """Base class of objects with an HTML form, which notebooks display. Terminals show the repr of the object."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # noqa: ARG002 -- IPython's signature
        try:
            draw = _hooks.mimebundle.provider()
        except ImportError:
            return {"text/plain": repr(self)}
        return draw(self)
