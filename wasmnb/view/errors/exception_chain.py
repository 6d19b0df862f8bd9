"""A guest's traceback, read: the chain of exceptions, each with its frames and its last words."""

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
#: A local variable, as the SDK writes it under a frame; no line of Python begins like that.
_LOCAL = re.compile(r"^    local (\w+ = .*)$", re.MULTILINE)

#: What Python writes under a frame instead of the same frame again.
_REPEATED = re.compile(r"^  \[(Previous line repeated \d+ more times?)\]$", re.MULTILINE)

#: A group's traceback is a drawing of its own; it is left as it is.
_GROUP = "  + Exception Group Traceback"


@dataclass(frozen=True, slots=True)
class Link:
    """One exception of a chain.

    Attributes
    ----------
    frames
        Outermost first.
    conclusion
        Its name and message, without notes of source lines.
    joint
        Python's sentence about the exception that follows; empty for the last.
    """

    frames: list[Frame]
    conclusion: str
    joint: str

    @property
    def name(self) -> str:
        """The exception's class."""
        return self.conclusion.partition("\n")[0].partition(":")[0]


def chain_of(traceback: str) -> list[Link]:
    """The exceptions that a traceback tells of, the first one first; none if the text is no traceback."""
    pieces = _JOINT.split(traceback.rstrip())
    links = [_link(text, joint) for text, joint in zip(pieces[::2], [*pieces[1::2], ""], strict=True)]
    return links if any(link.frames or link.conclusion.startswith(_GROUP) for link in links) else []


def _link(text: str, joint: str) -> Link:
    if text.startswith(_GROUP):
        return Link([], text, joint)
    found = list(_FRAME.finditer(text))
    ends_at = [*(m.start() for m in found[1:]), len(text)]
    frames = [_frame(m, text[m.end() : end]) for m, end in zip(found, ends_at, strict=False)]
    lines = text.split("\n")
    ends = [i for i, line in enumerate(lines) if line and not line.startswith((" ", "Traceback "))]
    return Link(frames, "\n".join(lines[ends[0] :]) if ends else "", joint)


def _frame(match: re.Match[str], below: str) -> Frame:
    """A frame from its own lines and those below it."""
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
