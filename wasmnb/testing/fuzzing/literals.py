"""Python literals for the fuzzer's tests, in which the placeholder for the number of the repetition is an expression."""

from __future__ import annotations

from ..generated_tests.literals import quoted
from .scenarios.loops import COUNTER
from .scenarios.scenario import Pairs

__all__ = ["literal", "pairs", "text"]


def text(value: str) -> str:
    """Return the literal of a text. It is an f-string if the text contains the counter's placeholder."""
    literal_text = quoted(value)
    if COUNTER not in literal_text:
        return literal_text
    return "f" + literal_text.replace("{", "{{").replace("}", "}}").replace(COUNTER, "{number}")


def literal(data: bytes) -> str:
    """Return the literal of bytes. A long repetition of one byte is written as a product."""
    if len(data) > 20 and data == data[:1] * len(data):
        return f"{quoted(data[:1])} * {len(data)}"
    if COUNTER.encode() not in data:
        return quoted(data)
    return f'{quoted(data)}.replace(b"{COUNTER}", b"%d" % number)'


def pairs(headers: Pairs) -> str:
    """Return the literal of headers. Names and values that are ASCII are written as str, others as bytes."""
    return f"[{', '.join(f'({_short(n)}, {_short(v)})' for n, v in headers)}]"


def _short(data: bytes) -> str:
    return text(data.decode()) if data.isascii() else literal(data)
