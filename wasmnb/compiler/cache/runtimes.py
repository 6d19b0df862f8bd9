"""The cache of runtimes, which contains a folder for each runtime.

The folder is named after the hash of the runtime's inputs. It is written once, and its files are verified before use.

Two kernels can need the same runtime at the same time, so each runtime has a lock file. A folder is written under another name,
and renamed when it is complete. The cache contains machine code that is executed, so only this user has access to its folders
(0700), files that another user could have written aren't read (`trust.py`), and the hash of every file is checked before its
use. If a folder can't be used, no error is raised, and the next folder is used instead. If no folder can be used, every process
builds its runtimes again.
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
    """The runtimes that are cached for this user.

    Parameters
    ----------
    folder
        Folder of the cache (default `cache_folder()`).

    Attributes
    ----------
    places
        Folders that runtimes are read from and written to, in this order.
    folder
        First folder in `places`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.places = cache_places("runtimes", folder)
        self.folder = self.places[0]

    def find(self, key: str, *, use: bool = True) -> StoredEntry | None:
        """Return the cache entry with a key, or None if no folder contains a readable entry. If `use` is True, the current time
        is recorded as the entry's last use.
        """
        for place in readable(self.places):
            entry = read_entry(place / key)
            if entry is not None:
                if use:
                    with suppress(OSError):
                        os.utime(entry.folder)
                return entry
        return None

    def store(self, key: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> CacheEntry:
        """Write a cache entry, and replace an existing one with the same key. If no folder can store it, it is kept only in
        memory.
        """
        for place in writable(self.places):
            try:
                with ScratchFolder(place) as scratch:
                    folder = scratch.path / key
                    entry = write_entry(folder, files, facts)
                    self._take_away(place, key)
                    entry.folder = folder.rename(place / key)
            except OSError as error:
                reason = disk_fault(error)
                warn_once(
                    f"A runtime can't be stored in the cache {place}: {reason}. Set WASMNB_CACHE to another folder."
                )
                continue
            self._prune(place)
            return entry
        warn_once(
            "No cache can store the runtime, so every process builds it again. Set WASMNB_CACHE to a folder that you can write."
        )
        return CacheEntry(files, manifest_of(files, facts))

    def remove(self, key: str) -> None:
        """Remove a cache entry if it exists."""
        with suppress(OSError):
            self._take_away(self.folder, key)

    def tidy(self) -> None:
        """Remove the files and folders that killed processes have left behind."""
        remove_leftovers(self.places)

    def workspace(self) -> AbstractContextManager[Path]:
        """Create an empty folder in which to build a runtime. Details are in `workspace.workspace`."""
        return workspace(self.places)

    @staticmethod
    def _take_away(place: Path, key: str) -> None:
        """Remove a cache entry. It is renamed first, so that no reader finds an incomplete entry."""
        if (place / key).exists():
            with ScratchFolder(place) as scratch:
                (place / key).rename(scratch.path / key)

    def _prune(self, place: Path) -> None:
        """Remove the least recently used entries if the cache uses too much space."""
        for path in surplus(place, ((_used(p), _size(p), p) for p in _entries(place))):
            with suppress(OSError):
                self._take_away(place, path.name)

    def names(self) -> list[str]:
        """Return the keys of all cache entries, with the most recently used first."""
        return [path.name for path in sorted(_entries(self.folder), key=_used, reverse=True)]

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Hold a lock, so that no other process builds the same runtime. `waiting` is called repeatedly while another process
        builds it.
        """
        with locked(next(writable(self.places), None), key, waiting):
            yield


def _entries(place: Path) -> list[Path]:
    try:
        return [p for p in place.iterdir() if p.is_dir() and not p.name.startswith(".")]
    except OSError:
        return []


def _used(folder: Path) -> float:
    """Return the time at which a cache entry was last used."""
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _size(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except OSError:
        return 0
