"""Python literals of values, short and readable, with the counter of repetitions as an expression."""

from __future__ import annotations

from ..generated_tests.literals import quoted
from .scenarios.loops import COUNTER
from .scenarios.scenario import Pairs

__all__ = ["literal", "pairs", "text"]


def text(value: str) -> str:
    """Return the literal of a text: an f-string if the counter is in it."""
    literal_text = quoted(value)
    if COUNTER not in literal_text:
        return literal_text
    return "f" + literal_text.replace("{", "{{").replace("}", "}}").replace(COUNTER, "{number}")


def literal(data: bytes) -> str:
    """Return the literal of bytes. A long run of one byte becomes a product."""
    if len(data) > 20 and data == data[:1] * len(data):
        return f"{quoted(data[:1])} * {len(data)}"
    if COUNTER.encode() not in data:
        return quoted(data)
    return f'{quoted(data)}.replace(b"{COUNTER}", b"%d" % number)'


def pairs(headers: Pairs) -> str:
    """Return the literal of headers, as text where they are ASCII."""
    return f"[{', '.join(f'({_short(n)}, {_short(v)})' for n, v in headers)}]"


def _short(data: bytes) -> str:
    return text(data.decode()) if data.isascii() else literal(data)
