"""The build record of a module, which lists the module's inputs as JSON in a custom section. Proxies ignore this section."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from typing import Any, NamedTuple

from ..._version import __version__
from ...parsing import leb128 as leb
from ...parsing.leb128 import CORE_MAGIC, Malformed, Reader
from ..dependencies.filter_source import Source
from ..dependencies.requirements import Requirements
from ..dependencies.stdlib import GUEST_PYTHON
from ..runtime_build.runtime import Runtime
from ..wasm_binary.core_module import SECTIONS

__all__ = ["SECTION", "build_record", "read_record", "record_section", "sections"]

#: Name of the custom section with the build record.
SECTION = "wasmnb:build"

#: Fields that each package in the record must have.
_PACKAGE = {"name", "version", "license"}


def build_record(
    runtime: Runtime, requirements: Requirements, source: Source, *, release: bool, strip: bool, profile: bool = False
) -> dict[str, Any]:
    """Create the build record of a module.

    Parameters
    ----------
    runtime, requirements
        Runtime in the module, and requirements of the filter.
    source
        Source as it is stored in the module.
    release
        Whether the module is a release module.
    strip
        Whether comments and docstrings were removed.
    profile
        Whether a profile of the filter's own traffic was used (default False).
    """
    versions = {name: runtime.facts["versions"].get(name, "") for name in ("componentize-py", "wasmtime")}
    return {
        "form": "release" if release else "full",
        "strip": strip,
        "profile": profile,
        "versions": {"wasmnb": __version__, "python": GUEST_PYTHON, **versions}
        | ({"zlib": zlib.ZLIB_RUNTIME_VERSION} if release else {}),
        "runtime": sha256(f"{runtime.facts.get('guest')} {requirements.digest()}".encode()).hexdigest(),
        "source": sha256(source.payload).hexdigest(),
        "packages": [_package(package.name) for package in requirements.packages],
    }


def record_section(record: Mapping[str, Any]) -> bytes:
    """Return the custom section that contains a build record."""
    return leb.section(0, leb.name(SECTION) + json.dumps(record, sort_keys=True, separators=(",", ":")).encode())


def read_record(wasm: bytes) -> dict[str, Any] | None:
    """Return the build record of a module, or None if the module has no valid record."""
    try:
        for name, start, end in sections(wasm):
            if name == SECTION:
                record = json.loads(wasm[start:end])
                return record if _is_valid(record) else None
    except (Malformed, ValueError, RecursionError):
        pass
    return None


class SectionSpan(NamedTuple):
    """Name of a section, and start and end of its content. The content of a custom section begins after its name."""

    name: str
    start: int
    end: int


def sections(wasm: bytes) -> Iterator[SectionSpan]:
    """Yield the name and position of every section.

    Raises
    ------
    Malformed
        The bytes aren't a WebAssembly module.
    """
    for number, start, end in Reader(wasm, len(CORE_MAGIC)).sections():
        if number:
            yield SectionSpan(SECTIONS[number] if number < len(SECTIONS) else str(number), start, end)
        else:
            inner = Reader(wasm, start, end)
            name = inner.name()
            yield SectionSpan(name, inner.at, end)


def _is_valid(record: Any) -> bool:
    """Return whether a record contains all fields that wasmnb reads. Another tool could have written the section."""
    if not isinstance(record, dict) or record.get("form") not in ("full", "release"):
        return False
    versions, packages = record.get("versions"), record.get("packages")
    return (
        isinstance(versions, dict)
        and {"wasmnb", "python", "componentize-py"} <= versions.keys()
        and all(isinstance(text, str) for text in versions.values())
        and isinstance(packages, list)
        and all(isinstance(package, dict) and package.keys() >= _PACKAGE for package in packages)
        and all(isinstance(text, str) for package in packages for text in package.values())
    )


def _package(name: str) -> dict[str, str]:
    """Return the name, version and licence of the distribution that contains a package."""
    names = packages_distributions().get(name, ())
    try:
        installed = distribution(names[0]) if names else None
    except PackageNotFoundError:
        installed = None
    if installed is None:
        return {"name": name, "version": "", "license": ""}
    return {"name": installed.metadata["Name"], "version": installed.version, "license": _licence(installed)}


def _licence(installed: Distribution) -> str:
    """Return the licence in a distribution's metadata: an SPDX expression, a short text, or the names of classifiers."""
    metadata = installed.metadata
    expression, text = ((metadata.get_all(key) or [""])[0] for key in ("License-Expression", "License"))
    classifiers = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License ::")]
    if expression:
        return str(expression)
    return text if text and "\n" not in text and len(text) < 100 else ", ".join(classifiers)
