"""Requirements of a filter: further modules of the standard library, and packages of this environment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from ...errors import SourceError
from .imports import Imported, is_standard, standard_module_exists
from .packages import Package, find_package
from .stdlib import ABSENT, PRESENT

__all__ = ["MakeError", "Requirements", "error_at", "required_modules"]

#: Packages of wasmnb that exist inside the guest.
_GUEST_PACKAGES = ("wasmnb", "wasmnb.sdk", "wasmnb.abi")

#: Function of (message, hint) that makes the error for an import.
MakeError = Callable[[str, str], SourceError]


@dataclass(frozen=True)
class Requirements:
    """Contents of a runtime beyond the standard set.

    Attributes
    ----------
    modules
        Dotted names of modules to import while the runtime is built.
    packages
        Packages on the runtime's Python path.
    """

    modules: frozenset[str] = frozenset()
    packages: tuple[Package, ...] = ()

    def digest(self) -> str:
        """Return a hash of names and contents."""
        parts = [*sorted(self.modules), *(f"{p.name} {p.digest}" for p in self.packages)]
        return sha256("\n".join(parts).encode()).hexdigest()


def error_at(module: Imported, filename: str, first_line: int) -> MakeError:
    """Return a function that makes errors located at an import statement."""
    line = module.lineno + first_line - 1
    return lambda message, hint: SourceError(message, filename=filename, lineno=line, offset=module.offset, hint=hint)


def required_modules(module: Imported, error: MakeError, packages: dict[str, Package], folders: str = "") -> set[str]:
    """Return the modules to preload for one import, and add its packages to `packages`.

    Parameters
    ----------
    module
        The import, with its absolute name.
    error
        Function that makes the error for this import.
    packages
        Packages of the runtime by name.
    folders
        Folders of the filter's own modules, for the error's hint. Default: none.

    Raises
    ------
    SourceError
        The import can't work inside a filter.
    """
    top = module.name.partition(".")[0]
    if top == "wasmnb":
        return _check_sdk(module, error)
    if top in ABSENT:
        raise error(f"a filter can't import {module.name}", ABSENT[top])
    if is_standard(top):
        if module.name not in PRESENT and not standard_module_exists(module.name):
            raise error(f"module {module.name} doesn't exist", "Check the spelling.")
        names = {module.name, *(n for n in _submodules(module) if standard_module_exists(n))}
        return names - PRESENT
    package = _add_package(top, error, packages, folders)
    return {module.name, *(n for n in _submodules(module) if package.has(n))}


def _submodules(module: Imported) -> Iterator[str]:
    return (f"{module.name}.{name}" for name in module.names if name != "*")


def _check_sdk(module: Imported, error: MakeError) -> set[str]:
    if module.name in _GUEST_PACKAGES or module.name.startswith(("wasmnb.sdk.", "wasmnb.abi.")):
        return set()
    raise error(
        f"a filter can't import {module.name}",
        "Filters can use the SDK only: from wasmnb import HttpContext, ...",
    )


def _add_package(name: str, error: MakeError, packages: dict[str, Package], folders: str) -> Package:
    """Add a package and its dependencies to the runtime's packages."""
    if name in packages:
        return packages[name]
    package = find_package(name)
    if package is None:
        own = f"Put {name}.py or a folder {name} into {folders}, or i" if folders else "I"
        raise error(
            f"there's no package {name} in this environment{' or in the folder of the filter' if folders else ''}",
            f"{own}nstall it in this environment (%pip install {name}, if that's its name on PyPI), and run the cell again.",
        )
    waiting = [package]
    while waiting:
        current = waiting.pop()
        obstacle = current.obstacle
        if obstacle is not None:
            raise _obstacle_error(obstacle, name, error)
        packages[current.name] = current
        others = (find_package(d) for d in sorted(current.dependencies) if d not in packages)
        # A dependency that can't run in Wasm may never be imported: the build of the runtime decides.
        waiting += [p for p in others if p is not None and p.obstacle is None]
    return package


def _obstacle_error(obstacle: str, name: str, error: MakeError) -> SourceError:
    top = obstacle.partition(".")[0]
    if top in ABSENT:
        return error(f"a filter can't import {name}: it needs {obstacle}", ABSENT[top])
    needs = "is" if obstacle == name else f"needs {obstacle}, which is"
    return error(
        f"{name} can't be imported inside WebAssembly: it {needs} compiled for this machine",
        "Use a package that is pure Python.",
    )
