"""Modules that lie beside a filter: found by name in its folder, read, and taken along with it.

Facts: they are not part of the runtime, so that editing one costs no more than editing the filter. Inside a runtime the
standard library is loaded already: a file of the same name would never be imported, and this is an error rather than a
surprise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import decode_source
from pathlib import Path

from ...errors import SourceError
from .filter_source import LocalModule

__all__ = ["Folder", "Found"]

_COMPILED = tuple(EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class Found:
    """A module's place on the disk.

    Attributes
    ----------
    name
        Dotted name.
    file
        Its file; None for a folder that is a package without an `__init__.py`.
    folder
        Where its submodules are; None if it is no package.
    """

    name: str
    file: Path | None
    folder: Path | None

    @property
    def compiled(self) -> bool:
        """Whether it is compiled for this machine."""
        return self.file is not None and self.file.name.endswith(_COMPILED)

    @cached_property
    def module(self) -> LocalModule:
        """Its text, read now; raises `SourceError` if it cannot be."""
        text, filename = "", str(self.file or self.folder)
        if self.file is not None:
            try:
                text = decode_source(self.file.read_bytes())
            except (OSError, SyntaxError, UnicodeDecodeError) as error:
                raise SourceError(f"{self.file} cannot be read: {error}", filename=filename) from None
        return LocalModule(self.name, text, filename, self.folder is not None)


class Folder:
    """The folders in which a filter's own modules may lie, the first one first."""

    def __init__(self, path: Sequence[Path]) -> None:
        self.path = tuple(path)

    def find(self, name: str) -> Found | None:
        """The module of this dotted name; a package without an `__init__.py` only where there is nothing else."""
        found: Found | None = None
        path, dotted = self.path, ""
        for part in name.split("."):
            dotted = f"{dotted}.{part}" if dotted else part
            found = _find(dotted, part, path) if part.isidentifier() else None
            if found is None:
                return None
            path = (found.folder,) if found.folder else ()
        return found

    def __str__(self) -> str:
        return " or ".join(str(folder.resolve()) for folder in self.path)


def _find(name: str, last: str, path: tuple[Path, ...]) -> Found | None:
    for folder in path:
        for found in _candidates(name, folder / last):
            if found.file is not None and found.file.is_file():
                return found
    return next((Found(name, None, folder / last) for folder in path if (folder / last).is_dir()), None)


def _candidates(name: str, base: Path) -> Iterator[Found]:
    """What may be there, in the order in which `import` looks."""
    yield Found(name, base / "__init__.py", base)
    for suffix in (*_COMPILED, ".py"):
        yield Found(name, base.with_name(base.name + suffix), None)
