"""Portable file names for a source in a saved module. They don't contain folders of this machine or numbers of cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath

from .filter_source import LocalModule, Source

__all__ = ["original_names", "portable_names", "with_original_names", "with_portable_names"]

#: Maximum number of characters of a filter's name that the name of a cell contains.
_LONGEST = 80

#: Pattern of cell names in a notebook, which contain the number of the execution.
_CELL = re.compile(r"Cell In ?\[\d+\]|<ipython-input-\d+-\w+>|(?:Input )?In \[\d+\]")

#: Pattern of the beginning of a traceback's line, up to the file name.
_FILE = re.compile(r'(?P<start>^  File ")(?P<name>[^"\n]+)"', re.MULTILINE)


def portable_names(source: Source, filter_name: str = "filter") -> dict[str, str]:
    """Return the portable name of each file and cell of a source, by its name on this machine.

    A cell of the filter `auth` is named `<auth cell>`, or `<auth cell 2>` if there are several. A file is named without its
    folder. A module is named by its path below the folder from which it is imported, such as `rules/limits.py`.
    """
    names = {module.filename: _module_path(module) for module in source.modules}
    files = dict.fromkeys(part.filename for part in source.parts if part.filename not in names)
    cells = [name for name in files if _CELL.fullmatch(name)]
    for name in files:
        number = f" {cells.index(name) + 1}" if name in cells and len(cells) > 1 else ""
        names[name] = _free(
            f"<{_title(filter_name)} cell{number}>" if name in cells else _base(name), set(names.values())
        )
    return names


def original_names(source: Source, filter_name: str = "filter") -> dict[str, str]:
    """Return the inverse of `portable_names`: the name on this machine of each file and cell, by its portable name."""
    return {portable: name for name, portable in portable_names(source, filter_name).items()}


def with_original_names(text: str, names: Mapping[str, str]) -> str:
    """Replace portable file names in tracebacks by the original names.

    Parameters
    ----------
    text
        Log line of a filter.
    names
        Original names by portable names, as returned by `original_names`. Other names aren't changed.
    """
    if not names or '  File "' not in text:
        return text
    return _FILE.sub(lambda frame: frame["start"] + names.get(frame["name"], frame["name"]) + '"', text)


def with_portable_names(source: Source, filter_name: str = "filter") -> Source:
    """Return a copy of the source in which all files and cells have portable names."""
    names = portable_names(source, filter_name)
    parts = tuple(part._replace(filename=names[part.filename]) for part in source.parts)
    modules = tuple(module._replace(filename=names[module.filename]) for module in source.modules)
    return replace(source, parts=parts, modules=modules)


def _module_path(module: LocalModule) -> str:
    path = module.name.replace(".", "/")
    if not module.is_package:
        return f"{path}.py"
    return f"{path}/__init__.py" if PurePath(module.filename).name == "__init__.py" else path


def _base(name: str) -> str:
    """Return a file name without its folder. Names such as `<filter>` aren't changed, unless they contain a path."""
    last = re.split(r"[/\\]", name)[-1]
    return last or "<filter>"


def _title(filter_name: str) -> str:
    """Return a filter's name without folders and without characters that aren't allowed between angle brackets."""
    kept = "".join(c for c in re.split(r"[/\\]", filter_name)[-1] if c.isprintable() and c not in '<>"')
    return kept[:_LONGEST].strip() or "filter"


def _free(name: str, taken: set[str]) -> str:
    """Return the name if it isn't taken, otherwise the first free name of `name-2`, `name-3` and so on."""
    return next(candidate for candidate in _candidates(name) if candidate not in taken)


def _candidates(name: str) -> Iterator[str]:
    yield name
    stem, dot, suffix = name.rpartition(".")
    number = 2
    while True:
        yield f"{stem}-{number}.{suffix}" if dot else f"{name}-{number}"
        number += 1
