"""Expectations with which assertions compare values: text, patterns, predicates, and named expectations such as ABSENT."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from ...messages import to_bytes, to_text

__all__ = ["ABSENT", "ANY", "Expected", "containing", "describe", "fits", "json_of", "matching", "suggestion"]


class NamedExpectation:
    """An expectation with a description for failure messages."""

    def __init__(self, description: str, test: Callable[[str | None], bool]) -> None:
        self.description = description
        self.test = test

    def __repr__(self) -> str:
        return self.description


#: Expectation that a value, such as a header, is absent.
ABSENT = NamedExpectation("ABSENT", lambda value: value is None)

#: Expectation that a value, such as a header, is present with any value.
ANY = NamedExpectation("ANY", lambda value: value is not None)

#: Type of expectations: text, bytes or an int for equality, a compiled pattern for the whole text, a predicate, or a named one.
Expected = str | bytes | re.Pattern[str] | Callable[[str], bool] | NamedExpectation | int


def matching(pattern: str, flags: int = 0) -> NamedExpectation:
    """Return an expectation: text that contains a match of a regular expression.

    Parameters
    ----------
    pattern
        Regular expression, which may match anywhere in the text.
    flags
        Flags of `re.compile` (default 0).
    """
    compiled = re.compile(pattern, flags)
    return NamedExpectation(f"text matching {pattern!r}", lambda v: v is not None and compiled.search(v) is not None)


def containing(*parts: str) -> NamedExpectation:
    """Return an expectation: text that contains all of the texts `parts`."""
    description = " and ".join(map(repr, parts))
    return NamedExpectation(f"text containing {description}", lambda v: v is not None and all(p in v for p in parts))


def json_of(value: Any) -> NamedExpectation:
    """Return an expectation: text that is JSON for `value`. White space and the order of names don't matter."""

    def test(text: str | None) -> bool:
        try:
            return text is not None and bool(json.loads(text) == value)
        except ValueError:
            return False

    return NamedExpectation(f"JSON for {value!r}", test)


def fits(expected: Any, value: str | None) -> bool:
    """Return whether a value meets an expectation. A missing value is passed as None."""
    if isinstance(expected, NamedExpectation):
        return expected.test(value)
    if expected is None or value is None:
        return expected is None and value is None
    if isinstance(expected, re.Pattern):
        return expected.fullmatch(value) is not None
    if callable(expected):
        return bool(expected(value))
    return value == to_text(to_bytes(expected))


def describe(expected: Any) -> str:
    """Describe an expectation for failure messages."""
    if isinstance(expected, re.Pattern):
        return f"text matching {expected.pattern!r} as a whole"
    if callable(expected) and not isinstance(expected, NamedExpectation):
        return f"a value that {getattr(expected, '__name__', 'the predicate')} accepts"
    return "ABSENT" if expected is None else repr(expected)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown name: the most similar known name, or all known names."""
    names = list(known)
    close = difflib.get_close_matches(name, names, 1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(names) or 'none'}."
