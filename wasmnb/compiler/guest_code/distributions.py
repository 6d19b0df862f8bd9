"""Metadata of installed packages in memory, for `importlib.metadata`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution
from typing import Any

__all__ = ["install"]


class _InMemory(Distribution):
    """A distribution whose metadata files are texts in memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def read_text(self, filename: Any) -> str | None:
        return self._files.get(str(filename))

    def locate_file(self, path: Any) -> Any:
        raise FileNotFoundError(f"{path}: a filter has no file system")


class _Finder:
    """Finder in `sys.meta_path` that returns metadata for `importlib.metadata`. It doesn't find modules."""

    def __init__(self, distributions: Mapping[str, Mapping[str, str]]) -> None:
        self._distributions = {_normalised(name): files for name, files in distributions.items()}

    def find_spec(self, *_: Any) -> None:
        return None

    def find_distributions(self, context: Any) -> Iterator[Distribution]:
        name = getattr(context, "name", None)
        names = self._distributions if name is None else [_normalised(name)]
        yield from (_InMemory(self._distributions[n]) for n in names if n in self._distributions)


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install(distributions: Mapping[str, Mapping[str, str]]) -> None:
    """Make metadata of distributions available. The mapping is name of the distribution -> name of a metadata file -> text."""
    sys.meta_path.append(_Finder(distributions))
