"""What a host instantiates of a native filter: it looks like a compiled module."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from ...abi import ENTRY_POINTS, callbacks_for
from ...engine import ExportType, ImportType, Resolve
from ..glue import VERSION
from ..source.filter_source import Source
from .hostcall_stubs import imports
from .instance import NativeInstance
from .warnings import Differences

__all__ = ["NativeImage"]

#: Exports that every filter of ours has, beside the callbacks that it needs, with their signatures.
_ALWAYS = {
    VERSION.marker: ((), ()),
    "_initialize": ENTRY_POINTS["_initialize"],
    "proxy_on_memory_allocate": (("i32",), ("i32",)),
}


class NativeImage:
    """A source ready to be run any number of times, each time as a VM of its own.

    Parameters
    ----------
    source
        Parts and modules.
    callbacks
        Callbacks that the filter needs, by their export names; None for all, until a probe tells.
    """

    native: ClassVar[bool] = True

    def __init__(self, source: Source, callbacks: frozenset[str] | None, differences: Differences) -> None:
        self.source = source
        self.callbacks = callbacks
        self.differences = differences

    @property
    def calls_on_delete(self) -> bool:
        """Whether deleting a context enters the filter."""
        return self.callbacks is None or "proxy_on_delete" in self.callbacks

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """Every hostcall, and the WASI functions in use."""
        return imports()

    @cached_property
    def exports(self) -> tuple[ExportType, ...]:
        """What the compiled filter would export."""
        always = [ExportType(name, "func", *kinds) for name, kinds in _ALWAYS.items()]
        noted = ("proxy_on_context_create", "proxy_on_delete")
        return (
            *always,
            *(
                ExportType(name, "func", c.core_params, c.core_results)
                for name, c in callbacks_for(VERSION).items()
                if self.callbacks is None or name in self.callbacks or name in noted
            ),
        )

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> NativeInstance:  # noqa: ARG002 -- nothing can stop it
        """A fresh VM."""
        return NativeInstance(self, resolve, memory_limit)
