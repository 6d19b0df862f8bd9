"""`FilterInfo`: what a filter is, for whoever shows it."""

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
    """Facts of a filter.

    Attributes
    ----------
    abi_version
        As its marker says: `0.2.1`.
    imports, exports
        Names of functions: hostcalls and WASI; callbacks and entry points.
    size
        Bytes of the file.
    sections
        Bytes of every section.
    memory
        Bytes of linear memory that a VM starts with.
    runtime
        Key of the runtime in the cache; empty for modules built elsewhere, as are the fields below.
    python, sdk
        Versions inside the module.
    modules, packages
        What the runtime holds beyond the standard set.
    native
        Whether it is run by this Python rather than as a module; then there are no imports, sections or sizes.
    release
        How a release module differs from the full one; None for others.
    build_times
        Seconds: `componentize`, `link`, `compile` when the runtime was built; `filter` for this filter on it.
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
        """The same in plain types, for JSON."""
        return asdict(self)


def info_of(name: str, facts: ModuleFacts, **more: Any) -> FilterInfo:
    """The facts of a module, and what is known beyond them."""
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
        **more,
    )
