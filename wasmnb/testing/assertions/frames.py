"""Removal of wasmnb's own frames from the tracebacks of tests."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from types import TracebackType

from ..._code_paths import GENERATED, INSTALLED, PACKAGE, STDLIB
from ...errors import WasmnbError

__all__ = ["hide_our_frames"]

#: Prefixes of files that don't belong to the test: wasmnb, installed packages, the standard library, and code without a file.
_LIBRARY_CODE = (PACKAGE, *INSTALLED, *STDLIB, *GENERATED)


def hide_our_frames(error: BaseException) -> None:
    """Remove wasmnb's frames from the traceback of an exception raised in a test.

    If wasmnb has called a function of the test, the frames between the two frames of the test are also removed. If wasmnb
    itself raised the error, the traceback ends at the test's line that called wasmnb, because the message describes the mistake
    on this line.
    """
    entries = list(_entries(error.__traceback__))
    own = [at for at, entry in enumerate(entries) if not _file(entry).startswith(_LIBRARY_CODE)]
    for here, after in pairwise(own):
        if _file(entries[here + 1]).startswith(PACKAGE):
            entries[here].tb_next = entries[after]
    if own and isinstance(error, WasmnbError):
        entries[own[-1]].tb_next = None


def _file(entry: TracebackType) -> str:
    return entry.tb_frame.f_code.co_filename


def _entries(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next
