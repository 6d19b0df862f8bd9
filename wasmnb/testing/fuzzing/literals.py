"""Values as Python writes them, short and readable; the counter of repetitions as an expression."""

from __future__ import annotations

from typing import Any

from .scenarios.loops import COUNTER
from .scenarios.scenario import Pairs

__all__ = ["literal", "pairs", "quoted", "text"]


def quoted(value: Any) -> str:
    """A literal in double quotes, if it has none inside."""
    written = repr(value)
    start = 2 if isinstance(value, bytes) else 1
    if written[start - 1] == '"' or '"' in written:
        return written
    return written[: start - 1] + '"' + written[start:-1].replace("\\'", "'") + '"'


def text(value: str) -> str:
    """A text, perhaps with the counter in it."""
    written = quoted(value)
    if COUNTER not in written:
        return written
    return "f" + written.replace("{", "{{").replace("}", "}}").replace(COUNTER, "{number}")


def literal(data: bytes) -> str:
    """Bytes; a long run of one byte as a product."""
    if len(data) > 20 and data == data[:1] * len(data):
        return f"{quoted(data[:1])} * {len(data)}"
    if COUNTER.encode() not in data:
        return quoted(data)
    return f'{quoted(data)}.replace(b"{COUNTER}", b"%d" % number)'


def pairs(given: Pairs) -> str:
    """Headers; texts where they are ASCII."""
    return f"[{', '.join(f'({_short(n)}, {_short(v)})' for n, v in given)}]"


def _short(data: bytes) -> str:
    return text(data.decode()) if data.isascii() else literal(data)
