"""The image of a native filter, from which a host creates VMs as it does from a compiled module."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from ...abi import ENTRY_POINTS, callbacks_for
from ...engine import ExportType, ImportType, Resolve
from ..dependencies.filter_source import Source
from ..glue import VERSION
from .hostcall_stubs import imports
from .instance import NativeInstance
from .warnings import Differences

__all__ = ["NativeImage"]

#: Exports of every compiled filter in addition to its callbacks, with their signatures.
_REQUIRED_EXPORTS = {
    VERSION.marker: ((), ()),
    "_initialize": ENTRY_POINTS["_initialize"],
    "proxy_on_memory_allocate": (("i32",), ("i32",)),
}


class NativeImage:
    """A filter's source, from which a host can create any number of VMs.

    Parameters
    ----------
    source
        Source of the filter, including its own modules.
    callbacks
        Names of the callbacks that the filter needs. If None, all callbacks are exported, because the source hasn't been loaded
        yet.
    differences
        Object that issues warnings about differences from Wasm.
    """

    native: ClassVar[bool] = True

    def __init__(self, source: Source, callbacks: frozenset[str] | None, differences: Differences) -> None:
        self.source = source
        self.callbacks = callbacks
        self.differences = differences

    @property
    def calls_on_delete(self) -> bool:
        """Whether deleting a context calls the filter's code."""
        return self.callbacks is None or "proxy_on_delete" in self.callbacks

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """Imports of a native VM, which are all hostcalls and some WASI functions."""
        return imports()

    @cached_property
    def exports(self) -> tuple[ExportType, ...]:
        """Exports that the filter would have if it were compiled."""
        required = [ExportType(name, "func", *kinds) for name, kinds in _REQUIRED_EXPORTS.items()]
        journaled = ("proxy_on_context_create", "proxy_on_delete")
        return (
            *required,
            *(
                ExportType(name, "func", c.core_params, c.core_results)
                for name, c in callbacks_for(VERSION).items()
                if self.callbacks is None or name in self.callbacks or name in journaled
            ),
        )

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> NativeInstance:  # noqa: ARG002 -- native code can't be stopped
        """Create a new VM.

        Parameters
        ----------
        resolve
            Function that returns the host's function for an import.
        memory_limit
            Maximum bytes of memory for arguments and results of hostcalls (default 1 GiB).
        deadline
            Ignored, because native code can't be stopped.
        """
        return NativeInstance(self, resolve, memory_limit)
