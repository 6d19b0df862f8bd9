"""Functions that write values as short and readable Python literals."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...messages import to_text

__all__ = ["header_literal", "quoted", "short"]


def quoted(value: Any) -> str:
    """Return the literal of a value in double quotes, unless the value contains a double quote."""
    literal_text = repr(value)
    start = 2 if isinstance(value, bytes) else 1
    if literal_text[start - 1] == '"' or '"' in literal_text:
        return literal_text
    return literal_text[: start - 1] + '"' + literal_text[start:-1].replace("\\'", "'") + '"'


def short(data: bytes) -> str:
    """Return the literal of bytes, as a str if they are UTF-8. A long repetition of one byte is written as a product."""
    if len(data) > 20 and data == data[:1] * len(data):
        return f"{short(data[:1])} * {len(data)}"
    try:
        return quoted(data.decode())
    except UnicodeDecodeError:
        return quoted(data)


def header_literal(pairs: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the literal of headers, which is a dict, or a list of pairs if a name occurs more than once."""
    items = list(pairs)
    if len({name for name, _ in items}) == len(items):
        return "{" + ", ".join(f"{quoted(to_text(name))}: {short(value)}" for name, value in items) + "}"
    return "[" + ", ".join(f"({quoted(to_text(name))}, {short(value)})" for name, value in items) + "]"
