"""Modules that a host instantiates: compiled code, its visible exports, and the memory's content before it starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from .declarations import ExportType, ImportType
from .engine import Code
from .imports import Resolve
from .instance import Instance
from .memory import Memory

__all__ = ["Guest", "Image", "Runnable"]


class Guest(Protocol):
    """The interface of a running module: `Instance`, or an object like it that runs outside Wasm."""

    memory: Memory

    def function(self, name: str) -> Callable[..., int | None] | None:
        """Return an exported function by its name, or None."""
        ...

    def close(self) -> None:
        """Free the module. Calls fail from now on."""
        ...


class Runnable(Protocol):
    """The interface of a module that a host can instantiate: `Image`, or an object like it that runs outside Wasm.

    Attributes
    ----------
    native
        Whether the module runs outside Wasm, where nothing can stop it and its memory isn't limited.
    """

    native: ClassVar[bool]

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """The imports, in order."""
        ...

    @property
    def exports(self) -> tuple[ExportType, ...]:
        """The exports, in order."""
        ...

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Guest:
        """Return a new instance. The parameters and exceptions are those of `Instance`."""
        ...


@dataclass(frozen=True)
class Image:
    """A module ready to be instantiated any number of times.

    Attributes
    ----------
    code
        The compiled module.
    visible
        Names of the exported functions that the host may use (default None: all). Filters that run from the cached runtime
        share its code, which exports every callback. Each must behave like its saved file, which exports only some.
    prepare
        Called with each new instance before its functions are called, to write the filter's source into its memory (default
        None: not called).
    """

    native: ClassVar[bool] = False

    code: Code
    visible: frozenset[str] | None = None
    prepare: Callable[[Instance], None] | None = None

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """The imports, in order."""
        return self.code.imports

    @property
    def exports(self) -> tuple[ExportType, ...]:
        """The visible exports."""
        if self.visible is None:
            return self.code.exports
        return tuple(e for e in self.code.exports if e.kind != "func" or e.name in self.visible)

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Instance:
        """Return a new instance. The parameters and exceptions are those of `Instance`."""
        instance = Instance(self.code, resolve, memory_limit=memory_limit, deadline=deadline)
        if self.visible is not None:
            instance.hide_except(self.visible)
        if self.prepare is not None:
            self.prepare(instance)
        return instance
