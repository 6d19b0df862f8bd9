"""Filters that are modules already: saved before, or built by another toolchain."""

from __future__ import annotations

from typing import ClassVar

from ..engine import Engine, Image
from ..errors import ModuleError
from .info import FilterInfo, info_of
from .runtime.machine_code import compiled
from .source.filter_source import Source
from .wasm.inspection import ModuleFacts, inspect_module

__all__ = ["ModuleFilter", "load_module"]


class ModuleFilter:
    """A module with its facts. Machine code is compiled once for each engine."""

    native: ClassVar[bool] = False

    def __init__(self, data: bytes, facts: ModuleFacts) -> None:
        self.source: Source | None = None
        self.data = data
        self.facts = facts
        self._images: dict[Engine, Image] = {}

    def image(self, engine: Engine) -> Image:
        """Return what a host instantiates. Machine code of a known module comes from the disk."""
        if engine not in self._images:
            self._images[engine] = Image(compiled(self.data, engine))
        return self._images[engine]

    def wasm(self) -> bytes:
        """Return the module's bytes, unchanged."""
        return self.data

    def info(self, name: str) -> FilterInfo:
        """Return facts about the module."""
        return info_of(name, self.facts)


def load_module(data: bytes) -> ModuleFilter:
    """Check a module and wrap it as a filter backend.

    Raises
    ------
    ModuleError
        Envoy would refuse the module. The message lists every reason.
    """
    facts = inspect_module(data)
    if facts.problems:
        raise ModuleError("\n".join(facts.problems))
    return ModuleFilter(data, facts)
