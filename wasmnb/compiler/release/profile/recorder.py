"""Runs an instrumented runtime and collects which blocks were executed in any of its VMs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from ....engine import Code, ExportType, ImportType, Instance, Resolve
from ...glue import CONTROL
from ..assembly.release_module import RESUME
from .instrument import COVERAGE, Block

__all__ = ["RecordedImage"]

#: The exports that load the filter and that take a request.
_INITIALIZE, _ALLOCATE = "_initialize", "proxy_on_memory_allocate"


class RecordedImage:
    """What a host instantiates, as `engine.Image`; it remembers what its instances execute.

    Parameters
    ----------
    code
        The instrumented module, compiled.
    blocks
        What the bytes of its second memory stand for.
    visible
        Function exports that count, or None for all.
    prepare
        Called with each new instance before anything in it runs.
    """

    native: ClassVar[bool] = False

    def __init__(
        self,
        code: Code,
        blocks: Sequence[Block],
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
        """What the module wants, in order."""
        return self.code.imports

    @property
    def exports(self) -> tuple[ExportType, ...]:
        """The exports that count."""
        names = self.visible
        return tuple(
            e
            for e in self.code.exports
            if e.name != COVERAGE and (e.kind != "func" or names is None or e.name in names)
        )

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Instance:
        """A fresh instance; raises as `Instance` does."""
        instance = _RecordedInstance(self.code, resolve, memory_limit=memory_limit, deadline=deadline)
        instance.loading, instance.serving = self._loading, self._serving
        self._running.append(instance)
        if self.visible is not None:
            instance.hide_except(self.visible)
        if self.prepare is not None:
            self.prepare(instance)
        return instance

    def executed(self, *, loading: bool = False) -> set[Block]:
        """The blocks that were executed so far: while filters were loaded, or since."""
        for instance in self._running:
            instance.collect()
        marks = self._loading if loading else self._serving
        return {block for block, seen in zip(self.blocks, marks.bytes, strict=True) if seen}


class _Marks:
    """A byte for each block."""

    def __init__(self, size: int) -> None:
        self.bytes = bytes(size)

    def add(self, other: bytes) -> None:
        merged = int.from_bytes(self.bytes, "little") | int.from_bytes(other, "little")
        self.bytes = merged.to_bytes(len(self.bytes), "little")


class _RecordedInstance(Instance):
    """An instance whose second memory is read when its filter has been loaded, and before it is freed."""

    loading: _Marks | None = None
    serving: _Marks | None = None
    _closed = False

    def function(self, name: str) -> Callable[..., int | None] | None:
        """The exported function of that name, as `Instance` has it."""
        found = super().function(name)
        if name != _INITIALIZE or found is None:
            return found

        def load(*arguments: int) -> int | None:
            result = found(*arguments)
            if self.loading is not None:
                self.loading.add(self._marks())
                self.clear_exported_memory(COVERAGE)
                self._resume()
            return result

        return load

    def _resume(self) -> None:
        """Do what a release module does at its start: that is executed in every VM, too."""
        allocate, control = super().function(_ALLOCATE), super().function(CONTROL)
        if allocate is not None and control is not None:
            at = allocate(len(RESUME))
            assert at is not None
            self.memory.write(at, RESUME)
            control(at, len(RESUME))

    def collect(self) -> None:
        """Add what has been executed since the filter was loaded."""
        if self.serving is not None and not self._closed:
            self.serving.add(self._marks())

    def close(self) -> None:
        """Free it, as `Instance` does."""
        self.collect()
        self._closed = True
        super().close()

    def _marks(self) -> bytes:
        assert self.serving is not None
        return self.exported_memory(COVERAGE, len(self.serving.bytes))
