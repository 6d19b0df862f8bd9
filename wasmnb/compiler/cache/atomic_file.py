"""Writing of files in one step, locks between processes, and descriptions of disk errors."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["disk_fault", "is_full", "locked", "whole_file", "write_whole"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_whole(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file so that readers see either the old content or the new one, as `whole_file` does.

    Parameters
    ----------
    path
        Path of the file.
    data
        Content of the file.
    private
        Whether only this user can read and write the file (default False). Otherwise, the umask decides.

    Raises
    ------
    OSError
        The file can't be written. `disk_fault` describes the reason.
    """
    with whole_file(path, private=private) as file:
        file.write(data)


@contextmanager
def whole_file(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """Yield a file to write in parts, so that readers see either the old content or the complete new one.

    The data is written to a temporary file, synced, and renamed when the block ends. Each writer has its own temporary file,
    which is removed after an error. If the path is a symbolic link, its target is replaced. A device or a pipe (`/dev/stdout`)
    is written directly.

    Parameters
    ----------
    path
        Path of the file.
    private
        Whether only this user can read and write the file (default False). Otherwise, the umask decides.

    Raises
    ------
    OSError
        The file can't be written. `disk_fault` describes the reason.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file() and not path.is_dir():
        with path.open("wb") as file:
            yield file
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        temporary.touch(0o600 if private else 0o666, exist_ok=False)
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_full(error: OSError) -> bool:
    """Return whether the disk or the user's quota is full."""
    return error.errno in _FULL


def disk_fault(error: OSError) -> str:
    """Describe a disk error in words that can end a sentence."""
    return "there is no space left on the disk" if is_full(error) else error.strerror or str(error)


@contextmanager
def locked(place: Path | None, key: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock, so that only one process at a time does the work. On a disk without locks, several processes can do it at
    once.

    Parameters
    ----------
    place
        Folder of the lock file. If None, no lock is used, because no folder can be written.
    key
        Name of the work, which is part of the lock file's name.
    waiting
        Called repeatedly while another process holds the lock.
    """
    try:
        file = None if place is None else (place / f".{key}.lock").open("w")
    except OSError:
        file = None
    if file is None:
        yield
        return
    with file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waiting()
                time.sleep(0.1)
            except OSError:
                break
        yield
