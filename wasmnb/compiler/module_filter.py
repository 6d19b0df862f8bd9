"""Filters loaded from complete modules, which were saved by wasmnb or built by another toolchain."""

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

#: Seconds of compiling after which progress is shown, and the line that is shown at the end.
_PATIENCE, _VERDICT = 1.0, "Module compiled in {:.1f} s. It is read from the cache from now on."


class ModuleFilter:
    """Backend of a filter that was loaded from a complete module. The module is compiled once for each engine."""

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
        """An empty dict, because a Wasm module doesn't contain the names of classes."""
        return {}

    def image(self, engine: Engine) -> Image:
        """Return the object from which a host creates VMs. Machine code is read from the cache if the module was compiled
        before.
        """
        if engine not in self._images:
            with _hooks.current_progress(patience=_PATIENCE, verdict=_VERDICT) as progress:
                self._images[engine] = Image(compiled(self.data, engine, progress=progress))
        return self._images[engine]

    def wasm(self) -> bytes:
        """Return the bytes of the module, unchanged."""
        return self.data

    def info(self, name: str) -> FilterInfo:
        """Return facts about the module. `name` is the filter's name."""
        return info_of(name, self.facts)


#: Beginnings of the problems about imports that only Higress's Envoy provides.
_HIGRESS = tuple(f"It imports env.{name}," for name in HIGRESS_ENV)


def load_module(data: bytes) -> ModuleFilter:
    """Check a module, and return a filter backend for it.

    Raises
    ------
    ModuleError
        Envoy would refuse to load the module. The message lists every reason.
    """
    facts = inspect_module(data)
    problems = [p for p in facts.problems if not p.startswith(_HIGRESS)]  # a simulated proxy with Redis runs these
    if problems:
        raise ModuleError("\n".join(problems))
    return ModuleFilter(data, facts)
