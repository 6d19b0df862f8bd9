"""The filter's own modules, which are found by name in its folders and embedded together with its source.

They aren't part of the runtime, so changing one takes no more time than changing the filter. The runtime has already loaded the
standard library, so a file with the name of a standard module would never be imported. The resolver reports an error for such a
file.
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

__all__ = ["Folder", "LocatedModule"]

_COMPILED = tuple(EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class LocatedModule:
    """The location of one of the filter's own modules.

    Attributes
    ----------
    name
        Dotted name of the module.
    file
        File of the module, or None for a package without an `__init__.py`.
    folder
        Folder of the submodules, or None if the module isn't a package.
    """

    name: str
    file: Path | None
    folder: Path | None

    @property
    def compiled(self) -> bool:
        """Whether the module is an extension module that was compiled for this machine."""
        return self.file is not None and self.file.name.endswith(_COMPILED)

    @cached_property
    def module(self) -> LocalModule:
        """The module with its text. Raises `SourceError` if the file can't be read or decoded."""
        text, filename = "", str(self.file or self.folder)
        if self.file is not None:
            try:
                text = decode_source(self.file.read_bytes())
            except (OSError, SyntaxError, UnicodeDecodeError) as error:
                raise SourceError(
                    f"the file can't be read: {error}",
                    filename=filename,
                    hint="Save it as UTF-8 in a place that you can read.",
                ) from None
        return LocalModule(self.name, text, filename, self.folder is not None)


class Folder:
    """The search path for a filter's own modules."""

    def __init__(self, path: Sequence[Path]) -> None:
        self.path = tuple(path)

    def find(self, name: str) -> LocatedModule | None:
        """Return the location of a module with a dotted name, or None. Packages without an `__init__.py` are found last."""
        located: LocatedModule | None = None
        path, dotted = self.path, ""
        for part in name.split("."):
            dotted = f"{dotted}.{part}" if dotted else part
            located = _find(dotted, part, path) if part.isidentifier() else None
            if located is None:
                return None
            path = (located.folder,) if located.folder else ()
        return located

    def __str__(self) -> str:
        return " or ".join(str(folder.resolve()) for folder in self.path)


def _find(name: str, last: str, path: tuple[Path, ...]) -> LocatedModule | None:
    for folder in path:
        for candidate in _candidates(name, folder / last):
            if candidate.file is not None and candidate.file.is_file():
                return candidate
    return next((LocatedModule(name, None, folder / last) for folder in path if (folder / last).is_dir()), None)


def _candidates(name: str, base: Path) -> Iterator[LocatedModule]:
    """Yield possible locations of a module in the order in which `import` tries them."""
    yield LocatedModule(name, base / "__init__.py", base)
    for suffix in (*_COMPILED, ".py"):
        yield LocatedModule(name, base.with_name(base.name + suffix), None)
