"""The class `FilterInfo`: imports, exports, sizes and versions of a compiled filter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .._display import Shown
from ..abi import AbiVersion
from .release.facts import ReleaseFacts
from .wasm_binary.inspection import ModuleFacts

__all__ = ["FilterInfo", "info_of"]


@dataclass(frozen=True)
class FilterInfo(Shown):
    """Imports, exports, sizes and versions of a compiled filter.

    Attributes
    ----------
    name
        Name of the filter.
    abi_version
        Version of the Proxy-Wasm ABI that the module declares, such as `0.2.1`.
    imports
        Names of the functions that the module imports: hostcalls and WASI functions.
    exports
        Names of the functions that the module exports: callbacks, entry points and allocators.
    size
        Size of the module in bytes.
    sections
        Size of each section in bytes, by the section's name.
    memory
        Initial size of a VM's linear memory in bytes.
    runtime
        Key of the runtime in the cache. This and the following fields are empty for modules from another toolchain.
    python, sdk
        Versions of Python and of wasmnb's SDK inside the module.
    modules, packages
        Modules and packages that the runtime contains in addition to the standard set.
    native
        Whether the filter runs in this Python interpreter instead of Wasm. If so, imports, sections and sizes are empty.
    release
        Differences between this release module and the full module. None if it isn't a release module.
    build_times
        Duration of each step in seconds: `componentize`, `link` and `compile` of the runtime, and `filter` for this filter.
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
        """Return all fields as plain types, for JSON."""
        return asdict(self)


def info_of(name: str, facts: ModuleFacts, **fields: Any) -> FilterInfo:
    """Create a `FilterInfo` from the facts about a module. `fields` sets its remaining fields."""
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
