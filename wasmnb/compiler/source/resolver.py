"""Where everything comes from that a source imports: its own folder, the runtime, or packages put into a runtime.

All parts and all of the filter's own modules are read, and what those import in turn.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import SourceError
from .filter_source import LocalModule, Source
from .imports import Imported, imported_modules, is_standard, parse
from .local_modules import Folder, Found
from .packages import Package, find_package
from .requirements import MakeError, Requirements, error_at, needed

__all__ = ["resolve"]


def resolve(
    source: Source, path: Sequence[Path] = (), tell: Callable[[SourceError], None] | None = None
) -> tuple[Source, Requirements]:
    """The source with the modules of its own, and what it needs of a runtime.

    Parameters
    ----------
    source
        Parts, and modules if there are any that lie nowhere.
    path
        Folders in which its own modules lie.
    tell
        Called with the error for every import that cannot work inside a filter, and then looks on.

    Raises
    ------
    SourceError
        Without `tell`: an import that cannot work inside a filter, at its line.
    """
    resolver = _Resolver(source, path, tell)
    while resolver.waiting:
        resolver.read(resolver.waiting.pop(0))
    packages = resolver.packages
    requirements = Requirements(frozenset(resolver.needed), tuple(packages[name] for name in sorted(packages)))
    return replace(source, modules=tuple(resolver.modules.values())), requirements


@dataclass(frozen=True)
class _Unit:
    """A piece of source whose imports are to be found; relative ones start from `package`."""

    tree: ast.Module
    filename: str
    first_line: int
    package: str


class _Resolver:
    def __init__(self, source: Source, path: Sequence[Path], tell: Callable[[SourceError], None] | None) -> None:
        self.folder = Folder(path)
        self.tell = tell
        self.modules: dict[str, LocalModule] = {}
        self.needed: set[str] = set()
        self.packages: dict[str, Package] = {}
        self.waiting = [_Unit(parse(p.text), p.filename, p.first_line, source.package) for p in source.parts]
        for module in source.modules:
            self._keep(module)
        if source.package:
            for found in self._way_to(source.package):
                assert found is not None, f"the package {source.package} is not on the path"
                self._keep(found.module)

    def read(self, unit: _Unit) -> None:
        """Find everything that one piece imports."""
        for module in imported_modules(unit.tree):
            try:
                self._find(module, unit)
            except SourceError as error:
                if module.optional:
                    continue
                if self.tell is None:
                    raise
                self.tell(error)

    def _find(self, module: Imported, unit: _Unit) -> None:
        error = error_at(module, unit.filename, unit.first_line)
        module = replace(module, name=_absolute(module, unit.package, error), level=0)
        top = module.name.partition(".")[0]
        if top in self.modules or self._is_own(top, error):
            self._take(module, error)
        else:
            beside = str(self.folder) if self.folder.path else ""
            self.needed |= needed(module, error, self.packages, beside)

    def _is_own(self, top: str, error: MakeError) -> bool:
        """Whether a top-level module lies beside the filter."""
        found = self.folder.find(top) if self.folder.path and top != "wasmnb" else None
        if found is None or (found.file is None and (is_standard(top) or find_package(top))):
            return False
        if is_standard(top):
            raise error(
                f"{found.file} has the name of a module of the standard library",
                f"Rename it: inside WebAssembly `import {top}` always means the standard library's.",
            )
        if found.compiled:
            raise error(
                f"{found.file} cannot be imported inside WebAssembly: it is compiled for this machine",
                "A filter can use modules that are pure Python.",
            )
        return True

    def _way_to(self, name: str) -> list[Found | None]:
        """The packages around a module, and itself."""
        parts = name.split(".")
        return [self.folder.find(".".join(parts[: i + 1])) for i in range(len(parts))]

    def _take(self, module: Imported, error: MakeError) -> None:
        """Take one of the filter's own modules along, with the packages around it."""
        parts = module.name.split(".")
        for i in range(len(parts)):
            name = ".".join(parts[: i + 1])
            if not self._take_one(name):
                around = f"the package {name.rpartition('.')[0]} beside the filter"
                raise error(f"there is no module {name} in {around}", "Look for a slip in its name.")
        for name in module.names:
            if name != "*":
                self._take_one(f"{module.name}.{name}")

    def _take_one(self, name: str) -> bool:
        """Whether there is a module of this name; a name imported from one may be anything that it defines."""
        if name not in self.modules:
            found = self.folder.find(name)
            if found is None or found.compiled:
                return False
            self._keep(found.module)
        return True

    def _keep(self, module: LocalModule) -> None:
        if module.name not in self.modules:
            self.modules[module.name] = module
            package = module.name if module.is_package else module.name.rpartition(".")[0]
            self.waiting.append(_Unit(parse(module.text), module.filename, 1, package))


def _absolute(module: Imported, package: str, error: MakeError) -> str:
    """The dotted name that an import means."""
    if not module.level:
        return module.name
    around = package.split(".") if package else []
    if not around:
        raise error(
            "relative import in a filter",
            "A filter is no package: leave out the dots. A module beside it is imported by its own name.",
        )
    if module.level > len(around):
        raise error("relative import beyond the top-level package", f"This is in the package {package}.")
    base = around[: len(around) - module.level + 1]
    return ".".join([*base, module.name] if module.name else base)
