"""The cache of runtimes: folders named by the hash of their inputs, each written once and verified before use.

Facts: two kernels may want the same runtime at once, so that a lock file stands beside every folder. A folder is filled
under another name and renamed when it is complete. It holds machine code that will run: folders are the user's alone (0700),
files that others may have written aren't read (`trust.py`), and the hash of every file is compared before it is used. A cache
that can't be used costs time and raises no error: the next place is used, or none.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache as memoized
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..._scratch import ScratchFolder, remove_abandoned
from ...errors import BuildError, CacheWarning, UsageError
from .atomic_file import disk_fault, is_full, write_whole
from .trust import distrust

__all__ = [
    "Cache",
    "CacheEntry",
    "StoredEntry",
    "cache_folder",
    "cache_places",
    "is_trusted",
    "readable",
    "surplus",
    "tell_once",
]

_MANIFEST = "manifest.json"
_MANIFEST_TYPES = {"files": dict, "times": dict, "modules": list, "packages": list, "pages": int, "built": float}

#: Part of the disk's free space that one kind of cached files may take, and bytes that they always may.
_SHARE, _ALWAYS = 0.25, 1 << 30

#: Bytes that building a runtime takes on the disk for a moment.
_BUILD = 400 << 20


def cache_folder() -> Path:
    """Return the folder of the cache: `WASMNB_CACHE`, or the user's cache folder.

    Raises
    ------
    UsageError
        `WASMNB_CACHE` names a user that does not exist.
    """
    chosen = os.environ.get("WASMNB_CACHE")
    if not chosen:
        return _user_folder()
    try:
        return Path(chosen).expanduser()
    except RuntimeError:
        raise UsageError(f"WASMNB_CACHE is {chosen!r}, and there is no such user. Set it to a folder.") from None


def _user_folder() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("wasmnb")


def cache_places(kind: str, folder: Path | None = None) -> list[Path]:
    """Return the folders for one kind of cached files: in the chosen cache, the user's, and one for temporary files."""
    places = [folder or cache_folder(), _user_folder(), Path(tempfile.gettempdir()) / f"wasmnb-{os.getuid()}"]
    return [place / kind for place in dict.fromkeys(places)]


def readable(places: list[Path]) -> list[Path]:
    """Return the folders to read: the first one, and the others only if that can't be written or trusted."""
    existing = next(path for path in (places[0], *places[0].parents) if path.exists())
    return places[:1] if existing.is_dir() and os.access(existing, os.W_OK) and not distrust(existing) else places


@memoized
def tell_once(text: str) -> None:
    """Issue a `CacheWarning`, once in a process."""
    warnings.warn(text, CacheWarning, stacklevel=2)


def writable(places: list[Path]) -> Iterator[Path]:
    """Yield the folders that can be made private and written. Warn if the first one can't."""
    for place in places:
        try:
            _prepare(place)
        except OSError as error:
            if place == places[0]:
                reason = disk_fault(error)
                tell_once(f"The cache in {place} cannot be used: {reason}. Set WASMNB_CACHE to a folder that can.")
            continue
        if os.access(place, os.W_OK) and is_trusted(place):
            yield place


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)


def is_trusted(path: Path) -> bool:
    """Return whether code at `path` may run. If not, warn once."""
    reason = distrust(path)
    if reason:
        tell_once(f"The cache in {path} is not used, since others may have written to it: {reason}.")
    return not reason


def surplus(folder: Path, files: Iterable[tuple[float, int, Path]]) -> list[Path]:
    """Return the files to remove, so that the others take no more than a share of the free disk. The one used last stays.

    Parameters
    ----------
    files
        Time of last use, size in bytes and path of each.
    """
    ordered = sorted(files, key=lambda file: file[0], reverse=True)
    kept = sum(size for _, size, _ in ordered)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return []
    allowed, taken, doomed = max(_ALWAYS, int(_SHARE * (free + kept))), 0, []
    for _, size, path in ordered:
        taken += size
        if taken > allowed and path != ordered[0][2]:
            doomed.append(path)
    if doomed:
        tell_once(
            f"The cache in {folder} has outgrown its share of the free disk ({allowed >> 20:,} MiB): "
            f"{len(doomed)} of {len(ordered)} were removed, those not used for longest."
        )
    return doomed


