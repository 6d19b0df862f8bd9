"""Inputs of native mode: text, a file, a class, a source in parts, or a filter that was compiled from one of these."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ..cell_source.class_collector import collect
from ..dependencies.filter_source import Part, Source, file_part, read_file

__all__ = ["SourceInput"]


@dataclass(frozen=True)
class SourceInput:
    """A source, the folders of the filter's own modules, and a name for the filter."""

    source: Source
    path: Sequence[Path]
    name: str = "filter"

    @classmethod
    def of(cls, value: Any, filename: str, first_line: int, path: Sequence[Path]) -> SourceInput:
        """Convert an argument of `Filter.native` to a source.

        Raises
        ------
        UsageError
            The value has no Python source, or its file can't be read.
        SourceError
            The source isn't valid text.
        """
        if isinstance(value, str):
            return cls(Source((Part(value, filename, first_line),)), path)
        if isinstance(value, Source):
            return cls(value, path)
        if isinstance(value, type):
            collected = collect(value)
            return cls(collected.source, [*path, *collected.path], value.__name__)
        if isinstance(value, os.PathLike):
            file = Path(value)
            if file.suffix == ".wasm":
                raise UsageError(
                    f"{file} is a Wasm module, but only Python source can run natively. Load it with Filter.from_file."
                )
            return cls(Source((file_part(file, read_file(file)),)), [*path, file.parent], file.stem)
        bundle = getattr(value, "bundle", None)
        if bundle is None:
            raise UsageError(
                f"{value!r} can't run natively. Pass Python source: text, a Path, a class or a filter made from these."
            )
        return cls(bundle, path, value.name)
