"""The resolver, which finds the modules imported by a source in the filter's own folders, the runtime, or installed packages.

It resolves the imports of all parts of the source, and recursively those of the filter's own modules.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ...errors import SourceError
from .filter_source import LocalModule, Source
from .guest_modules import is_standard
from .imports import Imported, imported_modules, parse
from .local_modules import Folder, LocatedModule
from .packages import Package, find_package
from .requirements import MakeError, Requirements, complete, error_at, required_modules

__all__ = ["Resolved", "resolve"]


class Resolved(NamedTuple):
    """A source with its modules, and the requirements of its runtime."""

    source: Source
    requirements: Requirements


def resolve(
    source: Source, path: Sequence[Path] = (), on_error: Callable[[SourceError], None] | None = None
) -> Resolved:
    """Add the filter's own modules to a source, and determine the requirements of the source's runtime.

    Parameters
    ----------
    source
        Source to resolve. It can already contain modules, which don't exist as files.
    path
        Folders with the filter's own modules (default none).
    on_error
        Called with an error for each import that can't work inside a filter, after which resolving continues. By default
        (None), the first error is raised.

    Raises
    ------
    SourceError
        An import can't work inside a filter, and `on_error` is None.
    """
    resolver = _Resolver(source, path, on_error)
    while resolver.waiting:
        resolver.read(resolver.waiting.pop(0))
    requirements = complete(resolver.required, resolver.packages, sorted(resolver.constants))
    return Resolved(replace(source, modules=tuple(resolver.modules.values())), requirements)


@dataclass(frozen=True)
class _Unit:
    """A text of the source whose imports must be resolved. `package` is the package against which relative imports are
    resolved.
    """

    tree: ast.Module
    filename: str
    first_line: int
    package: str


class _Resolver:
    def __init__(self, source: Source, path: Sequence[Path], on_error: Callable[[SourceError], None] | None) -> None:
        self.folder = Folder(path)
        self.on_error = on_error
        self.modules: dict[str, LocalModule] = {}
        self.required: set[str] = set()
        self.packages: dict[str, Package] = {}
        self.constants: set[str] = set()
        self.waiting = [_Unit(parse(p.text), p.filename, p.first_line, source.package) for p in source.parts]
        for module in source.modules:
            self._keep(module)
        if source.package:
            for located in self._parents_and(source.package):
                assert located is not None, f"the package {source.package} isn't on the path"
                self._keep(located.module)

    def read(self, unit: _Unit) -> None:
        """Resolve all imports in one text of the source."""
        self.constants.update(_distribution_names(unit.tree))
        for module in imported_modules(unit.tree):
            try:
                self._resolve(module, unit)
            except SourceError as error:
                if module.optional:
                    continue
                if self.on_error is None:
                    raise
                self.on_error(error)

    def _resolve(self, module: Imported, unit: _Unit) -> None:
        error = error_at(module, unit.filename, unit.first_line)
        module = replace(module, name=_absolute(module, unit.package, error), level=0)
        top = module.name.partition(".")[0]
        if top in self.modules or self._is_own(top, error):
            self._add_own(module, error)
        else:
            folders = str(self.folder) if self.folder.path else ""
            self.required |= required_modules(module, error, self.packages, folders)

    def _is_own(self, top: str, error: MakeError) -> bool:
        """Return whether a top-level module is one of the filter's own modules."""
        located = self.folder.find(top) if self.folder.path and top != "wasmnb" else None
        if located is None or (located.file is None and (is_standard(top) or find_package(top))):
            return False
        if is_standard(top):
            raise error(
                f"{located.file} has the name of a module of the standard library",
                f"Rename the file: inside WebAssembly `import {top}` always imports the standard library's module.",
            )
        if located.compiled:
            raise error(
                f"{located.file} can't be imported inside WebAssembly: it is compiled for this machine",
                "Use a module that is pure Python.",
            )
        return True

    def _parents_and(self, name: str) -> list[LocatedModule | None]:
        """Return the locations of a module's parent packages, followed by the location of the module."""
        parts = name.split(".")
        return [self.folder.find(".".join(parts[: i + 1])) for i in range(len(parts))]

    def _add_own(self, module: Imported, error: MakeError) -> None:
        """Add one of the filter's own modules to the source, with its parent packages."""
        parts = module.name.split(".")
        for i in range(len(parts)):
            name = ".".join(parts[: i + 1])
            if not self._add_module(name):
                parent = f"the filter's package {name.rpartition('.')[0]}"
                raise error(f"there's no module {name} in {parent}", "Check the spelling.")
        for name in module.names:
            if name != "*":
                self._add_module(f"{module.name}.{name}")

    def _add_module(self, name: str) -> bool:
        """Add one of the filter's own modules if it exists, and return whether it exists. The name can also be that of a
        variable.
        """
        if name not in self.modules:
            located = self.folder.find(name)
            if located is None or located.compiled:
                return False
            self._keep(located.module)
        return True

    def _keep(self, module: LocalModule) -> None:
        if module.name not in self.modules:
            self.modules[module.name] = module
            package = module.name if module.is_package else module.name.rpartition(".")[0]
            self.waiting.append(_Unit(parse(module.text), module.filename, 1, package))


#: Functions of `importlib.metadata` whose argument is the name of a distribution.
_METADATA_READERS = {"version", "metadata", "distribution", "requires", "entry_points"}


def _distribution_names(tree: ast.AST) -> Iterator[str]:
    """Yield the constant first arguments of calls that read metadata of a distribution."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name in _METADATA_READERS and isinstance(node.args[0].value, str):
                yield node.args[0].value


def _absolute(module: Imported, package: str, error: MakeError) -> str:
    """Return the absolute name of an imported module."""
    if not module.level:
        return module.name
    parents = package.split(".") if package else []
    if not parents:
        raise error(
            "relative import in a filter",
            "A filter isn't a package. Leave out the dots, because modules in its folder are imported by their own name.",
        )
    if module.level > len(parents):
        raise error(
            "relative import beyond the top-level package",
            f"The filter is in the package {package}. Use fewer dots, or the module's absolute name.",
        )
    base = parents[: len(parents) - module.level + 1]
    return ".".join([*base, module.name] if module.name else base)
