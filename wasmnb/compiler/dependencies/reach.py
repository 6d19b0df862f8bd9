"""Search for all modules that a filter's imports can load at any time, by following imports in the syntax trees of packages.

An import inside a function can run during a request, when there is no file system. So the imported package must be in the
runtime as well. Packages that read their own metadata or time zones also need the files that contain them.
"""

from __future__ import annotations

import sysconfig
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

from .guest_modules import is_standard
from .packages import Package, find_package, modules_imported_by
from .stdlib import ABSENT, PLACEHOLDERS

__all__ = ["Distributions", "Reach", "distributions_of", "reach", "zone_package"]

#: Metadata files of distributions, as (name of the distribution, ((name of the file, text), ...)).
Distributions = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]

_METADATA_FILES = ("METADATA", "PKG-INFO", "entry_points.txt", "top_level.txt")

#: Package with time zones, and its folders with copies of other folders.
_ZONES, _REPEATED = "tzdata", {"posix", "right"}


@dataclass(frozen=True)
class Reach:
    """The modules and packages that can be reached by following imports.

    Attributes
    ----------
    names
        Dotted names of all modules that can be loaded, and of imported names that could be modules.
    packages
        Pure Python packages that contain these modules, by name.
    """

    names: frozenset[str]
    packages: dict[str, Package]


def reach(modules: Iterable[str]) -> Reach:
    """Follow the imports of modules through packages. Imports inside functions are followed, but optional ones aren't."""
    packages: dict[str, Package | None] = {}
    waiting, seen = list(modules), set[str]()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        top = module.partition(".")[0]
        if top in ABSENT or is_standard(top) or top == "wasmnb":
            continue
        if top not in packages:
            package = find_package(top)
            packages[top] = package if package is not None and package.obstacle is None else None
        owner = packages[top]
        if owner is not None:
            waiting += modules_imported_by(module, owner)
    return Reach(frozenset(seen), {name: p for name, p in packages.items() if p is not None})


def placeholders(names: Iterable[str]) -> tuple[str, ...]:
    """Return the modules in `names` that the runtime replaces by placeholders."""
    return tuple(sorted({n.partition(".")[0] for n in names} & PLACEHOLDERS.keys()))


# -- metadata of distributions ----------------------------------------------------------------------------------------


def distributions_of(packages: Iterable[str], constants: Iterable[str]) -> Distributions:
    """Return the metadata of the distributions that contain packages, and of the distributions that a source names.

    Parameters
    ----------
    packages
        Top-level names of the packages.
    constants
        Strings in the source, some of which can be names of distributions.
    """
    owners = packages_distributions()
    names = {name for package in packages for name in owners.get(package, ())}
    installed: dict[str, Distribution] = {}
    for name in (*sorted(names), *constants):
        try:
            installation = distribution(name)
        except (PackageNotFoundError, ValueError):
            continue
        installed[installation.metadata["Name"]] = installation
    return tuple((name, _metadata_files(installation)) for name, installation in sorted(installed.items()))


def _metadata_files(installation: Distribution) -> tuple[tuple[str, str], ...]:
    texts = ((name, installation.read_text(name)) for name in _METADATA_FILES)
    # the description after the first empty line is omitted, because it can be long
    return tuple((name, t.partition("\n\n")[0] + "\n" if name in _METADATA_FILES[:2] else t) for name, t in texts if t)


# -- time zones -------------------------------------------------------------------------------------------------------


def zone_package() -> Package | None:
    """Return the package `tzdata`, or a package created from the system's time zones. None if the system has no time zones."""
    package = find_package(_ZONES)
    if package is not None:
        return package
    for folder in map(Path, zoneinfo.TZPATH or (sysconfig.get_config_var("TZPATH") or "").split(":")):
        if folder.is_dir():
            return _from_system(folder)
    return None


def _from_system(root: Path) -> Package | None:
    files, folders, names = [], {f"{_ZONES}/", f"{_ZONES}/zoneinfo/"}, []
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if inside.parts[0] in _REPEATED or not path.is_file() or not _is_zone(path):
            continue
        names.append(inside.as_posix())
        files.append((f"{_ZONES}/zoneinfo/{inside.as_posix()}", path, path.stat().st_mtime_ns, path.stat().st_size))
        folders.add(f"{_ZONES}/zoneinfo/{inside.parent.as_posix()}/".replace("/./", "/"))
    if not files:
        return None
    generated = [*((f"{folder}__init__.py", "") for folder in sorted(folders)), (f"{_ZONES}/zones", "\n".join(names))]
    return Package(_ZONES, root, tuple(files), tuple(generated))


def _is_zone(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"TZif"
