"""Folders for the moment that belong to a running process: what a killed one leaves is removed by the next.

Facts: a lock on a file (`flock`) ends with the process that holds it, however it ends. So every scratch folder has a lock file
beside it, which its owner holds; a folder whose lock can be taken has no owner any more. Clocks and process numbers,
which are reused and differ between containers, are not asked.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

__all__ = ["ScratchFolder", "remove_abandoned"]

_PREFIX, _FOLDER, _LOCK = ".scratch-", ".d", ".lock"


class ScratchFolder:
    """An empty folder, removed by `close` or, if this process dies, by the next one that looks.

    Parameters
    ----------
    parent
        A folder that is there and belongs to this user alone.

    Attributes
    ----------
    path
        The folder.

    Raises
    ------
    OSError
        It cannot be made.
    """

    def __init__(self, parent: Path) -> None:
        name = _PREFIX + secrets.token_hex(8)
        self._lock_path = parent / (name + _LOCK)
        self._lock = _locked(self._lock_path)
        self.path = parent / (name + _FOLDER)
        try:
            self.path.mkdir(mode=0o700)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def remove_abandoned(parent: Path) -> int:
    """Remove the scratch folders in `parent` whose owner is not there any more; gives how many."""
    removed = 0
    with suppress(OSError):
        for lock_path in parent.glob(f"{_PREFIX}*{_LOCK}"):
            removed += _remove_if_abandoned(lock_path)
    return removed


def _remove_if_abandoned(lock_path: Path) -> int:
    try:
        with lock_path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(file, lock_path):
                return 0
            shutil.rmtree(lock_path.with_name(lock_path.name.removesuffix(_LOCK) + _FOLDER), ignore_errors=True)
            lock_path.unlink(missing_ok=True)
    except OSError:  # somebody holds it, or it is gone, or it is not ours
        return 0
    return 1


def _locked(path: Path) -> IO[bytes]:
    """A lock file that this process holds. One that was removed before it was locked is made again."""
    while True:
        file = path.open("xb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, path):
                return file
        except BlockingIOError:  # it is being looked at; then it is removed
            pass
        except BaseException:
            file.close()
            raise
        file.close()
        path.unlink(missing_ok=True)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has this name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False
