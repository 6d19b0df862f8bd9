"""Select the frames of a traceback that are shown: those of the user's code, without wasmnb and IPython."""

from __future__ import annotations

import sys
from types import FrameType, TracebackType
from typing import Any

from wasmnb._code_paths import PACKAGE
from wasmnb.parsing.tracebacks import Frame

__all__ = ["caller_frames", "display_name"]

_PACKAGE = PACKAGE + "/"
_TOOLS = ("/IPython/", "/ipykernel/", "/traitlets/", "/decorator.py", "<decorator-gen", "<frozen ")


def _tool(filename: str) -> bool:
    return any(part in filename for part in _TOOLS)


def caller_frames(traceback: TracebackType | None) -> list[Frame]:
    """Return the frames of the code that called wasmnb, outermost first.

    Cells with a magic are omitted, because their source isn't Python.
    """
    frames: list[tuple[str, Frame]] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not _generated(traceback.tb_frame):
            frames.append((code.co_filename, Frame(code.co_filename, traceback.tb_lineno, code.co_name)))
        traceback = traceback.tb_next
    after = [filename for filename, _ in frames[1:]] + [""]
    return [
        frame
        for (filename, frame), next_one in zip(frames, after, strict=False)
        if not filename.startswith(_PACKAGE) and not _tool(filename) and not _tool(next_one)
    ]


def _generated(frame: FrameType) -> bool:
    """Return whether a frame is a generated method of one of wasmnb's dataclasses."""
    return frame.f_code.co_filename == "<string>" and str(frame.f_globals.get("__name__")).startswith("wasmnb.")


def display_name(filename: str) -> str:
    """Return the name of a file for display. Cells are named by their number in IPython."""
    shell: Any = None
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
    known = shell.compile.format_code_name(filename) if shell is not None else None
    return " ".join(known) if known else filename
