"""Packages that are installed in this environment: their files, their dependencies, and whether they are pure Python.

Packages are found on the import path as by `import`, but their code isn't executed. Compiled modules are omitted, because many
packages also work without them. A package that imports a compiled module unconditionally can't be used inside WebAssembly.
`Package.obstacle` and `find_obstacle` return the name of such a module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

from .guest_modules import is_standard, missing_part
from .imports import Imported, imported_modules
from .stdlib import ABSENT, PLACEHOLDERS

__all__ = ["Package", "find_obstacle", "find_package", "modules_imported_by"]

#: Names of folders in packages that filters don't need.
_SKIPPED = {"__pycache__", "tests", "test"}

_COMPILED = tuple(EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class Package:
    """A top-level package or single module that is installed in this environment.

    Attributes
    ----------
    name
        Top-level name of the package.
    root
        Folder or file of the package, or None if the package is a single compiled module.
    files
        Files to copy, as (path in the guest, path on this machine, modification time in nanoseconds, size in bytes).
    generated
        Files that don't exist on this machine, as (path in the guest, text) (default none).
    """

    name: str
    root: Path | None
    files: tuple[tuple[str, Path, int, int], ...] = ()
    generated: tuple[tuple[str, str], ...] = ()

    @property
    def dependencies(self) -> frozenset[str]:
        """Top-level names of other packages that the package's modules import unconditionally. The standard library is
        excluded.
        """
        return _dependencies(self)

    @property
    def obstacle(self) -> str | None:
        """Name of a module that can't run in a filter but is imported unconditionally by the package, or None.

        The module is a compiled module of this or another package, or one of `stdlib.ABSENT`.
        """
        return find_obstacle(self, self.name)

    @property
    def digest(self) -> str:
        """Hash of the names and contents of the package's files."""
        return _digest(self)

    def has(self, module: str) -> bool:
        """Return whether the package contains a module with this dotted name."""
        return _module_file(module, self) is not None

    def modules(self) -> list[str]:
        """Return the dotted names of all modules and subpackages in the package."""
        paths = [*(file[0] for file in self.files), *(file[0] for file in self.generated)]
        return [p.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for p in paths if p.endswith(".py")]


def _find(name: str) -> ModuleSpec | None:
    try:
        return PathFinder.find_spec(name)
    except (ImportError, ValueError, OSError):
        return None


def find_package(name: str) -> Package | None:
    """Return the package with a top-level name from this environment, or None."""
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
    for name, text in package.generated:
        digest.update(f"{name}\0{text}\n".encode())
    return digest.hexdigest()


@cache
def _all_imports_of(path: Path, _changed: int) -> tuple[Imported, ...]:
    """Return all imports of a module that aren't optional."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(m for m in imported_modules(tree) if not m.optional)


def _imports_of(path: Path, changed: int) -> tuple[Imported, ...]:
    """Return the imports of a module that are neither optional nor inside functions."""
    return tuple(m for m in _all_imports_of(path, changed) if not m.lazy)


def modules_imported_by(module: str, package: Package) -> list[str]:
    """Return the names of modules that a module imports, including imports inside functions. Optional imports are omitted."""
    path = _module_file(module, package)
    if path is None or path.name.endswith(_COMPILED):
        return []
    return [
        name
        for imported in _all_imports_of(path, path.stat().st_mtime_ns)
        if imported.level or not imported.conditional
        for name in _names(imported, module, is_package=path.name == "__init__.py")
    ]


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
    """Return the file of a module in a package, or None. Compiled modules are found first, as by `import`."""
    if package.root is None:
        return None
    if package.root.is_file():
        return package.root if module == package.name else None
    path = package.root.joinpath(*module.split(".")[1:])
    candidates = [path / "__init__.py", *(path.parent / (path.name + s) for s in _COMPILED), path.with_suffix(".py")]
    if module == package.name:
        candidates = candidates[:1]
    return next((c for c in candidates if c.is_file()), None)


def find_obstacle(package: Package, *modules: str) -> str | None:
    """Return the name of the first imported module that can't run in a filter, or None.

    The search follows the imports of `modules`, which are modules of `package`, through all other packages.
    """
    if package.root is None:
        return package.name
    packages: dict[str, Package | None] = {package.name: package}
    waiting, seen = list(modules), set()
    while waiting:
        module = waiting.pop()
        top = module.partition(".")[0]
        if module in seen or top in PLACEHOLDERS:
            continue
        if top in ABSENT or missing_part(module):
            return module
        seen.add(module)
        if is_standard(top):
            continue
        if top not in packages:
            packages[top] = find_package(top)
        owner = packages[top]
        if owner is None:
            continue  # it may never be imported; building the runtime reports an error if it is
        path = _module_file(module, owner)
        if owner.root is None or (path is not None and path.name.endswith(_COMPILED)):
            return module
        if path is not None:
            imports = _imports_of(path, path.stat().st_mtime_ns)
            # Imports under an `if` can be attempts to find other packages, but not if they import the package's own modules.
            for imported in (i for i in imports if i.level or not i.conditional):
                waiting += _names(imported, module, is_package=path.name == "__init__.py")
    return None


def _names(imported: Imported, module: str, *, is_package: bool) -> list[str]:
    """Return the names of all modules that an import statement in `module` can load, including parent packages."""
    base = imported.name
    if imported.level:
        parts = module.split(".")
        parts = parts[: len(parts) - imported.level + is_package]
        base = ".".join([*parts, imported.name]) if imported.name else ".".join(parts)
    parents = [base[:i] for i, c in enumerate(base) if c == "."]
    return [*parents, base, *(f"{base}.{name}" for name in imported.names if name != "*")]
