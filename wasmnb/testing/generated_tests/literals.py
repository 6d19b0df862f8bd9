"""Python literals, short and readable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...messages import to_text

__all__ = ["header_literal", "quoted", "short"]


def quoted(value: Any) -> str:
    """Return the literal in double quotes, unless the value contains one."""
    literal_text = repr(value)
    start = 2 if isinstance(value, bytes) else 1
    if literal_text[start - 1] == '"' or '"' in literal_text:
        return literal_text
    return literal_text[: start - 1] + '"' + literal_text[start:-1].replace("\\'", "'") + '"'


def short(data: bytes) -> str:
    """Return the literal of bytes, as text if they are UTF-8. A long run of one byte becomes a product."""
    if len(data) > 20 and data == data[:1] * len(data):
        return f"{short(data[:1])} * {len(data)}"
    try:
        return quoted(data.decode())
    except UnicodeDecodeError:
        return quoted(data)


def header_literal(pairs: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the literal of headers: a dictionary, or pairs if a name occurs twice."""
    items = list(pairs)
    if len({name for name, _ in items}) == len(items):
        return "{" + ", ".join(f"{quoted(to_text(name))}: {short(value)}" for name, value in items) + "}"
    return "[" + ", ".join(f"({quoted(to_text(name))}, {short(value)})" for name, value in items) + "]"
