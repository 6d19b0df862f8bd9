"""A filter that is a module already: built elsewhere, from whatever language, or saved before."""

from __future__ import annotations

from typing import ClassVar

from ..engine import Engine, Image
from ..errors import ModuleError
from .info import FilterInfo, info_of
from .runtime.machine_code import compiled
from .source.filter_source import Source
from .wasm.inspection import ModuleFacts, inspect_module

__all__ = ["FromModule", "load_module"]


class FromModule:
    """A module with its facts; each engine's machine code of it is made once."""

    native: ClassVar[bool] = False

    def __init__(self, data: bytes, facts: ModuleFacts) -> None:
        self.source: Source | None = None
        self.data = data
        self.facts = facts
        self._images: dict[Engine, Image] = {}

    def image(self, engine: Engine) -> Image:
        """What a host instantiates; machine code comes from the disk if the module has been compiled before."""
        if engine not in self._images:
            self._images[engine] = Image(compiled(self.data, engine))
        return self._images[engine]

    def wasm(self) -> bytes:
        """The bytes as they were given."""
        return self.data

    def info(self, name: str) -> FilterInfo:
        """Facts of the module."""
        return info_of(name, self.facts)


def load_module(data: bytes) -> FromModule:
    """Take a module as it is; raises `ModuleError` with all that would stop Envoy."""
    facts = inspect_module(data)
    if facts.problems:
        raise ModuleError("\n".join(facts.problems))
    return FromModule(data, facts)
