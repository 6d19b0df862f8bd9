"""Read Python tracebacks: the exceptions of a chain, with their types, messages and frames.

A filter in Wasm reports an exception only as text, in a line of the log, because the ABI has no other way. This is the only
module that reads such text. It knows the format of Python's `traceback` module: chains, exception groups, notes, messages with
several lines, syntax errors and repeated frames, and the local variables that the SDK adds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Frame", "ParsedException", "conclusion_of", "parse_traceback", "summary_of"]

_HEADER = "Traceback (most recent call last):"
_GROUP_HEADER = f"  + Exception Group {_HEADER}"

#: Left margin of the lines that describe an exception group, and the beginning of the line after them.
_MARGIN, _GROUP_END = "  | ", "  +-+---"

_JOINTS = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)

_FRAME = re.compile(r'  File "(?P<file>.*?)", line (?P<line>\d+)(?:, in (?P<name>.*))?$')

#: A local variable, which the SDK writes below a frame. Python statements never begin like this.
_LOCAL = re.compile(r"    local (\w+ = .*)$")

#: Python's line for repeated frames.
_REPEATED = re.compile(r"  \[(Previous line repeated \d+ more times?)\]$")

#: Maximum number of characters of a conclusion.
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a traceback.

    Attributes
    ----------
    filename
        Name of the file, or of the cell in `linecache`.
    lineno
        Number of the line, from 1.
    name
        Name of the function. Empty for the place of a syntax error.
    text
        The source line. Empty if unknown.
    variables
        Local variables, for example `user = 'ann'`. Empty if they aren't recorded.
    repeated
        Python's line about repeated frames. Empty if there is none.
    """

    filename: str
    lineno: int
    name: str = ""
    text: str = field(default="", compare=False)
    variables: tuple[str, ...] = field(default=(), compare=False)
    repeated: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ParsedException:
    """An exception in a traceback.

    Attributes
    ----------
    frames
        The frames, outermost first.
    conclusion
        Type, message and notes of the exception, as Python prints them: `KeyError: 'ann'`. It can have several lines.
    joint
        Python's sentence about the exception that follows. Empty for the last exception of a chain.
    group
        The whole text of an exception group, with the exceptions in it. Empty for other exceptions.
    """

    frames: list[Frame]
    conclusion: str
    joint: str = ""
    group: str = ""

    @property
    def summary(self) -> str:
        """First line of the conclusion."""
        return self.conclusion.partition("\n")[0]

    @property
    def type(self) -> str:
        """Name of the exception's class. Names of imported classes include the module, such as `json.JSONDecodeError`."""
        return self.summary.partition(":")[0]


def parse_traceback(text: str) -> list[ParsedException]:
    """Parse the traceback in a text, which can begin with other lines.

    Parameters
    ----------
    text
        The traceback, or a log line that contains it.

    Returns
    -------
    list
        The exceptions of the chain in the order of the text, so that the last one is the exception that was raised. Empty if
        the text contains no traceback.
    """
    if _HEADER not in text:
        return []
    lines = text.rstrip().split("\n")
    parts = list(_parts(lines))
    if all(_header_of(part) is None for part, _ in parts):
        return []  # only quoted inside a line
    return [_exception(part, joint) for part, joint in parts]


def conclusion_of(text: str) -> str:
    """Return type, message and notes of the exception in a traceback, shortened to 500 characters.

    If the traceback is a chain of exceptions, the last exception counts. If the text contains no traceback, return its last
    line.
    """
    return _shortened(_last(text).conclusion)


def summary_of(text: str) -> str:
    """Return the first line of the conclusion of a traceback (`conclusion_of`)."""
    return _shortened(_last(text).summary)


def _last(text: str) -> ParsedException:
    exceptions = parse_traceback(text)
    return exceptions[-1] if exceptions else ParsedException([], text.rstrip().rpartition("\n")[2])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text) - _LONGEST:,} more)"


def _header_of(lines: Sequence[str]) -> int | None:
    return next((i for i, line in enumerate(lines) if line in (_HEADER, _GROUP_HEADER)), None)


def _parts(lines: list[str]) -> Iterator[tuple[list[str], str]]:
    """Yield the lines of each exception of a chain, and Python's sentence after it."""
    start = 0
    for i in range(2, len(lines) - 2):
        if lines[i] in _JOINTS and not lines[i - 1] and not lines[i + 1] and lines[i + 2] in (_HEADER, _GROUP_HEADER):
            yield lines[start : i - 1], lines[i]
            start = i + 2
    yield lines[start:], ""


def _exception(lines: list[str], joint: str) -> ParsedException:
    """Parse one exception. An exception that was never raised has no header."""
    header = _header_of(lines)
    if header is None:
        return ParsedException([], "\n".join(lines), joint)
    body = lines[header + 1 :]
    group = ""
    if lines[header] == _GROUP_HEADER:
        group = "\n".join(lines[header:])
        end = next((i for i, line in enumerate(body) if line.startswith(_GROUP_END)), len(body))
        body = [line.removeprefix(_MARGIN) for line in body[:end]]
    end = next((i for i, line in enumerate(body) if not line.startswith("  ")), len(body))
    return ParsedException(_frames(body[:end]), "\n".join(body[end:]), joint, group)


def _frames(lines: list[str]) -> list[Frame]:
    matches = [(i, match) for i, line in enumerate(lines) if (match := _FRAME.match(line))]
    starts = [i for i, _ in matches]
    ends = [*starts[1:], len(lines)] if starts else []
    return [_frame(match, lines[i + 1 : end]) for (i, match), end in zip(matches, ends, strict=True)]


def _frame(match: re.Match[str], below: list[str]) -> Frame:
    """Create a frame from the match of its first line, and from the lines below it."""
    variables = [found[1] for line in below if (found := _LOCAL.match(line))]
    repeated = next((found[1] for line in below if (found := _REPEATED.match(line))), "")
    has_source = bool(below) and below[0].startswith("    ") and not _LOCAL.match(below[0])
    return Frame(
        match["file"],
        int(match["line"]),
        match["name"] or "",
        below[0].strip() if has_source else "",
        tuple(variables),
        repeated,
    )
