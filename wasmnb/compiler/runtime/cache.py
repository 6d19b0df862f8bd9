"""The cache of runtimes: folders named by what they are made from, each written once and verified before use.

Facts: two kernels may want the same runtime at once, so that a lock file stands beside every folder. A folder is filled
under another name and renamed when it is complete. The code in it is machine code that will be run: folders are the
user's alone (0700), and every file's hash is compared before it is used.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...errors import BuildError
from .atomic_file import is_full, write_whole

__all__ = ["Cache", "CacheEntry", "cache_folder"]

_MANIFEST = "manifest.json"
_MANIFEST_TYPES = {"files": dict, "times": dict, "modules": list, "packages": list, "pages": int, "built": float}

#: Entries that are kept when a new one is stored: those used last. One takes 50 to 90 MB.
_KEPT = 8

#: Seconds after which a folder that somebody was still filling counts as left behind.
_ABANDONED = 86400


def cache_folder() -> Path:
    """Where runtimes are kept: `WASMNB_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("WASMNB_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("wasmnb")


class CacheEntry:
    """A folder of the cache whose manifest was read and whose files are verified as they are read."""

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.folder = folder
        self.manifest = manifest

    def read(self, name: str) -> bytes | None:
        """Content of a file; None if it is not there or not what was written."""
        wanted = self.manifest["files"].get(name)
        try:
            data = (self.folder / name).read_bytes()
        except OSError:
            return None
        return data if wanted == sha256(data).hexdigest() else None

    def add(self, name: str, data: bytes) -> None:
        """Put one more file into a folder that is already there."""
        files = {**self.manifest["files"], name: sha256(data).hexdigest()}
        self.manifest = {**self.manifest, "files": files}
        with _disk_errors(self.folder):
            write_whole(self.folder / name, data)
            write_whole(self.folder / _MANIFEST, json.dumps(self.manifest, indent=1).encode())


class Cache:
    """All runtimes of this user.

    Parameters
    ----------
    folder
        Where they are kept.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or cache_folder()) / "runtimes"

    def find(self, key: str, *, use: bool = True) -> CacheEntry | None:
        """The entry of this key, if there is one with a manifest that can be read; `use` makes it the last used."""
        try:
            manifest = json.loads((self.folder / key / _MANIFEST).read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(manifest, dict) or {n: type(manifest.get(n)) for n in _MANIFEST_TYPES} != _MANIFEST_TYPES:
            return None
        if use:
            with suppress(OSError):
                os.utime(self.folder / key)
        return CacheEntry(self.folder / key, manifest)

    def store(self, key: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> CacheEntry:
        """Write an entry, complete or not at all; it replaces one that is there.

        Raises
        ------
        BuildError
            The disk is full, or the folder cannot be written.
        """
        self._prepare()
        manifest = {**facts, "files": {name: sha256(data).hexdigest() for name, data in files.items()}}
        with _disk_errors(self.folder), self._temporary(key) as folder:
            for name, data in files.items():
                write_whole(folder / name, data)
            write_whole(folder / _MANIFEST, json.dumps(manifest, indent=1).encode())
            self.remove(key)
            folder.rename(self.folder / key)
        self._prune()
        return CacheEntry(self.folder / key, manifest)

    def remove(self, key: str) -> None:
        """Take an entry away. It is renamed first, so that nobody finds half of it."""
        with suppress(FileNotFoundError):
            doomed = self.folder / f".{key}.{os.getpid()}.old"
            (self.folder / key).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def _prune(self) -> None:
        """Remove what has not been used for longest, and what a process that died has left."""
        for key in self.names()[_KEPT:]:
            self.remove(key)
        for path in self.folder.glob(".*"):
            if path.is_dir() and _unused_for(path) > _ABANDONED:
                shutil.rmtree(path, ignore_errors=True)

    def names(self) -> list[str]:
        """The entries, the last used first."""
        try:
            found = [p for p in self.folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
        except OSError:
            return []
        return [p.name for p in sorted(found, key=_unused_for)]

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """An empty folder on the cache's disk, removed at the end."""
        self._prepare()
        with _disk_errors(self.folder), self._temporary("work") as folder:
            yield folder

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None]) -> Iterator[None]:
        """Keep other processes from building the same runtime; `waiting` is called while one of them does."""
        self._prepare()
        with _disk_errors(self.folder), (self.folder / f".{key}.lock").open("w") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waiting()
                    time.sleep(0.1)
            yield

    def _prepare(self) -> None:
        with _disk_errors(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)

    @contextmanager
    def _temporary(self, key: str) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _unused_for(folder: Path) -> float:
    """Seconds since a folder was used."""
    try:
        return time.time() - folder.stat().st_mtime
    except OSError:
        return 0.0


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Say what is the matter with the disk."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise BuildError(
                f"There is no space left on the disk for runtimes (in {folder}; one takes up to 90 MB). Free some, "
                "or set WASMNB_CACHE to a folder on another disk."
            ) from error
        raise BuildError(
            f"The cache in {folder} cannot be used: {error.strerror or error}. Set WASMNB_CACHE to a folder that can."
        ) from error
