"""The cache of runtimes: a folder for each, named after the hash of its inputs, written once and verified before use.

Facts: two kernels can need the same runtime at the same time, so each runtime has a lock file. A folder is written under another
name, and renamed when it is complete. The cache contains machine code that is executed: only the user has access to its folders
(0700), files that another user can have written aren't read (`trust.py`), and the hash of every file is checked before its use. If a
cache can't be used, no error is raised: the next folder is used, or none, which costs time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..._scratch import ScratchFolder
from .atomic_file import disk_fault, locked
from .entries import CacheEntry, StoredEntry, manifest_of, read_entry, write_entry
from .places import cache_places, readable, surplus, warn_once, writable
from .workspace import remove_leftovers, workspace

__all__ = ["Cache"]


class Cache:
    """All cached runtimes of this user.

    Parameters
    ----------
    folder
        Folder of the cache (default `cache_folder()`).

    Attributes
    ----------
    places
        The folders that runtimes are read from and written to, in this order.
    folder
        The first of `places`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.places = cache_places("runtimes", folder)
        self.folder = self.places[0]

    def find(self, key: str, *, use: bool = True) -> StoredEntry | None:
        """Return the entry of a key, or None if there is no readable one. Unless `use` is False, this counts as a use."""
        for place in readable(self.places):
            entry = read_entry(place / key)
            if entry is not None:
                if use:
                    with suppress(OSError):
                        os.utime(entry.folder)
                return entry
        return None

    def store(self, key: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> CacheEntry:
        """Write an entry, which replaces an existing one. If no disk can store it, it stays in memory."""
        for place in writable(self.places):
            try:
                with ScratchFolder(place) as scratch:
                    folder = scratch.path / key
                    entry = write_entry(folder, files, facts)
                    self._take_away(place, key)
                    entry.folder = folder.rename(place / key)
            except OSError as error:
                warn_once(f"A runtime can't be stored in the cache in {place}: {disk_fault(error)}.")
                continue
            self._prune(place)
            return entry
        warn_once(
            "No cache can store the runtime, so every process builds it again. Set WASMNB_CACHE to a folder that you can write."
        )
        return CacheEntry(files, manifest_of(files, facts))

    def remove(self, key: str) -> None:
        """Remove an entry."""
        with suppress(OSError):
            self._take_away(self.folder, key)

    def tidy(self) -> None:
        """Remove what killed processes have left behind."""
        remove_leftovers(self.places)

    def workspace(self) -> AbstractContextManager[Path]:
        """Create an empty folder to build a runtime in, see `workspace.workspace`."""
        return workspace(self.places)

    @staticmethod
    def _take_away(place: Path, key: str) -> None:
        """Remove an entry. It is renamed first, so that no reader finds an incomplete entry."""
        if (place / key).exists():
            with ScratchFolder(place) as scratch:
                (place / key).rename(scratch.path / key)

    def _prune(self, place: Path) -> None:
        """Remove the least recently used entries if all of them use too much space."""
        for path in surplus(place, ((_used(p), _size(p), p) for p in _entries(place))):
            with suppress(OSError):
                self._take_away(place, path.name)

    def names(self) -> list[str]:
        """Return the keys of all entries, the most recently used first."""
        return [path.name for path in sorted(_entries(self.folder), key=_used, reverse=True)]

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep other processes from building the same runtime. `waiting` is called repeatedly while another process builds it."""
        with locked(next(writable(self.places), None), key, waiting):
            yield


def _entries(place: Path) -> list[Path]:
    try:
        return [p for p in place.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except OSError:
        return []


def _used(folder: Path) -> float:
    """Return the time of the last use of a folder."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except OSError:
        return 0
