"""The folders of the cache: which of them can be written and trusted, and how much of the disk they can use."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from functools import cache as memoized
from pathlib import Path

from ...errors import CacheWarning, UsageError
from .atomic_file import disk_fault
from .trust import distrust

__all__ = [
    "cache_folder",
    "cache_places",
    "is_trusted",
    "prepare",
    "readable",
    "surplus",
    "user_folder",
    "warn_once",
    "writable",
]

#: Share of the disk's free space that one kind of cached files can use, and bytes that it can always use.
DISK_SHARE, ALWAYS_ALLOWED = 0.25, 1 << 30


def cache_folder() -> Path:
    """Return the folder of the cache, which is the value of `WASMNB_CACHE` or else the user's cache folder.

    Raises
    ------
    UsageError
        `WASMNB_CACHE` contains `~USER`, and this user doesn't exist.
    """
    chosen = os.environ.get("WASMNB_CACHE")
    if not chosen:
        return user_folder()
    try:
        return Path(chosen).expanduser()
    except RuntimeError:
        raise UsageError(f"WASMNB_CACHE is {chosen!r}, but this user doesn't exist. Set it to a folder.") from None


def user_folder() -> Path:
    """Return the cache folder of this user, regardless of `WASMNB_CACHE`."""
    from platformdirs import user_cache_path

    return user_cache_path("wasmnb")


def cache_places(kind: str, folder: Path | None = None) -> list[Path]:
    """Return the folders for one kind of cached files.

    They are in `folder` (default `cache_folder()`), in the user's cache folder, and in the system's temporary folder.
    """
    places = [folder or cache_folder(), user_folder(), Path(tempfile.gettempdir()) / f"wasmnb-{os.getuid()}"]
    return [place / kind for place in dict.fromkeys(places)]


def readable(places: list[Path]) -> list[Path]:
    """Return the folders to read from: only the first folder if it can be written and trusted, otherwise all folders."""
    existing = next(path for path in (places[0], *places[0].parents) if not _is_missing(path))
    usable = os.access(existing, os.W_OK) and existing.is_dir() and not distrust(existing)
    return places[:1] if usable else places


def _is_missing(path: Path) -> bool:
    """Return whether nothing exists at a path. A link counts as existing even if its target is missing."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:  # the path is too long, or this user can't access it
        return False
    return False


@memoized
def warn_once(text: str) -> None:
    """Issue a `CacheWarning`. Each text is issued only once in a process."""
    warnings.warn(text, CacheWarning, stacklevel=2)


def writable(places: list[Path]) -> Iterator[Path]:
    """Yield the folders that can be written and trusted. A warning is issued if the first folder can't be used."""
    for place in places:
        try:
            prepare(place)
        except OSError as error:
            if place == places[0]:
                reason = disk_fault(error)
                warn_once(
                    f"The cache {place} can't be used: {reason}. Set WASMNB_CACHE to a folder that you can write."
                )
            continue
        if os.access(place, os.W_OK) and is_trusted(place):
            yield place


def prepare(folder: Path) -> None:
    """Create a folder, and restrict access to this user."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


def is_trusted(path: Path) -> bool:
    """Return whether code at `path` is safe to run. A warning is issued once if it isn't."""
    reason = distrust(path)
    if reason:
        warn_once(
            f"The cache {path} isn't used, because another user could have changed it: {reason}. Correct the permissions, or set "
            "WASMNB_CACHE to another folder."
        )
    return not reason


def surplus(folder: Path, files: Iterable[tuple[float, int, Path]]) -> list[Path]:
    """Return the least recently used files that must be removed to limit the space of the cache. The most recently used file is
    always kept.

    Parameters
    ----------
    folder
        Folder of the files.
    files
        Time of the last use, size in bytes and path of each file.
    """
    ordered = sorted(files, key=lambda file: file[0], reverse=True)
    kept = sum(size for _, size, _ in ordered)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return []
    allowed, taken, doomed = max(ALWAYS_ALLOWED, int(DISK_SHARE * (free + kept))), 0, []
    for _, size, path in ordered:
        taken += size
        if taken > allowed and path != ordered[0][2]:
            doomed.append(path)
    if doomed:
        warn_once(
            f"The cache {folder} used more than its share of the free disk ({allowed >> 20:,} MiB), so the least recently used "
            f"{len(doomed)} of {len(ordered)} entries were removed. "
            "To keep more of them, set WASMNB_CACHE to a folder on a larger disk."
        )
    return doomed
