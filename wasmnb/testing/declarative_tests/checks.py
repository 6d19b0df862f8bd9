"""Comparison of the result of a test phase with its expectation. Each difference is described by a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from ...abi.text import encode_text
from ...messages import to_text
from .errors import SourceLocation
from .phases import PhaseResult
from .suite import Expectation, Header, Immediate, Matcher

__all__ = ["check_log", "check_phase"]

#: Function that reads a file named in an expectation. Its arguments are the file name and the location of the field.
ReadFile = Callable[[str, SourceLocation], bytes]

#: Regular expression syntax of RE2 -> the same in Python.
_RE2 = ((r"\z", r"\Z"), (r"\pL", r"[^\W\d_]"), (r"\C", r"[\s\S]"))
_POSIX = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "space": r"\s",
    "xdigit": "0-9a-fA-F", "word": r"\w", "punct": r"!-/:-@\[-`{-~", "blank": r" \t",
}  # fmt: skip

#: Maximum number of characters of a value in a reason.
_MAX_SHOWN = 300


def check_phase(expected: Expectation, result: PhaseResult, read: ReadFile, *, headers_phase: bool) -> Iterator[str]:
    """Compare a phase's result with its expectation.

    Parameters
    ----------
    expected
        Expectation in the test file.
    result
        Result of the phase.
    read
        Function that reads files named in the expectation.
    headers_phase
        Whether the phase is a headers callback. Headers callbacks must not pause.

    Yields
    ------
    str
        A reason for each difference, with the line of the expectation.
    """
    for header in expected.all_has_header():
        yield from _has_header(header, result)
    for header in expected.all_no_header():
        value = result.headers.get(encode_text(header.key))
        if value is not None:
            yield _at(header, f"header {header.key} is {_text(value)!r}, expected none")
    lines = [f"{to_text(n)}: {to_text(v)}" for n, v in result.headers]
    for matcher in expected.all_lines():
        yield from _find(matcher, "header", lines, read)
    for matcher in expected.all_body():
        yield from _find(matcher, "body", [to_text(result.body)], read)
    yield from _immediate(expected, result, headers_phase=headers_phase)
    yield from check_log(expected, result.log, read)


def check_log(expected: Expectation, log: list[str], read: ReadFile) -> Iterator[str]:
    """Yield a reason for each difference between a log and its expectation."""
    for matcher in expected.log:
        yield from _find(matcher, "log line", log, read)


def _at(part: Header | Matcher | Expectation | Immediate, reason: str) -> str:
    return f"line {part.place.line}: {reason}" if part.place.line else reason


def _text(value: bytes) -> str:
    text = to_text(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _has_header(header: Header, result: PhaseResult) -> Iterator[str]:
    if not header.key:
        yield _at(header, "has_header has no key. Write the header's name")
        return
    value = result.headers.get(encode_text(header.key))
    if value is None:
        yield _at(header, f"header {header.key} is missing, expected {_text(header.value)!r}")
    elif value != header.value:
        yield _at(header, f"header {header.key} is {_text(value)!r}, expected {_text(header.value)!r}")


def _immediate(expected: Expectation, result: PhaseResult, *, headers_phase: bool) -> Iterator[str]:
    immediate = expected.immediate
    if immediate is None:
        if result.http_status:
            yield _at(expected, f"an immediate response (HTTP {result.http_status}) was sent, expected none")
        elif headers_phase and not result.continues:
            yield _at(expected, "the callback paused the stream, expected it to continue")
        return
    if not result.http_status:
        paused = "" if result.continues else " (the callback paused the stream)"
        yield _at(immediate, f"no immediate response was sent, expected one{paused}")
        return
    fields = (
        ("HTTP status", immediate.http_status, result.http_status),
        ("gRPC status", immediate.grpc_status, result.grpc_status),
        ("details", immediate.details, result.details),
    )
    for name, expected_value, value in fields:
        if expected_value is not None and expected_value != value:
            yield f"line {immediate.place.line}: {name} of the immediate response is {value!r}, expected {expected_value!r}"


def _find(matcher: Matcher, kind: str, contents: Iterable[str], read: ReadFile) -> Iterator[str]:
    """Yield a reason if no text matches or, for a matcher with `invert`, if any text matches."""
    texts = list(contents)
    try:
        test, shown = _test(matcher, read)
    except (re.error, OSError, ValueError) as error:
        yield _at(matcher, f"the matcher can't be used: {error}")
        return
    if any(map(test, texts)) == matcher.invert:
        actual = "\n".join(f"    {_text(line.encode('utf-8', 'surrogateescape'))}" for line in texts) or "    nothing"
        article = "no" if matcher.invert else "a"
        yield _at(matcher, f"expected {article} {kind} that is {shown}, found\n{actual}")


def _test(matcher: Matcher, read: ReadFile) -> tuple[Callable[[str], bool], str]:
    if matcher.regex is not None:
        pattern = re.compile(_translate(matcher.regex))
        return lambda text: pattern.fullmatch(text) is not None, f"/{matcher.regex}/"
    if matcher.exact is None and matcher.file is None:
        raise ValueError("set `exact`, `regex` or `file`")
    data = matcher.exact if matcher.exact is not None else read(matcher.file or "", matcher.place.into("file", 0))
    expected = to_text(data)
    shown = expected if len(expected) <= _MAX_SHOWN else f"{expected[:_MAX_SHOWN]}..."
    return lambda text: text == expected, repr(shown)


def _translate(regex: str) -> str:
    """Translate a regular expression from RE2's syntax to Python's."""
    for re2, python in _RE2:
        regex = regex.replace(re2, python)
    return re.sub(r"\[:(\^?)(\w+):\]", lambda m: _POSIX.get(m[2], m[0]) if not m[1] else m[0], regex)
