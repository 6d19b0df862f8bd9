"""Runs an instrumented runtime and collects which blocks were executed in any of its VMs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from ....engine import Code, ExportType, ImportType, Instance, Resolve
from .instrument import COVERAGE, Block

__all__ = ["RecordedImage"]


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
        self._executed = bytearray(len(blocks))
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
            e for e in self.code.exports if e.name != COVERAGE and (e.kind != "func" or names is None or e.name in names)
        )

    def instantiate(self, resolve: Resolve, *, memory_limit: int = 1 << 30, deadline: float = 5.0) -> Instance:
        """A fresh instance; raises as `Instance` does."""
        instance = _RecordedInstance(self.code, resolve, memory_limit=memory_limit, deadline=deadline)
        instance.on_close = self._collect
        self._running.append(instance)
        if self.visible is not None:
            instance.hide_except(self.visible)
        if self.prepare is not None:
            self.prepare(instance)
        return instance

    def executed(self) -> set[Block]:
        """The blocks that were executed so far."""
        for instance in list(self._running):
            self._add(instance)
        return {block for block, seen in zip(self.blocks, self._executed, strict=True) if seen}

    def _collect(self, instance: _RecordedInstance) -> None:
        if instance in self._running:
            self._running.remove(instance)
            self._add(instance)

    def _add(self, instance: _RecordedInstance) -> None:
        size = len(self._executed)
        merged = int.from_bytes(self._executed, "little") | int.from_bytes(instance.coverage(size), "little")
        self._executed[:] = merged.to_bytes(size, "little")


class _RecordedInstance(Instance):
    """An instance whose second memory is read before it is freed."""

    on_close: Callable[[_RecordedInstance], None] | None = None

    def coverage(self, size: int) -> bytes:
        """The first bytes of the second memory."""
        return self.exported_memory(COVERAGE, size)

    def close(self) -> None:
        """Free it, as `Instance` does."""
        if self.on_close is not None:
            on_close, self.on_close = self.on_close, None
            on_close(self)
        super().close()
