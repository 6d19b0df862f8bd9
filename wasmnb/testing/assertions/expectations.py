"""What a value may be compared with: a text, a pattern, a predicate, or words like ABSENT."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from ...messages import to_bytes, to_text

__all__ = ["ABSENT", "ANY", "Expected", "containing", "describe", "fits", "json_of", "matching", "meant"]


class _Word:
    """A named expectation, readable in a failure message."""

    def __init__(self, words: str, test: Callable[[str | None], bool]) -> None:
        self.words = words
        self.test = test

    def __repr__(self) -> str:
        return self.words


#: Nothing is there.
ABSENT = _Word("ABSENT", lambda value: value is None)

#: Something is there, whatever it is.
ANY = _Word("ANY", lambda value: value is not None)

#: What matchers take: text or bytes for equality, a compiled pattern for the whole text, a predicate, or a word.
Expected = str | bytes | re.Pattern[str] | Callable[[str], bool] | _Word | int


def matching(pattern: str, flags: int = 0) -> _Word:
    """Text that a regular expression matches somewhere in it."""
    compiled = re.compile(pattern, flags)
    return _Word(f"text matching {pattern!r}", lambda v: v is not None and compiled.search(v) is not None)


def containing(*parts: str) -> _Word:
    """Text that contains all of these."""
    words = " and ".join(map(repr, parts))
    return _Word(f"text containing {words}", lambda v: v is not None and all(p in v for p in parts))


def json_of(value: Any) -> _Word:
    """Text that is JSON for this value, however it is written."""

    def test(text: str | None) -> bool:
        try:
            return text is not None and bool(json.loads(text) == value)
        except ValueError:
            return False

    return _Word(f"JSON for {value!r}", test)


def fits(expected: Any, value: str | None) -> bool:
    """Whether a value (None: it is not there) is as expected."""
    if isinstance(expected, _Word):
        return expected.test(value)
    if expected is None or value is None:
        return expected is None and value is None
    if isinstance(expected, re.Pattern):
        return expected.fullmatch(value) is not None
    if callable(expected):
        return bool(expected(value))
    return value == to_text(to_bytes(expected))


def describe(expected: Any) -> str:
    """An expectation in a failure message."""
    if isinstance(expected, re.Pattern):
        return f"text that is {expected.pattern!r}"
    if callable(expected) and not isinstance(expected, _Word):
        return f"what {getattr(expected, '__name__', 'the predicate')} takes"
    return "ABSENT" if expected is None else repr(expected)


def meant(name: str, known: Iterable[str]) -> str:
    """What a name that does not exist may have been meant to be, or all that there are."""
    there = list(known)
    close = difflib.get_close_matches(name, there, 1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(there) or 'none'}."
