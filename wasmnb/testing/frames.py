"""Tracebacks that end where the test called us: what lies below is not the reader's, and the message says what is wrong."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

__all__ = ["end_at_the_caller"]

#: Where code lies that nobody wrote for this test: wasmnb, installed packages, the standard library.
_FOLDERS = tuple(
    dict.fromkeys([str(Path(__file__).parents[1]), *map(sysconfig.get_path, ("purelib", "platlib", "stdlib"))])
)


def end_at_the_caller(error: BaseException) -> None:
    """Drop the last frames of an error's traceback as far as they are not the caller's."""
    last = None
    for entry in _entries(error.__traceback__):
        filename = entry.tb_frame.f_code.co_filename
        last = last if filename.startswith((*_FOLDERS, "<frozen ", "<string>")) else entry
    if last is not None:
        last.tb_next = None


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next
