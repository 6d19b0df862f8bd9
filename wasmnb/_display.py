"""Display of objects: text with every character visible, and display data for notebooks.

The code that draws is on another floor and is called through the hook `mimebundle`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from . import _hooks

__all__ = ["NEWLINES", "Shown", "bounded", "short", "visible"]

#: Control characters that preformatted text keeps.
NEWLINES = "\n\t"

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _code(char: str) -> str:
    """Return the escape of a character in a Python string."""
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is not UTF-8, kept as a surrogate (PEP 383)
        return f"\\x{number - 0xDC00:02x}"
    if char in _SHORT:
        return _SHORT[char]
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def visible(text: str | bytes, keep: str = "") -> str:
    r"""Return text with every character visible: controls, surrogates and direction overrides become escapes.

    Parameters
    ----------
    text
        Text or bytes. Bytes are decoded as UTF-8; bytes that aren't UTF-8 become `\xNN`.
    keep
        Characters to keep unescaped, such as newlines in a body (default none).
    """
    if isinstance(text, bytes | bytearray | memoryview):
        text = bytes(text).decode("utf-8", "surrogateescape")
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _code(c) for c in text)


def short(text: str, limit: int = 120) -> str:
    """Return a name as it is shown in a sentence: invisible characters escaped, and the middle of a long name left out.

    Parameters
    ----------
    text
        The name.
    limit
        Most characters of the name to show (default 120).
    """
    if len(text) > limit:
        text = f"{text[: limit * 2 // 3]}…{text[-limit // 3 :]}"
    return visible(text)


def bounded(sentences: Iterable[str], limit: int = 2000) -> list[str]:
    """Return the first sentences, and a last one that says so if there are more. The rest isn't read.

    Parameters
    ----------
    sentences
        The sentences; they can be generated on demand.
    limit
        Most characters of all sentences together (default 2000).
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
    """Base of objects that notebooks draw. Terminals show their repr."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:  # noqa: ARG002 -- IPython's signature
        try:
            draw = _hooks.mimebundle.provider()
        except ImportError:
            return {"text/plain": repr(self)}
        return draw(self)
