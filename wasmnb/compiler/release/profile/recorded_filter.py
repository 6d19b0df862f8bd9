"""Filters that record which code they execute, for a profile of their own traffic."""

from __future__ import annotations

from typing import ClassVar

from ....abi import Callbacks
from ....engine import Engine, Runnable
from ...dependencies.filter_source import Source
from ...info import FilterInfo
from ...source_filter import REQUIRED_EXPORTS, SourceFilter
from ..release_filter import lean_runtime
from .block_profile import BlockProfile
from .recorder import RecordedImage

__all__ = ["RecordedFilter"]


class RecordedFilter:
    """Backend of a filter that records which code it executes. It runs at half the speed.

    Parameters
    ----------
    full
        Backend of the full filter.
    """

    native: ClassVar[bool] = False

    def __init__(self, full: SourceFilter) -> None:
        self.full = full
        self.source: Source | None = full.source
        self._images: dict[Engine, RecordedImage] = {}

    def image(self, engine: Engine) -> Runnable:
        """Return the instrumented module, from which a host creates VMs."""
        if engine not in self._images:
            lean, _ = lean_runtime(self.full)
            visible = self.full.exports and self.full.exports | REQUIRED_EXPORTS
            prepare = self.full.placement(lean.runtime).write
            self._images[engine] = RecordedImage(lean.instrumented(engine), lean.blocks, visible, prepare)
        return self._images[engine]

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the filter's classes override."""
        return self.full.callbacks

    @property
    def classes(self) -> dict[str, str]:
        """Names of the filter's classes by kind: `vm`, `plugin`, `http` and `tcp`."""
        return self.full.classes

    def wasm(self) -> bytes:
        """Return the bytes of the full module, which isn't instrumented."""
        return self.full.wasm()

    def info(self, name: str) -> FilterInfo:
        """Return facts about the full module. `name` is the filter's name."""
        return self.full.info(name)

    def profile(self, *, loading: bool = False, least: float = 0.0) -> BlockProfile:
        """Return the profile of the executed code.

        Parameters
        ----------
        loading
            Whether to return the code that ran while the filter was loaded, instead of the code that ran afterwards (default
            False).
        least
            Fraction of all executed instructions. Blocks that executed less than this fraction are omitted (default 0), but
            their functions stay in the profile. A release module interprets the omitted blocks, and can unpack them fast.
        """
        lean, _ = lean_runtime(self.full)
        profile = BlockProfile()
        for image in self._images.values():
            counts = image.executed(loading=loading)
            executed = {(b.function, b.offset): b.size * n for b, n in counts.items()}
            limit = least * sum(executed.values())
            rare = {(b.function, b.offset) for b, n in counts.items() if n <= limit}
            profile.add(BlockProfile.of(executed, lean.cold().points, lean.symbols, rare))
        return profile
