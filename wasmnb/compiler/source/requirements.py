"""What a runtime has to hold for a filter: extra modules of the standard library, and packages of the notebook's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from ...errors import SourceError
from .imports import Imported, is_standard, standard_module_exists
from .packages import Package, find_package
from .stdlib import ABSENT, PRESENT

__all__ = ["MakeError", "Requirements", "error_at", "needed"]

#: Inside the guest `wasmnb` is the SDK alone.
_OURS = ("wasmnb", "wasmnb.sdk", "wasmnb.abi")

#: Makes the error for an import: (message, hint).
MakeError = Callable[[str, str], SourceError]


@dataclass(frozen=True)
class Requirements:
    """What a runtime needs beyond the modules that every runtime has.

    Attributes
    ----------
    modules
        Dotted names to import while it is built.
    packages
        Packages to put on its Python path.
    """

    modules: frozenset[str] = frozenset()
    packages: tuple[Package, ...] = ()

    def digest(self) -> str:
        """Hash of names and contents."""
        parts = [*sorted(self.modules), *(f"{p.name} {p.digest}" for p in self.packages)]
        return sha256("\n".join(parts).encode()).hexdigest()


def error_at(module: Imported, filename: str, first_line: int) -> MakeError:
    """Makes errors at an import statement."""
    line = module.lineno + first_line - 1
    return lambda message, hint: SourceError(message, filename=filename, lineno=line, offset=module.offset, hint=hint)


def needed(module: Imported, error: MakeError, packages: dict[str, Package], beside: str = "") -> set[str]:
    """Names to import for one import; adds to `packages`.

    Parameters
    ----------
    module
        What is imported, by its absolute name.
    beside
        Where a module of the filter's own would have been found, for the error's hint.

    Raises
    ------
    SourceError
        An import that cannot work inside a filter, made by `error`.
    """
    top = module.name.partition(".")[0]
    if top == "wasmnb":
        return _check_ours(module, error)
    if top in ABSENT:
        raise error(f"a filter cannot import {module.name}", ABSENT[top])
    if is_standard(top):
        if module.name not in PRESENT and not standard_module_exists(module.name):
            raise error(f"there is no module {module.name}", "Look for a slip in its name.")
        wanted = {module.name, *(n for n in _submodules(module) if standard_module_exists(n))}
        return wanted - PRESENT
    package = _add_package(top, error, packages, beside)
    return {module.name, *(n for n in _submodules(module) if package.has(n))}


def _submodules(module: Imported) -> Iterator[str]:
    return (f"{module.name}.{name}" for name in module.names if name != "*")


def _check_ours(module: Imported, error: MakeError) -> set[str]:
    if module.name in _OURS or module.name.startswith(("wasmnb.sdk.", "wasmnb.abi.")):
        return set()
    raise error(
        f"a filter cannot import {module.name}",
        "Inside a filter there is only the SDK: from wasmnb import HttpContext, ...",
    )


def _add_package(name: str, error: MakeError, packages: dict[str, Package], beside: str) -> Package:
    """Take a package that the source imports, and those that it needs."""
    if name in packages:
        return packages[name]
    package = find_package(name)
    if package is None:
        install = f"nstall it where this runs (%pip install {name}, if that is its name on PyPI)"
        own = f"Put {name}.py or a folder {name} beside the filter (in {beside}), or i" if beside else "I"
        raise error(
            f"there is no package {name} in this environment{' nor beside the filter' if beside else ''}",
            f"{own}{install} and run the cell again.",
        )
    waiting = [package]
    while waiting:
        found = waiting.pop()
        obstacle = found.obstacle
        if obstacle is not None:
            raise _stopped_by(obstacle, name, error)
        packages[found.name] = found
        others = (find_package(d) for d in sorted(found.dependencies) if d not in packages)
        # A dependency that cannot run here may still not be reached: the guest will tell.
        waiting += [p for p in others if p is not None and p.obstacle is None]
    return package


def _stopped_by(obstacle: str, name: str, error: MakeError) -> SourceError:
    top = obstacle.partition(".")[0]
    if top in ABSENT:
        return error(f"{name} cannot be imported inside a filter: it needs {obstacle}", ABSENT[top])
    needs = "is" if obstacle == name else f"needs {obstacle}, which is"
    return error(
        f"{name} cannot be imported inside WebAssembly: it {needs} compiled for this machine",
        "A filter can use packages that are pure Python.",
    )
