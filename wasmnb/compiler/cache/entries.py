"""Entries of the cache: several files, and a manifest with their hashes."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..._scratch import ScratchFolder
from .atomic_file import write_whole
from .places import is_trusted

__all__ = ["CacheEntry", "StoredEntry", "manifest_of", "read_entry", "write_entry"]

_MANIFEST = "manifest.json"
_MANIFEST_TYPES = {"files": dict, "times": dict, "modules": list, "packages": list, "pages": int, "built": float}


class CacheEntry:
    """A cache entry that exists only in memory, because no folder of the cache can be written."""

    def __init__(self, files: Mapping[str, bytes], manifest: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self._files = dict(files)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file of the entry, or None if the entry doesn't contain the file."""
        return self._files.get(name)

    def add(self, name: str, data: bytes) -> None:
        """Add a file to the entry. A `StoredEntry` ignores the file if the disk can't store it."""
        self._files[name] = data


class StoredEntry(CacheEntry):
    """A cache entry in a folder. Its manifest has already been read, and its files are verified when they are read.

    A process can be killed between any two writes, so the content of a file is never replaced. If a file is added later, its
    name begins with a part of its hash. The file becomes part of the entry when the manifest lists it. The manifest is written
    last.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        super().__init__({}, manifest)
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, or None if it is missing or damaged, or another user could have written it."""
        digest = self.manifest["files"].get(name)
        try:
            path = next((p for p in _paths(self.folder, name, str(digest)) if p.exists()), None)
            if digest is None or path is None or not is_trusted(path):
                return None
            data = path.read_bytes()
        except OSError:
            return None
        return data if digest == sha256(data).hexdigest() else None

    def add(self, name: str, data: bytes) -> None:
        """Add a file if the folder can be written, and remove files left behind by killed processes."""
        digest = sha256(data).hexdigest()
        with suppress(OSError), _locked(self.folder), ScratchFolder(self.folder.parent) as scratch:
            current = read_entry(self.folder) or self  # another process may have added a file
            manifest = {**current.manifest, "files": {**current.manifest["files"], name: digest}}
            contents = {
                _paths(self.folder, name, digest)[0].name: data,
                _MANIFEST: json.dumps(manifest, indent=1).encode(),
            }
            for title, content in contents.items():
                write_whole(scratch.path / title, content, private=True)
                (scratch.path / title).replace(self.folder / title)
            self.manifest = manifest
            named = {
                path.name for title, known in manifest["files"].items() for path in _paths(self.folder, title, known)
            }
            for path in self.folder.iterdir():
                if path.name not in named | {_MANIFEST}:
                    path.unlink(missing_ok=True)


def _paths(folder: Path, name: str, digest: str) -> tuple[Path, Path]:
    """Return two possible paths of a file: first the path of a file that was added later, then the path of one of the entry's
    first files.
    """
    return folder / f"{digest[:16]}-{name}", folder / name


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a lock, so that no other process changes the entry in a folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a disk without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_entry(folder: Path) -> StoredEntry | None:
    """Return the entry in a folder, or None if it is incomplete or another user could have written it."""
    path = folder / _MANIFEST
    if not _exists(path) or not is_trusted(path):
        return None
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or {n: type(manifest.get(n)) for n in _MANIFEST_TYPES} != _MANIFEST_TYPES:
        return None
    return StoredEntry(folder, manifest)


def _exists(path: Path) -> bool:
    """Return whether a file or folder exists. A path counts as missing if this user can't access it."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def manifest_of(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of an entry, which contains facts about it and the hashes of its files."""
    return {**facts, "files": {name: sha256(data).hexdigest() for name, data in files.items()}}


def write_entry(folder: Path, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> StoredEntry:
    """Create the folder of an entry, and write its files and its manifest.

    Parameters
    ----------
    folder
        Folder to create. It must not exist yet.
    files
        Contents of the files by name.
    facts
        Additional values for the manifest.

    Raises
    ------
    OSError
        The disk can't store the files.
    """
    manifest = manifest_of(files, facts)
    folder.mkdir(mode=0o700)
    for name, data in files.items():
        write_whole(folder / name, data, private=True)
    write_whole(folder / _MANIFEST, json.dumps(manifest, indent=1).encode(), private=True)
    return StoredEntry(folder, manifest)
