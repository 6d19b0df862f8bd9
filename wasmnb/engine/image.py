"""Modules that a host can instantiate: their compiled code, their visible exports, and the preparation of their memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from .declarations import ExportType, ImportType
from .engine import MachineCode
from .imports import Resolve
from .instance import Instance
from .memory import Memory

__all__ = ["Guest", "Image", "Runnable"]


class Guest(Protocol):
    """Interface of a running module, which is an `Instance` or a similar object that runs outside Wasm."""

    memory: Memory

    def function(self, name: str) -> Callable[..., int | None] | None:
        """Return the exported function `name`, or None if there is none."""
        ...

    def close(self) -> None:
        """Free the module. Later calls fail."""
        ...


class Runnable(Protocol):
    """Interface of a module that a host can instantiate, which is an `Image` or a similar object that runs outside Wasm.

    Attributes
    ----------
    native
        Whether the module runs outside Wasm. Such a module can't be stopped, and its memory isn't limited.
    """

    native: ClassVar[bool]

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """The imports of the module, in order."""
        ...

    @property
    def exports(self) -> tuple[ExportType, ...]:
        """The exports of the module, in order."""
        ...

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Guest:
        """Create and return an instance.

        Parameters
        ----------
        resolve
            Function that returns the host function for an imported function, or None.
        memory_limit
            Maximum bytes of all memories and tables together (default 1 GiB).
        deadline
            Maximum seconds of a call into the guest (default 5).
        """
        ...


@dataclass(frozen=True)
class Image:
    """A module that can be instantiated any number of times.

    Attributes
    ----------
    code
        The compiled module.
    visible
        Names of the exported functions that the host can use. By default (None), all of them. Filters that run from the cached
        runtime share its code, which exports every callback, although their saved files export only some callbacks.
    prepare
        Function called with each new instance before its functions are called (default None). It writes the filter's source
        into the instance's memory.
    """

    native: ClassVar[bool] = False

    code: MachineCode
    visible: frozenset[str] | None = None
    prepare: Callable[[Instance], None] | None = None

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """The imports of the module, in order."""
        return self.code.imports

    @property
    def exports(self) -> tuple[ExportType, ...]:
        """The exports that the host can use."""
        if self.visible is None:
            return self.code.exports
        return tuple(e for e in self.code.exports if e.kind != "func" or e.name in self.visible)

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Instance:
        """Create and return an instance. It raises the exceptions of `Instance`.

        Parameters
        ----------
        resolve
            Function that returns the host function for an imported function, or None.
        memory_limit
            Maximum bytes of all memories and tables together (default 1 GiB).
        deadline
            Maximum seconds of a call into the guest (default 5).
        """
        instance = Instance(self.code, resolve, memory_limit=memory_limit, deadline=deadline)
        if self.visible is not None:
            instance.hide_except(self.visible)
        if self.prepare is not None:
            self.prepare(instance)
        return instance
