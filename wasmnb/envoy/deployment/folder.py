"""Writing of a folder in one step, so that either all of its files are written or none."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...compiler.cache.atomic_file import disk_fault
from ...errors import BuildError, UsageError

__all__ = ["complete_or_nothing"]


@contextmanager
def complete_or_nothing(target: Path, *, force: bool) -> Iterator[Path]:
    """Yield a temporary folder. When the block ends without an error, its files and folders are moved into `target`.

    Parameters
    ----------
    target
        Folder to fill. It is created if it doesn't exist, and its other entries aren't changed.
    force
        Whether existing entries with the same names are replaced.

    Raises
    ------
    UsageError
        Entries with the same names exist and `force` is False, or `target` isn't a folder.
    BuildError
        Writing failed. `target` is unchanged.
    """
    created: list[Path] = []
    try:
        created = _create(target)
        # The folder is inside the target, so that renaming can move each entry to its place.
        with tempfile.TemporaryDirectory(prefix=".wasmnb-", dir=target) as scratch:
            fresh, old = Path(scratch, "new"), Path(scratch, "old")
            fresh.mkdir()
            old.mkdir()
            yield fresh
            _place(fresh, old, target, force=force)
    except BaseException as error:
        for folder in created:
            with suppress(OSError):  # another program has written to it
                folder.rmdir()
        if isinstance(error, OSError):
            raise BuildError(
                f"{target} can't be written: {disk_fault(error)}. Choose a folder that you can write."
            ) from error
        raise


def _create(target: Path) -> list[Path]:
    """Create the folder and its parents, and return the folders that were created, innermost first."""
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file, not a folder. Pass the path of a folder.")
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    target.mkdir(parents=True, exist_ok=True)
    return missing


def _place(fresh: Path, old: Path, target: Path, *, force: bool) -> None:
    """Move the entries of `fresh` into `target`. If an entry can't be moved, move all entries back."""
    names = sorted(entry.name for entry in fresh.iterdir())
    taken = [name for name in names if os.path.lexists(target / name)]
    if taken and not force:
        raise UsageError(
            f"{target} already contains {_listing(taken)}. "
            "Choose another folder, or replace the files with --force (force=True)."
        )
    moved: list[tuple[Path, Path]] = []
    try:
        for name in names:
            if name in taken:
                _move(target / name, old / name, moved)
            _move(fresh / name, target / name, moved)
    except BaseException:
        for source, place in reversed(moved):
            place.rename(source)
        raise


def _move(source: Path, place: Path, moved: list[tuple[Path, Path]]) -> None:
    source.rename(place)
    moved.append((source, place))


def _listing(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
