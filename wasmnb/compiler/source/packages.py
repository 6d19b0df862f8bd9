"""Packages of the notebook's own environment: what files they have, what they need, whether they are pure Python.

Facts: a package is looked up on the import path as `import` would find it, but nothing of it is imported or run here. Its
compiled parts are left out: many packages have some that they can do without. One that is imported unconditionally,
from the package's first module on, makes the package useless inside WebAssembly, and that can be seen beforehand.
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

#: Folders of a package that a filter does not need.
_SKIPPED = {"__pycache__", "tests", "test"}

_COMPILED = tuple(EXTENSION_SUFFIXES)


@dataclass(frozen=True)
class Package:
    """A top-level package, or a module that stands alone.

    Attributes
    ----------
    name
        Its top-level name.
    root
        Its folder or file; None if all of it is one compiled module.
    files
        (path inside the guest, path here, time of change, size).
    """

    name: str
    root: Path | None
    files: tuple[tuple[str, Path, int, int], ...] = ()

    @property
    def dependencies(self) -> frozenset[str]:
        """Top-level packages, not of the standard library, that its modules import without condition."""
        return _dependencies(self)

    @property
    def obstacle(self) -> str | None:
        """A module that importing the package needs in any case and that cannot run in a filter, if there is one.

        It is a compiled one of this or another package, or one of those that `stdlib.ABSENT` names.
        """
        return self.name if self.root is None else _find_obstacle(self)

    @property
    def digest(self) -> str:
        """Hash of names and contents."""
        return _digest(self)

    def has(self, module: str) -> bool:
        """Whether a dotted name is one of its modules."""
        return _module_file(module, self) is not None


def _find(name: str) -> ModuleSpec | None:
    try:
        return PathFinder.find_spec(name)
    except (ImportError, ValueError, OSError):
        return None


def find_package(name: str) -> Package | None:
    """The top-level package of this name, or None."""
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
        facts = path.stat()
        files.append((inside, path, facts.st_mtime_ns, facts.st_size))
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
    found = sha256()
    for name, path, _, _ in package.files:
        data = path.read_bytes()
        found.update(f"{name}\0{len(data)}\n".encode() + data)
    return found.hexdigest()


@cache
def _imports_of(path: Path, _changed: int) -> tuple[Imported, ...]:
    """Imports that a module makes in any case, as it is imported."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    return tuple(m for m in imported_modules(tree) if not (m.optional or m.lazy))


@cache
def _dependencies(package: Package) -> frozenset[str]:
    tops = {
        found.name.partition(".")[0]
        for _, path, changed, _ in package.files
        if path.suffix == ".py"
        for found in _imports_of(path, changed)
        if not found.level
    }
    return frozenset(top for top in tops - {package.name, "wasmnb", ""} if not is_standard(top))


# -- what importing the package needs in any case ---------------------------------------------------------------------


def _module_file(module: str, package: Package) -> Path | None:
    """File of a module of the package: a compiled one comes first, as for `import`."""
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
    """The first module on the way that is compiled or absent, in this package or in one that it needs."""
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
            continue  # perhaps not reached: the guest will tell
        path = _module_file(module, owner)
        if owner.root is None or (path is not None and path.name.endswith(_COMPILED)):
            return module
        if path is not None:
            imports = _imports_of(path, path.stat().st_mtime_ns)
            # Under an `if` a package may try another package; its own compiled part it has for this machine.
            for found in (f for f in imports if f.level or not f.conditional):
                waiting += _names(found, module, is_package=path.name == "__init__.py")
    return None


def _names(found: Imported, module: str, *, is_package: bool) -> list[str]:
    """Absolute names of the modules that an import statement in `module` may mean, with the packages around them."""
    base = found.name
    if found.level:
        parts = module.split(".")
        parts = parts[: len(parts) - found.level + is_package]
        base = ".".join([*parts, found.name]) if found.name else ".".join(parts)
    around = [base[:i] for i, c in enumerate(base) if c == "."]
    return [*around, base, *(f"{base}.{name}" for name in found.names if name != "*")]
