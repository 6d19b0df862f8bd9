"""`FilterInfo`: facts about a filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._display import Shown
from ..abi import AbiVersion
from .release.facts import ReleaseFacts
from .wasm.inspection import ModuleFacts

__all__ = ["FilterInfo", "info_of"]


@dataclass(frozen=True)
class FilterInfo(Shown):
    """Facts about a filter.

    Attributes
    ----------
    name
        Name of the filter.
    abi_version
        Version that the module's marker export names, such as `0.2.1`.
    imports
        Names of imported functions: hostcalls and WASI.
    exports
        Names of exported functions: callbacks and entry points.
    size
        Size of the file in bytes.
    sections
        Size of every section in bytes.
    memory
        Linear memory of a VM at its start, in bytes.
    runtime
        Key of the runtime in the cache. Empty for modules from another toolchain, as are the fields below.
    python, sdk
        Versions inside the module.
    modules, packages
        Modules and packages in the runtime beyond the standard set.
    native
        Whether this Python runs the filter instead of Wasm. Then imports, sections and sizes are empty.
    release
        How a release module differs from the full one. None for other modules.
    build_times
        Seconds for `componentize`, `link` and `compile` when the runtime was built, and for this `filter` on it.
    """

    name: str
    abi_version: str
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    size: int
    sections: Mapping[str, int]
    memory: int
    runtime: str = ""
    python: str = ""
    sdk: str = ""
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    build_times: Mapping[str, float] = field(default_factory=dict)
    native: bool = False
    release: ReleaseFacts | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the facts as plain types, for JSON."""
        return asdict(self)


def info_of(name: str, facts: ModuleFacts, **fields: Any) -> FilterInfo:
    """Combine the facts of a module with further fields of `FilterInfo`."""
    version = facts.abi_version
    memory = facts.memory
    return FilterInfo(
        name,
        version.text if isinstance(version, AbiVersion) else "",
        tuple(i.name for i in facts.imports),
        tuple(e.name for e in facts.exports if e.kind == "func"),
        facts.size,
        facts.sections,
        memory,
        **fields,
    )
