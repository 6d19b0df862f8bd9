"""Filters that are loaded from complete modules: saved before, or built by another toolchain."""

from __future__ import annotations

from typing import ClassVar

from .. import _hooks
from ..abi import Callbacks
from ..engine import Engine, Image
from ..errors import ModuleError
from .cache.machine_code import compiled
from .dependencies.filter_source import Source
from .info import FilterInfo, info_of
from .wasm_binary.inspection import HIGRESS_ENV, ModuleFacts, inspect_module

__all__ = ["ModuleFilter", "load_module"]

#: Seconds of compiling before progress is shown, and the line that is shown at the end.
_PATIENCE, _VERDICT = 1.0, "Module compiled in {:.1f} s; from now on it comes from the cache."


class ModuleFilter:
    """A complete module with the facts about it. It is compiled once for each engine."""

    native: ClassVar[bool] = False

    def __init__(self, data: bytes, facts: ModuleFacts) -> None:
        self.source: Source | None = None
        self.data = data
        self.facts = facts
        self._images: dict[Engine, Image] = {}

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the module exports."""
        return Callbacks.of_exports(e.name for e in self.facts.exports if e.kind == "func")

    @property
    def classes(self) -> dict[str, str]:
        """An empty dict, because a module doesn't contain the names of its classes."""
        return {}

    def image(self, engine: Engine) -> Image:
        """Return the object that a host instantiates. Machine code is read from the cache if it has been compiled before."""
        if engine not in self._images:
            with _hooks.current_progress(patience=_PATIENCE, verdict=_VERDICT) as progress:
                self._images[engine] = Image(compiled(self.data, engine, progress=progress))
        return self._images[engine]

    def wasm(self) -> bytes:
        """Return the module's bytes, unchanged."""
        return self.data

    def info(self, name: str) -> FilterInfo:
        """Return facts about the module."""
        return info_of(name, self.facts)


#: Prefixes of the problems about imports that only Higress's Envoy has.
_HIGRESS = tuple(f"It imports env.{name}," for name in HIGRESS_ENV)


def load_module(data: bytes) -> ModuleFilter:
    """Check a module and wrap it as a filter backend.

    Raises
    ------
    ModuleError
        Envoy would refuse the module. The message lists every reason.
    """
    facts = inspect_module(data)
    problems = [p for p in facts.problems if not p.startswith(_HIGRESS)]  # a simulated proxy with Redis runs these
    if problems:
        raise ModuleError("\n".join(problems))
    return ModuleFilter(data, facts)
