"""A filter that notes which code it executes, for the profile of its own traffic."""

from __future__ import annotations

from typing import ClassVar

from ....abi import Callbacks
from ....engine import Engine, Runnable
from ...info import FilterInfo
from ...source.filter_source import Source
from ...source_filter import REQUIRED_EXPORTS, SourceFilter
from ..release_filter import lean_runtime
from .block_profile import BlockProfile
from .recorder import RecordedImage

__all__ = ["RecordedFilter"]


class RecordedFilter:
    """What a `Filter` holds while its traffic is recorded; it runs twice as slowly.

    Parameters
    ----------
    full
        The filter that is recorded.
    """

    native: ClassVar[bool] = False

    def __init__(self, full: SourceFilter) -> None:
        self.full = full
        self.source: Source | None = full.source
        self._images: dict[Engine, RecordedImage] = {}

    def image(self, engine: Engine) -> Runnable:
        """What a host instantiates."""
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

    def wasm(self) -> bytes:
        """The full module."""
        return self.full.wasm()

    def info(self, name: str) -> FilterInfo:
        """Facts of the full module."""
        return self.full.info(name)

    def profile(self, *, loading: bool = False) -> BlockProfile:
        """What was executed since the filter was loaded, or while it was."""
        lean, _ = lean_runtime(self.full)
        found = BlockProfile()
        for image in self._images.values():
            found.add(BlockProfile.of(image.executed(loading=loading), lean.cold().points, lean.symbols))
        return found
