"""Temporary folders of a process. If the process is killed, a later process removes its folders.

The owner of a scratch folder holds a file lock (`flock`) on a lock file next to the folder. The system releases the lock when
the process ends, even if it is killed. So the owner has ended if another process can acquire the lock. Process ids would not
be reliable, because they are reused and differ between containers.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import signal
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

__all__ = ["ScratchFolder", "remove_abandoned"]

_PREFIX, _FOLDER, _LOCK = ".scratch-", ".d", ".lock"


class ScratchFolder:
    """A new, empty folder. `close` removes it. If this process is killed, `remove_abandoned` in another process removes it.

    Parameters
    ----------
    parent
        An existing folder that only this user can write to.

    Attributes
    ----------
    path
        Path of the scratch folder.

    Raises
    ------
    OSError
        The folder can't be created.
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
        """Remove the folder and its content."""
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
    """Remove the scratch folders in `parent` whose owner has ended, and kill processes that still run in them.

    Returns
    -------
    int
        Number of removed folders.
    """
    removed = 0
    with suppress(OSError):
        for lock_path in parent.glob(f"{_PREFIX}*{_LOCK}"):
            removed += _remove_if_abandoned(lock_path)
    return removed


def _end_processes(folder: Path) -> None:
    """Kill this user's processes whose working directory is `folder` (only on Linux).

    These processes were started by the owner of the folder, which was killed before it could end them.
    """
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if link.readlink() == folder and link.parent.stat().st_uid == os.getuid():
                os.kill(int(link.parent.name), signal.SIGKILL)


def _remove_if_abandoned(lock_path: Path) -> int:
    try:
        with lock_path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _is_at(file, lock_path):
                return 0
            folder = lock_path.with_name(lock_path.name.removesuffix(_LOCK) + _FOLDER)
            _end_processes(folder.resolve())
            shutil.rmtree(folder, ignore_errors=True)
            lock_path.unlink(missing_ok=True)
    except OSError:  # locked by its owner, removed by another process, or owned by another user
        return 0
    return 1


def _locked(path: Path) -> IO[bytes]:
    """Create a file and lock it. If another process removes the file before it is locked, create it again."""
    while True:
        file = path.open("xb")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(file, path):
                return file
        except BlockingIOError:  # another process is checking the file, and will remove it
            pass
        except BaseException:
            file.close()
            raise
        file.close()
        path.unlink(missing_ok=True)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Return whether `path` still refers to the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False
