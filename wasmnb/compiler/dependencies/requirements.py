"""Requirements of a filter: packages, and modules of the standard library that aren't preloaded."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ...errors import SourceError
from .guest_modules import is_standard, missing_part, standard_module_exists
from .imports import Imported
from .packages import Package, find_obstacle, find_package
from .reach import Distributions, distributions_of, placeholders, reach, zone_package
from .stdlib import ABSENT, GUEST_PYTHON, INSTEAD, ON_DEMAND, POINTLESS, PRESENT

__all__ = ["MakeError", "Requirements", "complete", "error_at", "required_modules"]

#: Packages of wasmnb that exist in the guest.
_GUEST_PACKAGES = ("wasmnb", "wasmnb.sdk", "wasmnb.abi")

_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

#: Function that creates the error for an import from a message and a hint.
MakeError = Callable[[str, str], SourceError]


#: The default secret, which is public so that all users can reproduce the same runtime.
_PUBLIC = bytes(32)


def _secret() -> bytes:
    """Return a secret derived from the environment variable `WASMNB_HASH_SECRET`, or the default secret."""
    chosen = os.environ.get("WASMNB_HASH_SECRET")
    return sha256(b"wasmnb hash secret\0" + chosen.encode("utf-8", "surrogateescape")).digest() if chosen else _PUBLIC


@dataclass(frozen=True)
class Requirements:
    """The contents that a runtime needs in addition to the standard set.

    Attributes
    ----------
    modules
        Dotted names of modules to import while the runtime is built.
    packages
        Packages to put on the runtime's Python path.
    distributions
        Metadata of distributions for `importlib.metadata`.
    placeholders
        Names of modules that can't work in a filter, but are imported by packages. The runtime contains placeholders for them.
    secret
        32 bytes from which the runtime's Python derives its hash secret. The default is the same for all users.
    """

    modules: frozenset[str] = frozenset()
    packages: tuple[Package, ...] = ()
    distributions: Distributions = ()
    placeholders: tuple[str, ...] = ()
    secret: bytes = field(default_factory=_secret)

    def digest(self) -> str:
        """Return a hash of the names and contents of all requirements."""
        parts = [*sorted(self.modules), *(f"{p.name} {p.digest}" for p in self.packages)]
        parts += [repr(self.distributions), repr(self.placeholders)] if self.distributions or self.placeholders else []
        parts += [sha256(self.secret).hexdigest()] if self.secret != _PUBLIC else []
        return sha256("\n".join(parts).encode()).hexdigest()


def complete(modules: Iterable[str], packages: Mapping[str, Package], constants: Iterable[str]) -> Requirements:
    """Return the requirements of modules, including all packages that their imports reach, metadata, and time zones.

    Parameters
    ----------
    modules
        Dotted names of the modules to preload.
    packages
        Packages to include even if no import reaches them, by name.
    constants
        Strings in the source, some of which can be names of distributions.
    """
    reached = reach(modules)
    needed, complete_packages = set(modules), {**packages, **reached.packages}
    if any(name.partition(".")[0] == "zoneinfo" for name in reached.names):
        zones = zone_package()
        if zones is not None:
            complete_packages[zones.name] = zones
            needed.update(zones.modules(), {"importlib.resources"})
    reads_metadata = not reached.names.isdisjoint({"importlib.metadata", "importlib_metadata", "pkg_resources"})
    return Requirements(
        frozenset(needed),
        tuple(complete_packages[name] for name in sorted(complete_packages)),
        distributions_of(complete_packages, constants) if reads_metadata else (),
        placeholders(reached.names),
    )


def error_at(module: Imported, filename: str, first_line: int) -> MakeError:
    """Return a function that creates errors for the line of an import statement."""
    line = module.lineno + first_line - 1
    return lambda message, hint: SourceError(message, filename=filename, lineno=line, offset=module.offset, hint=hint)


def required_modules(module: Imported, error: MakeError, packages: dict[str, Package], folders: str = "") -> set[str]:
    """Return the modules to preload for one import. The packages that contain them are added to `packages`.

    Parameters
    ----------
    module
        Import with an absolute name.
    error
        Function that creates the error for this import.
    packages
        Packages of the runtime by name. The function adds the packages that the import needs.
    folders
        Folders of the filter's own modules, for the hint in an error (default '').

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
        return _standard_modules(module, error)
    if top in sys.stdlib_module_names:
        reason = f"Python {GUEST_PYTHON}, which runs the filters, doesn't include this module."
        raise error(f"a filter can't import {module.name}", reason)
    if top in POINTLESS:
        raise error(f"a filter can't use {top}", POINTLESS[top])
    package = _add_package(top, error, packages, folders)
    names = {module.name, *(n for n in _submodules(module) if package.has(n))}
    obstacle = find_obstacle(package, *sorted(names))
    if obstacle is not None:
        raise _obstacle_error(obstacle, module.name, error)
    return names


