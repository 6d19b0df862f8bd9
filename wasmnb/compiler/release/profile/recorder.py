"""Execution of an instrumented runtime. The counters of all its VMs are added up."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Sequence
from typing import ClassVar

from ....engine import ExportType, ImportType, Instance, MachineCode, Resolve
from ...glue import INTROSPECTION
from ..module_assembly.release_module import RESUME
from .instrument import COUNTER, COVERAGE, BasicBlock

__all__ = ["RecordedImage"]

#: Names of the exports that load the filter and that allocate memory for a request.
_INITIALIZE, _ALLOCATE = "_initialize", "proxy_on_memory_allocate"


class RecordedImage:
    """An instrumented module with its counters. A host can create VMs from it, as from an `engine.Image`.

    Parameters
    ----------
    code
        Machine code of the instrumented module.
    blocks
        Blocks of the counters in the module's second memory, in order.
    visible
        Names of the exported functions that hosts can see. None means all of them.
    prepare
        Called with each new instance before its code runs, or None.
    """

    native: ClassVar[bool] = False

    def __init__(
        self,
        code: MachineCode,
        blocks: Sequence[BasicBlock],
        visible: frozenset[str] | None,
        prepare: Callable[[Instance], None] | None,
    ) -> None:
        self.code = code
        self.blocks = blocks
        self.visible = visible
        self.prepare = prepare
        self._loading, self._serving = _Marks(len(blocks)), _Marks(len(blocks))
        self._running: list[_RecordedInstance] = []

    @property
    def imports(self) -> tuple[ImportType, ...]:
        """Imports of the module, in order."""
        return self.code.imports

    @property
    def exports(self) -> tuple[ExportType, ...]:
        """Exports of the module that hosts can see."""
        names = self.visible
        return tuple(
            e
            for e in self.code.exports
            if e.name != COVERAGE and (e.kind != "func" or names is None or e.name in names)
        )

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Instance:
        """Create a new instance. The parameters and errors are those of `Instance`."""
        instance = _RecordedInstance(self.code, resolve, memory_limit=memory_limit, deadline=deadline)
        instance.loading, instance.serving = self._loading, self._serving
        self._running.append(instance)
        if self.visible is not None:
            instance.hide_except(self.visible)
        if self.prepare is not None:
            self.prepare(instance)
        return instance

    def executed(self, *, loading: bool = False) -> dict[BasicBlock, int]:
        """Return the number of executions of each block that was executed.

        Parameters
        ----------
        loading
            Whether to return blocks that ran while filters were loaded, instead of blocks that ran afterwards (default False).
        """
        for instance in self._running:
            instance.collect()
        marks = self._loading if loading else self._serving
        return {block: count for block, count in zip(self.blocks, marks.counts, strict=True) if count}


class _Marks:
    """Sums of the counters of all blocks."""

    def __init__(self, size: int) -> None:
        self.counts = array("Q", bytes(8 * size))

    def add(self, other: array[int]) -> None:
        self.counts = array("Q", map(int.__add__, self.counts, other))


class _RecordedInstance(Instance):
    """An instance whose counters are read after its filter has been loaded, and before the instance is freed."""

    loading: _Marks | None = None
    serving: _Marks | None = None
    _closed = False

    def function(self, name: str) -> Callable[..., int | None] | None:
        """Return an exported function, as `Instance.function` does. The function that loads the filter also stores the
        counters.
        """
        exported = super().function(name)
        if name != _INITIALIZE or exported is None:
            return exported

        def load(*arguments: int) -> int | None:
            result = exported(*arguments)
            if self.loading is not None:
                self.loading.add(self._marks())
                self.clear_exported_memory(COVERAGE)
                self._resume()
            return result

        return load

    def _resume(self) -> None:
        """Resume the program as a release module does at its start, so that this code is counted as well."""
        allocate, introspect = super().function(_ALLOCATE), super().function(INTROSPECTION)
        if allocate is not None and introspect is not None:
            at = allocate(len(RESUME))
            assert at is not None
            self.memory.write(at, RESUME)
            introspect(at, len(RESUME))

    def collect(self) -> None:
        """Add the counts of executions since the filter was loaded to the sums."""
        if self.serving is not None and not self._closed:
            self.serving.add(self._marks())
            self.clear_exported_memory(COVERAGE)

    def close(self) -> None:
        """Collect the counters and free the instance, as described for `Instance.close`."""
        self.collect()
        self._closed = True
        super().close()

    def _marks(self) -> array[int]:
        assert self.serving is not None
        counts = array("I")
        counts.frombytes(self.exported_memory(COVERAGE, COUNTER * len(self.serving.counts)))
        if sys.byteorder == "big":
            counts.byteswap()
        return counts
