"""Parse a traceback from inside a module into a chain of exceptions with their frames and messages."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .frames import Frame

__all__ = ["Link", "chain_of"]

_JOINTS = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)
_JOINT = re.compile(rf"\n\n({'|'.join(map(re.escape, _JOINTS))})\n\n")
_FRAME = re.compile(
    r'^  File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<name>.*))?$(?:\n    (?P<text>(?!local \w+ = )\S.*))?',
    re.MULTILINE,
)
#: A local variable, which the SDK writes below a frame. Python statements never begin like this.
_LOCAL = re.compile(r"^    local (\w+ = .*)$", re.MULTILINE)

#: Python's line for repeated frames.
_REPEATED = re.compile(r"^  \[(Previous line repeated \d+ more times?)\]$", re.MULTILINE)

#: Beginning of the traceback of an exception group, which is kept unchanged.
_GROUP = "  + Exception Group Traceback"


@dataclass(frozen=True, slots=True)
class Link:
    """An exception in a chain of exceptions.

    Attributes
    ----------
    frames
        The frames of the traceback, outermost first.
    conclusion
        Class and message of the exception.
    joint
        Python's sentence about the exception that follows. Empty for the last exception.
    """

    frames: list[Frame]
    conclusion: str
    joint: str

    @property
    def name(self) -> str:
        """Name of the class of the exception."""
        return self.conclusion.partition("\n")[0].partition(":")[0]


def chain_of(traceback: str) -> list[Link]:
    """Parse a traceback into the exceptions of its chain.

    Parameters
    ----------
    traceback
        Text of the traceback.

    Returns
    -------
    list
        The exceptions in the order of the text. Empty if the text is not a traceback.
    """
    parts = _JOINT.split(traceback.rstrip())
    links = [_link(text, joint) for text, joint in zip(parts[::2], [*parts[1::2], ""], strict=True)]
    return links if any(link.frames or link.conclusion.startswith(_GROUP) for link in links) else []


def _link(text: str, joint: str) -> Link:
    if text.startswith(_GROUP):
        return Link([], text, joint)
    matches = list(_FRAME.finditer(text))
    ends_at = [*(m.start() for m in matches[1:]), len(text)]
    frames = [_frame(m, text[m.end() : end]) for m, end in zip(matches, ends_at, strict=False)]
    lines = text.split("\n")
    ends = [i for i, line in enumerate(lines) if line and not line.startswith((" ", "Traceback "))]
    return Link(frames, "\n".join(lines[ends[0] :]) if ends else "", joint)


def _frame(match: re.Match[str], below: str) -> Frame:
    """Create a frame from the match of its first line and from the lines below, which contain local variables."""
    text = (match["text"] or "").rstrip()
    repeated = _REPEATED.search(below)
    return Frame(
        match["file"],
        int(match["line"]),
        match["name"] or "",
        text,
        tuple(_LOCAL.findall(below)),
        repeated[1] if repeated else "",
    )
