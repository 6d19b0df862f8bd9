"""Excerpts of bodies for failure messages, as text if possible and otherwise as bytes literals."""

from __future__ import annotations

import difflib
from typing import NamedTuple

__all__ = ["body_block", "body_difference"]

#: Size limits of excerpts: characters of a body and of a line, lines of a difference, and bytes around the first difference.
_BODY, _LINE, _LINES, _CONTEXT = 400, 200, 30, 20


def _readable(body: bytes) -> str | None:
    """Decode a body as text. Returns None if it contains characters that can't be printed."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\t\r\n" for c in text) else None


class BodyDifference(NamedTuple):
    """The first difference between two bodies.

    Attributes
    ----------
    place
        Phrase with its position: `differs from byte 3 on`.
    lines
        Lines that show the difference.
    """

    place: str
    lines: list[str]


def body_block(body: bytes) -> str:
    """Return lines for a failure message that show a body or its beginning."""
    if not body:
        return "  the body is empty"
    text = _readable(body)
    shown = repr(body[:_BODY]) if text is None else text[:_BODY]
    suffix = f" ... ({len(body):,} bytes)" if len(body) > _BODY else ""
    return "\n".join(["  the body:", *(f"    {line}" for line in (shown + suffix).splitlines())])


def body_difference(expected: bytes, actual: bytes) -> BodyDifference:
    """Return the position of the first difference between two bodies, and lines that show it."""
    expected_text, actual_text = _readable(expected), _readable(actual)
    if expected_text is None or actual_text is None:
        at = _first_difference(expected, actual)
        shown = [
            f"  {label:8} {_excerpt(body, at)} ({len(body):,} bytes)"
            for label, body in (("expected", expected), ("actual", actual))
        ]
        return BodyDifference(f"differs from byte {at} on", shown)
    sides = [text.splitlines() for text in (expected_text, actual_text)]
    if sides[0] == sides[1]:  # show line endings, because only they differ
        sides = [[repr(line) for line in text.splitlines(keepends=True)] for text in (expected_text, actual_text)]
    lines = list(difflib.unified_diff(sides[0], sides[1], "expected", "actual", lineterm="", n=2))
    rest = [f"  ... and {len(lines) - _LINES} more lines"] if len(lines) > _LINES else []
    at = _first_difference(expected_text, actual_text)
    return BodyDifference(f"differs from character {at} on", [*(f"  {_cut(line)}" for line in lines[:_LINES]), *rest])


def _first_difference(a: str | bytes, b: str | bytes) -> int:
    return next((i for i, (left, right) in enumerate(zip(a, b, strict=False)) if left != right), min(len(a), len(b)))


def _excerpt(body: bytes, at: int) -> str:
    start, end = max(0, at - _CONTEXT), at + _CONTEXT
    return f"{'... ' if start else ''}{body[start:end]!r}{' ...' if end < len(body) else ''}"


def _cut(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[:_LINE]}... ({len(line):,} characters)"
