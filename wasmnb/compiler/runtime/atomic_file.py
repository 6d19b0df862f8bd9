"""Files that are written complete or not at all, and what is the matter with a disk that refuses them."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

__all__ = ["disk_fault", "is_full", "write_whole"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, on to the disk, then rename it; leave nothing behind if that fails.

    Whoever reads the file meanwhile finds the old one or the new one. It gets the permissions that the user's mask
    gives to new files. A symbolic link stays, and what it leads to is written; so does a device or a pipe
    (`/dev/stdout`), which takes the data as it comes.

    Raises
    ------
    OSError
        What the disk said; `disk_fault` puts it into words.
    """
    path = path.resolve() if path.is_symlink() else path
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(data)
        return
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_full(error: OSError) -> bool:
    """Whether the disk, or the user's share of it, is full."""
    return error.errno in _FULL


def disk_fault(error: OSError) -> str:
    """What went wrong, as the end of a sentence."""
    return "there is no space left on the disk" if is_full(error) else error.strerror or str(error)
