"""Tracebacks of a test's own lines: ours between them, and below the one that called us wrongly, are not the reader's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from types import TracebackType

from ..._places import INSTALLED, LIBRARY, MADE, OURS
from ...errors import WasmnbError

__all__ = ["hide_our_frames"]

#: Where code lies that nobody wrote for this test: wasmnb, installed packages, the standard library, code without a file.
_FOREIGN = (OURS, *INSTALLED, *LIBRARY, *MADE)


def hide_our_frames(error: BaseException) -> None:
    """Drop our frames that lie between two of others: the test has called us, and we a function of its own.

    An error of ours ends at the caller's line, since its message says what is wrong there.
    """
    entries = list(_entries(error.__traceback__))
    own = [at for at, entry in enumerate(entries) if not _file(entry).startswith(_FOREIGN)]
    for here, after in pairwise(own):
        if _file(entries[here + 1]).startswith(OURS):
            entries[here].tb_next = entries[after]
    if own and isinstance(error, WasmnbError):
        entries[own[-1]].tb_next = None


def _file(entry: TracebackType) -> str:
    return entry.tb_frame.f_code.co_filename


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next
