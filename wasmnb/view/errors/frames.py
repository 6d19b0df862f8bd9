"""Whose frames an error went through: the caller's are worth showing, ours and IPython's are not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from wasmnb._places import OURS

__all__ = ["Frame", "caller_frames", "display_name"]

_PACKAGE = OURS + "/"
_TOOLS = ("/IPython/", "/ipykernel/", "/traitlets/", "/decorator.py", "<decorator-gen", "<frozen ")


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a source.

    Attributes
    ----------
    filename
        What `linecache` knows it by.
    text
        The line itself, if somebody told it.
    variables
        Lines such as `user = 'ann'`, if local variables were asked for.
    repeated
        Python's words for "and so on": the same frame came again and again.
    """

    filename: str
    lineno: int
    name: str = ""
    text: str = field(default="", compare=False)
    variables: tuple[str, ...] = field(default=(), compare=False)
    repeated: str = field(default="", compare=False)


def _tool(filename: str) -> bool:
    return any(part in filename for part in _TOOLS)


def caller_frames(traceback: TracebackType | None) -> list[Frame]:
    """Frames of the code that called wasmnb, outermost first.

    A frame that called IPython rather than us is a cell that holds a magic: its line is not Python, and the filter's own
    lines are shown anyway.
    """
    found: list[tuple[str, Frame]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        found.append((code.co_filename, Frame(code.co_filename, traceback.tb_lineno, code.co_name)))
        traceback = traceback.tb_next
    after = [filename for filename, _ in found[1:]] + [""]
    return [
        frame
        for (filename, frame), next_one in zip(found, after, strict=False)
        if not filename.startswith(_PACKAGE) and not _tool(filename) and not _tool(next_one)
    ]


def display_name(filename: str) -> str:
    """A file's name as people know it: IPython's cells by their number."""
    shell: Any = None
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
    known = shell.compile.format_code_name(filename) if shell is not None else None
    return " ".join(known) if known else filename