class CacheEntry:
    """An entry in memory, for when no disk can store it."""

    def __init__(self, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self._files = dict(files)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if there is none."""
        return self._files.get(name)

    def add(self, name: str, data: bytes) -> None:
        """Add a file. A stored entry ignores it if the disk can't store it."""
        self._files[name] = data


class StoredEntry(CacheEntry):
    """A folder of the cache. Its manifest was read; its files are verified when they are read."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        super().__init__({}, manifest)
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is missing, damaged, or others may have written it."""
        wanted = self.manifest["files"].get(name)
        path = self.folder / name
        try:
            if wanted is None or not path.exists() or not is_trusted(path):
                return None
            data = path.read_bytes()
        except OSError:
            return None
        return data if wanted == sha256(data).hexdigest() else None

    def add(self, name: str, data: bytes) -> None:
        """Add a file, if the folder can be written."""
        files = {**self.manifest["files"], name: sha256(data).hexdigest()}
        manifest = {**self.manifest, "files": files}
        with suppress(OSError), ScratchFolder(self.folder.parent) as scratch:
            for title, content in ((name, data), (_MANIFEST, json.dumps(manifest, indent=1).encode())):
                write_whole(scratch.path / title, content)
                (scratch.path / title).replace(self.folder / title)
            self.manifest = manifest


class Cache:
    """All runtimes of this user.

    Parameters
    ----------
    folder
        Where they are kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.places = cache_places("runtimes", folder)
        self.folder = self.places[0]

    def find(self, key: str, *, use: bool = True) -> StoredEntry | None:
        """Return the entry of a key, or None if there is no readable one. `use` makes it the last used."""
        for place in readable(self.places):
            entry = _entry(place / key)
            if entry is not None:
                if use:
                    with suppress(OSError):
                        os.utime(entry.folder)
                return entry
        return None

    def store(self, key: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> CacheEntry:
        """Write an entry, complete or not at all, in place of an existing one. If no disk can store it, it stays in memory."""
        manifest = {**facts, "files": {name: sha256(data).hexdigest() for name, data in files.items()}}
        for place in writable(self.places):
            try:
                with ScratchFolder(place) as scratch:
                    folder = scratch.path / key
                    folder.mkdir(mode=0o700)
                    for name, data in files.items():
                        write_whole(folder / name, data)
                    write_whole(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
                    self._take_away(place, key)
                    folder.rename(place / key)
            except OSError as error:
                tell_once(f"The cache in {place} does not take a runtime: {disk_fault(error)}.")
                continue
            self._prune(place)
            return StoredEntry(place / key, manifest)
        tell_once("No cache takes the runtime: it is built again in every process. Set WASMNB_CACHE to another folder.")
        return CacheEntry(files, manifest)

    def remove(self, key: str) -> None:
        """Remove an entry."""
        with suppress(OSError):
            self._take_away(self.folder, key)

    def tidy(self) -> None:
        """Remove the leftovers of killed processes."""
        for place in self.places:
            remove_abandoned(place)

    @staticmethod
    def _take_away(place: Path, key: str) -> None:
        """Remove an entry. It is renamed first, so that no reader finds half of it."""
        if (place / key).exists():
            with ScratchFolder(place) as scratch:
                (place / key).rename(scratch.path / key)

    def _prune(self, place: Path) -> None:
        """Remove the least recently used entries if they take too much space."""
        for path in surplus(place, ((_used(p), _size(p), p) for p in _entries(place))):
            with suppress(OSError):
                self._take_away(place, path.name)

    def names(self) -> list[str]:
        """Return the keys of all entries, the last used first."""
        return [path.name for path in sorted(_entries(self.folder), key=_used, reverse=True)]

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Create an empty folder on a disk with enough space, and remove it at the end.

        Raises
        ------
        BuildError
            No disk has room, or can be written.
        """
        for place in self._roomy_places():
            try:
                scratch = ScratchFolder(place)
            except OSError:
                continue
            with _disk_errors(place), scratch:
                yield scratch.path
            return
        raise BuildError("There is no disk to build a runtime on. Set WASMNB_CACHE to a folder that can be written.")

    def _roomy_places(self) -> Iterator[Path]:
        """Yield folders that can be written, those with space for a runtime first."""
        cramped = []
        for place in writable(self.places):
            if shutil.disk_usage(place).free >= _BUILD:
                yield place
            else:
                cramped.append(place)
        yield from cramped
        yield Path(tempfile.gettempdir())

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep other processes from building the same runtime. `waiting` is called while another one does."""
        place = next(writable(self.places), None)
        if place is None:  # it is built twice, then
            yield
            return
        try:
            file = (place / f".{key}.lock").open("w")
        except OSError:
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
                except OSError:  # a disk without locks
                    break
            yield


def _entry(folder: Path) -> StoredEntry | None:
    """Return the entry in a folder, or None if there is no complete one, or others may have written it."""
    path = folder / _MANIFEST
    if not path.exists() or not is_trusted(path):
        return None
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or {n: type(manifest.get(n)) for n in _MANIFEST_TYPES} != _MANIFEST_TYPES:
        return None
    return StoredEntry(folder, manifest)


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
