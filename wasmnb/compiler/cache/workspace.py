"""The temporary folder in which a runtime is built."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..._scratch import ScratchFolder, remove_abandoned
from ...errors import BuildError
from .atomic_file import is_full
from .places import prepare, writable
from .trust import distrust

__all__ = ["remove_leftovers", "workspace"]

#: Bytes of disk space that building a runtime requires temporarily.
_BUILD = 400 << 20


@contextmanager
def workspace(places: list[Path]) -> Iterator[Path]:
    """Create a temporary folder on a disk with enough space for building a runtime, and remove it when the block ends.

    Parameters
    ----------
    places
        Folders of the cache. The system's temporary folder and the file system in memory are used as well.

    Raises
    ------
    BuildError
        No folder can be written, or the disk becomes full.
    """
    for place in _roomy_places(places):
        try:
            scratch = ScratchFolder(place)
        except OSError:
            continue
        with _disk_errors(place), scratch:
            yield scratch.path
        return
    raise BuildError(
        "No folder for building a runtime can be written. Set WASMNB_CACHE to a folder that you can write."
    )


def remove_leftovers(places: list[Path]) -> None:
    """Remove the folders that killed processes have left behind.

    Parameters
    ----------
    places
        As for `workspace`.
    """
    for place in (*places, memory_place()):
        remove_abandoned(place)


def _roomy_places(places: list[Path]) -> Iterator[Path]:
    """Yield folders that can be written, beginning with those that have enough space for building a runtime.

    If possible, the first folder is in memory. The order of files in a folder influences a runtime, and the order of files in
    memory doesn't depend on the disk.
    """
    if _has_room_in_memory():
        yield memory_place()
    cramped = []
    for place in writable(places):
        if shutil.disk_usage(place).free >= _BUILD:
            yield place
        else:
            cramped.append(place)
    yield from cramped
    yield Path(tempfile.gettempdir())


def memory_place() -> Path:
    """Return this user's folder in the in-memory file system of Linux."""
    return Path(f"/dev/shm/wasmnb-{os.getuid()}")  # noqa: S108 - the folder is private, because `prepare` restricts access


def _has_room_in_memory() -> bool:
    place = memory_place()
    try:
        if not place.parent.is_dir():
            return False
        prepare(place)
        return shutil.disk_usage(place).free >= _BUILD and not distrust(place)
    except OSError:
        return False


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Raise a `BuildError` instead of the error of a full disk."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise BuildError(
            f"The disk of {folder} is full, but building a runtime needs up to 400 MB. Free some space, or set WASMNB_CACHE to a "
            "folder on another disk."
        ) from error
