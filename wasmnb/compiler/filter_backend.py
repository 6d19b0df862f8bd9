"""The interface of a filter's implementations: `source_filter`, `module_filter` and `native_filter`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from ..abi import Callbacks
from ..engine import Engine, Runnable
from .info import FilterInfo
from .source.filter_source import Source

__all__ = ["FilterBackend"]


class FilterBackend(Protocol):
    """A `Filter`'s implementation: source on a runtime, a module, or source that runs natively."""

    native: ClassVar[bool]

    @property
    def source(self) -> Source | None:
        """Python source, or None for a module from another toolchain."""
        ...

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the filter has."""
        ...

    @property
    def classes(self) -> Mapping[str, str]:
        """Names of the context classes by kind, as `Filter.classes`."""
        ...

    def wasm(self) -> bytes:
        """Return the complete module."""
        ...

    def image(self, engine: Engine, /) -> Runnable:
        """Return the object that a host instantiates."""
        ...

    def info(self, name: str) -> FilterInfo:
        """Return facts about the filter of this name."""
        ...