def _standard_modules(module: Imported, error: MakeError) -> set[str]:
    """Return the modules to preload for one import from the standard library."""
    for name in (module.name, *_submodules(module)):
        if name in POINTLESS:
            raise error(f"a filter can't use {name}", POINTLESS[name])
        if missing_part(name):
            raise error(
                f"a filter can't import {name}",
                f"The Wasm build of Python lacks a part of this module: {missing_part(name)}.",
            )
    if module.name not in PRESENT and not standard_module_exists(module.name):
        hint = "Check the spelling."
        if _exists_here(module.name):
            hint = (
                f"The notebook's Python {_HERE} contains this module, but the Python {GUEST_PYTHON} in filters doesn't."
            )
        raise error(f"module {module.name} doesn't exist", hint)
    names = {module.name, *(n for n in _submodules(module) if standard_module_exists(n))}
    if module.name == "zoneinfo" and zone_package() is None:
        raise error(
            "no time zones for zoneinfo are installed", "Install them in this environment with %pip install tzdata."
        )
    return names - PRESENT


def _exists_here(name: str) -> bool:
    """Return whether the notebook's standard library contains a module. The module isn't imported."""
    path = Path(sysconfig.get_path("stdlib")).joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _submodules(module: Imported) -> Iterator[str]:
    return (f"{module.name}.{name}" for name in module.names if name != "*")


def _check_sdk(module: Imported, error: MakeError) -> set[str]:
    names = {module.name, *_submodules(module)} & ON_DEMAND
    if names:
        return names
    if module.name in _GUEST_PACKAGES or module.name.startswith(("wasmnb.sdk.", "wasmnb.abi.")):
        return set()
    raise error(
        f"a filter can't import {module.name}",
        "Filters can import only the SDK from wasmnb: from wasmnb import HttpContext, ...",
    )


def _add_package(name: str, error: MakeError, packages: dict[str, Package], folders: str) -> Package:
    """Return an installed package, and add it and its dependencies to the runtime's packages."""
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
        # A dependency that can't run in Wasm may never be imported. If it is, building the runtime reports an error.
        waiting += [p for p in others if p is not None and p.obstacle is None]
    return package


def _obstacle_error(obstacle: str, name: str, error: MakeError) -> SourceError:
    top = obstacle.partition(".")[0]
    if top in ABSENT:
        return error(f"a filter can't import {name}: it needs {obstacle}", ABSENT[top])
    if missing_part(obstacle):
        return error(f"a filter can't import {name}: it needs {obstacle}", f"{missing_part(obstacle)} in Wasm.")
    needs = "is" if obstacle == name else f"needs {obstacle}, which is"
    instead = INSTEAD.get(name.partition(".")[0], "")
    return error(
        f"{name} can't be imported inside WebAssembly: it {needs} compiled for this machine",
        f"Use a package that is pure Python.{instead}",
    )
