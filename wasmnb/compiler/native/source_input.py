"""What one can have run natively: text, a file, a class, a source in parts, or a filter that was made from one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ..collect.class_collector import collect
from ..source.filter_source import Part, Source, file_part, read_file

__all__ = ["Given"]


@dataclass(frozen=True)
class Given:
    """A source, the folders in which its own modules lie, and a name for it."""

    source: Source
    path: Sequence[Path]
    name: str = "filter"

    @classmethod
    def of(cls, given: Any, filename: str, first_line: int, path: Sequence[Path]) -> Given:
        """What was given; raises `UsageError` if there is no Python source in it, `SourceError` if it is no text."""
        if isinstance(given, str):
            return cls(Source((Part(given, filename, first_line),)), path)
        if isinstance(given, Source):
            return cls(given, path)
        if isinstance(given, type):
            found = collect(given)
            return cls(found.source, [*path, *found.path], given.__name__)
        if isinstance(given, os.PathLike):
            file = Path(given)
            if file.suffix == ".wasm":
                raise UsageError(f"{file} is a module, and only Python source can run natively: leave native mode out.")
            return cls(Source((file_part(file, read_file(file)),)), [*path, file.parent], file.stem)
        bundle = getattr(given, "bundle", None)
        if bundle is None:
            raise UsageError(
                f"Only Python source can run natively: text, a Path, a class or a filter made from these, not {given!r}."
            )
        return cls(bundle, path, given.name)
