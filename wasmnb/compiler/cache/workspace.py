"""A folder to build a runtime in."""

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

#: Bytes that building a runtime takes on the disk for a moment.
_BUILD = 400 << 20


@contextmanager
def workspace(places: list[Path]) -> Iterator[Path]:
    """Create an empty folder on a disk with enough space, and remove it at the end.

    Parameters
    ----------
    places
        Folders of the cache. The temporary folder and the file system in memory are used as well.

    Raises
    ------
    BuildError
        No disk has room, or can be written.
    """
    for place in _roomy_places(places):
        try:
            scratch = ScratchFolder(place)
        except OSError:
            continue
        with _disk_errors(place), scratch:
            yield scratch.path
        return
    raise BuildError("There is no disk to build a runtime on. Set WASMNB_CACHE to a folder that can be written.")


def remove_leftovers(places: list[Path]) -> None:
    """Remove the folders that killed processes left.

    Parameters
    ----------
    places
        As for `workspace`.
    """
    for place in (*places, _memory_place()):
        remove_abandoned(place)


def _roomy_places(places: list[Path]) -> Iterator[Path]:
    """Yield folders that can be written, those with space for a runtime first.

    The first one is in memory: the order of files in its folders, which Python's import system sees while a runtime is
    built, doesn't depend on the disk.
    """
    if _has_room_in_memory():
        yield _memory_place()
    cramped = []
    for place in writable(places):
        if shutil.disk_usage(place).free >= _BUILD:
            yield place
        else:
            cramped.append(place)
    yield from cramped
    yield Path(tempfile.gettempdir())


def _memory_place() -> Path:
    """Return this user's folder on Linux's file system in memory."""
    return Path(f"/dev/shm/wasmnb-{os.getuid()}")  # noqa: S108 - it is private, see below


def _has_room_in_memory() -> bool:
    place = _memory_place()
    try:
        if not place.parent.is_dir():
            return False
        prepare(place)
        return shutil.disk_usage(place).free >= _BUILD and not distrust(place)
    except OSError:
        return False


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Turn the error of a full disk into a `BuildError`."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise BuildError(
            f"There is no space left on the disk for building a runtime (in {folder}; it takes up to 400 MB). Free some, "
            "or set WASMNB_CACHE to a folder on another disk."
        ) from error
