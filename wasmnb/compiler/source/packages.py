"""Packages of this environment: their files, their dependencies, and whether they are pure Python.

Facts: a package is located on the import path as `import` would do, but none of its code runs here. Compiled modules
are left out because many packages work without theirs. A compiled module that the package imports unconditionally makes
it unusable inside WebAssembly, which is detected here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

from .imports import Imported, imported_modules, is_standard
from .stdlib import ABSENT

__all__ = ["Package", "find_package"]

#: Folders of a package that filters don't need.
_SKIPPED = {"__pycache__", "tests", "test"}

_COMPILED = tuple(EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class Package:
    """A top-level package, or a single module.

    Attributes
    ----------
    name
        Top-level name.
    root
        Folder or file, or None if the package is one compiled module.
    files
        Tuples of path inside the guest, path here, modification time in nanoseconds, and size in bytes.
    """

    name: str
    root: Path | None
    files: tuple[tuple[str, Path, int, int], ...] = ()

    @property
    def dependencies(self) -> frozenset[str]:
        """Top-level packages that its modules import unconditionally, without the standard library."""
        return _dependencies(self)

    @property
    def obstacle(self) -> str | None:
        """Name of a module that the package imports unconditionally and that can't run in a filter, or None.

        It's a compiled module of this or another package, or a module of `stdlib.ABSENT`.
        """
        return self.name if self.root is None else _find_obstacle(self)

    @property
    def digest(self) -> str:
        """Hash of file names and contents."""
        return _digest(self)

    def has(self, module: str) -> bool:
        """Return whether the package has a module of this dotted name."""
        return _module_file(module, self) is not None


def _find(name: str) -> ModuleSpec | None:
    try:
        return PathFinder.find_spec(name)
    except (ImportError, ValueError, OSError):
        return None


def find_package(name: str) -> Package | None:
    """Find a top-level package in this environment."""
    spec = _find(name)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        root = Path(next(iter(spec.submodule_search_locations)))
    elif spec.origin and spec.origin.endswith(".py"):
        root = Path(spec.origin)
    else:
        return Package(name, None)
    files = []
    for inside, path in _walk(name, root):
        status = path.stat()
        files.append((inside, path, status.st_mtime_ns, status.st_size))
    return Package(name, root, tuple(files))


def _walk(name: str, root: Path) -> Iterator[tuple[str, Path]]:
    if root.is_file():
        yield root.name, root
        return
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if _SKIPPED.isdisjoint(inside.parts) and not path.name.endswith(_COMPILED) and path.is_file():
            yield f"{name}/{inside.as_posix()}", path


@cache
def _digest(package: Package) -> str:
    digest = sha256()
    for name, path, _, _ in package.files:
        data = path.read_bytes()
        digest.update(f"{name}\0{len(data)}\n".encode() + data)
    return digest.hexdigest()


@cache
def _imports_of(path: Path, _changed: int) -> tuple[Imported, ...]:
    """Return the unconditional imports of a module."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(m for m in imported_modules(tree) if not (m.optional or m.lazy))


@cache
def _dependencies(package: Package) -> frozenset[str]:
    tops = {
        imported.name.partition(".")[0]
        for _, path, changed, _ in package.files
        if path.suffix == ".py"
        for imported in _imports_of(path, changed)
        if not imported.level
    }
    return frozenset(top for top in tops - {package.name, "wasmnb", ""} if not is_standard(top))


# -- unconditional imports, followed through packages -----------------------------------------------------------------


def _module_file(module: str, package: Package) -> Path | None:
    """Return the file of a module of the package. As for `import`, compiled modules come first."""
    if package.root is None:
        return None
    if package.root.is_file():
        return package.root if module == package.name else None
    path = package.root.joinpath(*module.split(".")[1:])
    candidates = [path / "__init__.py", *(path.parent / (path.name + s) for s in _COMPILED), path.with_suffix(".py")]
    if module == package.name:
        candidates = candidates[:1]
    return next((c for c in candidates if c.is_file()), None)


def _find_obstacle(package: Package) -> str | None:
    """Return the first compiled or absent module that the package imports, directly or through other packages."""
    packages: dict[str, Package | None] = {package.name: package}
    waiting, seen = [package.name], set()
    while waiting:
        module = waiting.pop()
        top = module.partition(".")[0]
        if top in ABSENT:
            return module
        if module in seen or is_standard(top):
            continue
        seen.add(module)
        if top not in packages:
            packages[top] = find_package(top)
        owner = packages[top]
        if owner is None:
            continue  # maybe never imported: the build of the runtime decides
        path = _module_file(module, owner)
        if owner.root is None or (path is not None and path.name.endswith(_COMPILED)):
            return module
        if path is not None:
            imports = _imports_of(path, path.stat().st_mtime_ns)
            # Under an `if` a package can probe for other packages, but it has its own compiled modules for this machine.
            for imported in (i for i in imports if i.level or not i.conditional):
                waiting += _names(imported, module, is_package=path.name == "__init__.py")
    return None


def _names(imported: Imported, module: str, *, is_package: bool) -> list[str]:
    """Return the modules that an import statement in `module` can load, parent packages included."""
    base = imported.name
    if imported.level:
        parts = module.split(".")
        parts = parts[: len(parts) - imported.level + is_package]
        base = ".".join([*parts, imported.name]) if imported.name else ".".join(parts)
    parents = [base[:i] for i, c in enumerate(base) if c == "."]
    return [*parents, base, *(f"{base}.{name}" for name in imported.names if name != "*")]
