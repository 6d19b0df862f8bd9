"""Patterns for values that differ in every run, such as ids and dates. They are found by running a test twice."""

from __future__ import annotations

import re

from .literals import quoted

__all__ = ["Expectations"]

_TOKEN = re.compile(r"[0-9a-fA-F]{8,}|\d+|[A-Za-z]+|\s+|.", re.DOTALL)

#: Patterns for kinds of tokens, the strictest first.
_KINDS = tuple(
    (re.compile(pattern), pattern) for pattern in (r"\d+", r"[0-9a-f]+", r"[0-9a-fA-F]+", r"[A-Za-z]+", r"\w+")
)


class Expectations:
    """Writer of the expected values of a generated test, as code.

    Attributes
    ----------
    names
        Names of the test kit that the code uses and must import.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()

    def of(self, first: str, second: str) -> str:
        """Return the code of an expectation for a value: the value itself if it is the same in two runs, otherwise a pattern.

        Parameters
        ----------
        first, second
            The value in the first and in the second run.
        """
        if first == second:
            return quoted(first)
        self.names.add("matching")
        pattern = "^" + _pattern(first, second) + "$"
        raw = '"' not in pattern and pattern.isprintable()
        return f'matching(r"{pattern}")' if raw else f"matching({pattern!r})"


def _pattern(first: str, second: str) -> str:
    ours, theirs = _TOKEN.findall(first), _TOKEN.findall(second)
    if len(ours) == len(theirs):
        return "".join(_token(a, b) for a, b in zip(ours, theirs, strict=True))
    start = next(
        (n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )
    rest = min(len(first), len(second)) - start
    end = next((n for n in range(rest) if first[-1 - n] != second[-1 - n]), rest)
    return f"{re.escape(first[:start])}(?s:.*){re.escape(first[len(first) - end :])}"


def _token(ours: str, theirs: str) -> str:
    if ours == theirs:
        return re.escape(ours)
    return next((text for kind, text in _KINDS if kind.fullmatch(ours) and kind.fullmatch(theirs)), r"(?s:.+)")
