"""Access to data files of packages from memory, because a filter has no file system.

`open`, `os.stat`, `os.listdir` and `os.scandir` work for paths below the folder of packages, and so do `importlib.resources`
and `pkgutil.get_data`, which use these functions. For all other paths, the functions aren't changed.
"""

from __future__ import annotations

import builtins
import io
import os
import stat
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from typing import Any, Self

__all__ = ["keep_files"]


def keep_files(root: str) -> None:
    """Read all files below a folder into memory, except Python source and bytecode. Later, these files are read from memory."""
    files: dict[str, bytes] = {}
    folders: dict[str, list[str]] = {}
    same: dict[bytes, bytes] = {}
    for folder, inner, names in os.walk(root):
        folders[folder] = [*inner, *names]
        for name in names:
            if not name.endswith((".py", ".pyc")):
                path = f"{folder}/{name}"
                with open(path, "rb") as file:  # noqa: PTH123 - no pathlib in the guest's start
                    data = file.read()
                files[path] = same.setdefault(data, data)
    if files:
        _Kept(f"{root}/", files, folders).install()


class _Entry:
    """An entry of a folder, as yielded by `os.scandir`."""

    def __init__(self, kept: _Kept, folder: str, name: str) -> None:
        self.name = name
        self.path = f"{folder}/{name}"
        self._kept = kept

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, **_: Any) -> bool:
        return self.path in self._kept.folders

    def is_file(self, **_: Any) -> bool:
        return not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    def stat(self, **_: Any) -> os.stat_result:
        return self._kept.stat(self.path)


class _Entries(list[_Entry]):
    """The result of `os.scandir`: an iterable that can be closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


class _Kept:
    """Files and folders in memory by path, and replacements for the functions that access them."""

    def __init__(self, prefix: str, files: dict[str, bytes], folders: dict[str, list[str]]) -> None:
        self.prefix, self.files, self.folders = prefix, files, folders
        self.modules = {f"{f}/{n}" for f, names in folders.items() for n in names if n.endswith(".py")}

    def install(self) -> None:
        """Replace Python's functions that access files."""
        self._open, self._stat, self._listdir, self._scandir = io.open, os.stat, os.listdir, os.scandir
        builtins.open = io.open = self.open
        os.stat, os.listdir, os.scandir = self.stat, self.listdir, self.scandir  # type: ignore[assignment]
        SourceFileLoader.get_data = self._get_data(SourceFileLoader.get_data)  # type: ignore[method-assign]

    def _path(self, path: Any) -> str | None:
        """Return the normalised path if it is below the folder of packages, otherwise None."""
        try:
            text = os.fspath(path)
        except TypeError:
            return None
        text = text.decode() if isinstance(text, bytes) else text
        return os.path.normpath(text) if text.startswith(self.prefix) else None

    def open(self, file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """Open a file for reading. Files that aren't in memory are opened as usual."""
        data = self.files.get(self._path(file) or "")
        if data is None or set(mode) & set("wax+"):
            return self._open(file, mode, *args, **kwargs)
        if "b" in mode:
            return io.BytesIO(data)
        encoding = kwargs.get("encoding") or (args[1] if len(args) > 1 else None) or "utf-8"
        return io.TextIOWrapper(io.BytesIO(data), encoding, kwargs.get("errors"), kwargs.get("newline"))

    def stat(self, path: Any, *args: Any, **kwargs: Any) -> os.stat_result:
        """Return the kind and size of a file or folder."""
        key = self._path(path)
        if key in self.files:
            return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, len(self.files[key]), 0, 0, 0))
        if key in self.modules:
            return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        if key in self.folders:
            return os.stat_result((stat.S_IFDIR | 0o555, 0, 0, 1, 0, 0, 0, 0, 0, 0))
        return self._stat(path, *args, **kwargs)

    def listdir(self, path: Any = ".") -> list[str]:
        """Return the names of the entries in a folder."""
        key = self._path(path)
        return list(self.folders[key]) if key in self.folders else self._listdir(path)

    def scandir(self, path: Any = ".") -> Any:
        """Return the entries of a folder."""
        key = self._path(path)
        return _Entries(_Entry(self, key, n) for n in self.folders[key]) if key in self.folders else self._scandir(path)

    def _get_data(self, original: Callable[..., bytes]) -> Callable[..., bytes]:
        def get_data(loader: Any, path: Any) -> bytes:
            data = self.files.get(self._path(path) or "")
            return original(loader, path) if data is None else data

        return get_data
