"""What a runtime has to hold for a filter: extra modules of the standard library, and packages of the notebook's own.

A package is taken as its files are found on the import path, without its compiled parts; nothing of it is imported to
find out. What its modules import, it brings along.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

from ..errors import SourceError
from .imports import Imported, imported_modules, is_standard, standard_module_exists
from .stdlib import ABSENT, PRELOADED

__all__ = ["Requirements", "requirements_of"]

#: Modules that every runtime has: what is preloaded, and the packages around it.
_PRESENT = frozenset(".".join(name.split(".")[: i + 1]) for name in PRELOADED for i in range(name.count(".") + 1)) | {
    "__future__",
    "builtins",
    "collections",
    "email",
}

#: Inside the guest `wasmnb` is the SDK alone.
_OURS = ("wasmnb", "wasmnb.sdk", "wasmnb.abi")

#: Folders of a package that a filter does not need.
_SKIPPED = {"__pycache__", "tests", "test"}


@dataclass(frozen=True)
class Requirements:
    """What a runtime needs beyond `PRELOADED`.

    Attributes
    ----------
    modules
        Dotted names to import while it is built.
    files
        Files of packages: path inside the guest -> path here.
    """

    modules: frozenset[str] = frozenset()
    files: tuple[tuple[str, Path], ...] = ()

    def digest(self) -> str:
        """Hash of names and contents."""
        found = sha256()
        for name in sorted(self.modules):
            found.update(name.encode() + b"\n")
        for name, path in self.files:
            data = path.read_bytes()
            found.update(f"{name}\0{len(data)}\n".encode() + data)
        return found.hexdigest()


class _Place:
    """How errors name the source."""

    def __init__(self, filename: str, first_line: int) -> None:
        self.filename = filename
        self.first_line = first_line

    def error(self, module: Imported, message: str, hint: str) -> SourceError:
        line = module.lineno + self.first_line - 1
        return SourceError(message, filename=self.filename, lineno=line, offset=module.offset, hint=hint)


def requirements_of(tree: ast.AST, filename: str = "<filter>", first_line: int = 1) -> Requirements:
    """What the source with this syntax tree needs.

    Raises
    ------
    SourceError
        An import that cannot work inside a filter, at its line.
    """
    place = _Place(filename, first_line)
    modules: set[str] = set()
    packages: dict[str, Path] = {}
    for module in imported_modules(tree):
        try:
            modules |= _needed(module, place, packages)
        except SourceError:
            if not module.optional:
                raise
    files = tuple(sorted((name, path) for top, root in packages.items() for name, path in _package_files(top, root)))
    return Requirements(frozenset(modules), files)


def _needed(module: Imported, place: _Place, packages: dict[str, Path]) -> set[str]:
    """Names to import for one import; adds to `packages`."""
    top = module.name.partition(".")[0]
    if module.level:
        raise place.error(module, "relative import in a filter", "A filter is one file: import by the full name.")
    if top == "wasmnb":
        return _check_ours(module, place)
    if top in ABSENT:
        raise place.error(module, f"a filter cannot import {module.name}", ABSENT[top])
    if is_standard(top):
        if not standard_module_exists(module.name):
            raise place.error(module, f"there is no module {module.name}", "Look for a slip in its name.")
        wanted = {module.name, *(n for n in _submodules(module) if standard_module_exists(n))}
        return wanted - _PRESENT
    _add_package(top, packages, lambda message, hint: place.error(module, message, hint))
    return {module.name, *(n for n in _submodules(module) if _is_file_module(n, packages[top]))}


def _submodules(module: Imported) -> Iterator[str]:
    return (f"{module.name}.{name}" for name in module.names if name != "*")


def _check_ours(module: Imported, place: _Place) -> set[str]:
    if module.name in _OURS or module.name.startswith(("wasmnb.sdk.", "wasmnb.abi.")):
        return set()
    raise place.error(
        module,
        f"a filter cannot import {module.name}",
        "Inside a filter there is only the SDK: from wasmnb import HttpContext, ...",
    )


def _find(top: str) -> ModuleSpec | None:
    """Where a top-level package lies; `PathFinder` looks without importing anything."""
    try:
        return PathFinder.find_spec(top)
    except (ImportError, ValueError, OSError):
        return None


def _root(spec: ModuleSpec) -> Path | None:
    """File or folder of a package; None for what has no source."""
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None


def _add_package(top: str, packages: dict[str, Path], error: object) -> None:
    """Take a package and, once each, those that its modules import at their top level."""
    make_error = error
    assert callable(make_error)
    if top in packages:
        return
    spec = _find(top)
    if spec is None:
        raise make_error(
            f"there is no package {top} in this environment",
            f"Install it where this runs (%pip install {top}, if that is its name on PyPI) and run the cell again.",
        )
    root = _root(spec)
    if root is None:
        raise make_error(
            f"{top} is a compiled extension, which cannot run inside WebAssembly",
            "A filter can use packages that are pure Python.",
        )
    packages[top] = root
    for dependency in sorted(_dependencies(top, root)):
        found = _find(dependency)
        if dependency not in packages and found is not None and _root(found) is not None:
            _add_package(dependency, packages, make_error)


def _dependencies(top: str, root: Path) -> set[str]:
    found = set()
    for _, path in _package_files(top, root):
        if path.suffix != ".py":
            continue
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            continue
        needed = (m for m in imported_modules(tree) if not (m.optional or m.lazy or m.level))
        found |= {m.name.partition(".")[0] for m in needed if not is_standard(m.name)}
    return found - {top, "wasmnb", ""}


def _package_files(top: str, root: Path) -> Iterable[tuple[str, Path]]:
    """(path inside the guest, path here) of what a package consists of, its compiled parts left out."""
    if root.is_file():
        return [(root.name, root)]
    found = []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if _SKIPPED.isdisjoint(inside.parts) and path.is_file() and not path.name.endswith(tuple(EXTENSION_SUFFIXES)):
            found.append((f"{top}/{inside.as_posix()}", path))
    return found


def _is_file_module(name: str, root: Path) -> bool:
    if root.is_file():
        return False
    path = root.joinpath(*name.split(".")[1:])
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
