"""Atomic writing of files, and messages for errors of the disk."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

__all__ = ["disk_fault", "is_full", "write_whole"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, sync it, then rename it. After an error, the temporary file is removed.

    Readers see either the old file or the new one. The file gets the default permissions of the user's mask. Of a symbolic
    link, the target is written. A device or a pipe (`/dev/stdout`) is written directly.

    Parameters
    ----------
    path
        Path of the file.
    data
        Its content.

    Raises
    ------
    OSError
        The file can't be written. `disk_fault` describes the reason.
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
    """Return whether the disk or the user's quota is full."""
    return error.errno in _FULL


def disk_fault(error: OSError) -> str:
    """Describe an error of the disk, as the end of a sentence."""
    return "there is no space left on the disk" if is_full(error) else error.strerror or str(error)
