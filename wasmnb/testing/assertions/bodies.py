"""Bodies in failure messages: text as text, anything else as Python writes bytes, and no more than a screen takes."""

from __future__ import annotations

import difflib

__all__ = ["body_block", "body_difference"]

#: Characters of a body or of one of its lines, lines of a difference, and bytes around the first that differs.
_BODY, _LINE, _LINES, _NEAR = 400, 200, 30, 20


def _readable(body: bytes) -> str | None:
    """The body as text; None if a terminal should not see it."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\t\r\n" for c in text) else None


def body_block(body: bytes) -> str:
    """The body, or how it begins."""
    if not body:
        return "  its body is empty"
    text = _readable(body)
    shown = repr(body[:_BODY]) if text is None else text[:_BODY]
    more = f" ... ({len(body):,} bytes)" if len(body) > _BODY else ""
    return "\n".join(["  its body:", *(f"    {line}" for line in (shown + more).splitlines())])


def body_difference(expected: bytes, there: bytes) -> tuple[str, list[str]]:
    """Where two bodies begin to differ, in words, and lines that show it."""
    wanted, found = _readable(expected), _readable(there)
    if wanted is None or found is None:
        at = _first(expected, there)
        return f"differs from byte {at} on", [
            f"  {word:8} {_around(body, at)} ({len(body):,} bytes)"
            for word, body in (("expected", expected), ("there", there))
        ]
    kept = wanted.splitlines(), found.splitlines()
    if kept[0] == kept[1]:  # the ends of lines differ: they have to be shown
        kept = [repr(x) for x in wanted.splitlines(keepends=True)], [repr(x) for x in found.splitlines(keepends=True)]
    lines = list(difflib.unified_diff(*kept, "expected", "there", lineterm="", n=2))
    more = [f"  ... and {len(lines) - _LINES} lines more"] if len(lines) > _LINES else []
    return f"differs from character {_first(wanted, found)} on", [*(f"  {_cut(x)}" for x in lines[:_LINES]), *more]


def _first(a: str | bytes, b: str | bytes) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _around(body: bytes, at: int) -> str:
    start, end = max(0, at - _NEAR), at + _NEAR
    return f"{'... ' if start else ''}{body[start:end]!r}{' ...' if end < len(body) else ''}"


def _cut(line: str) -> str:
    return line if len(line) <= _LINE else f"{line[:_LINE]}... ({len(line):,} characters)"
