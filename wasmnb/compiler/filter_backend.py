"""The interface that the implementations of filters share: `source_filter`, `module_filter` and `native_filter`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from ..abi import Callbacks
from ..engine import Engine, Runnable
from .dependencies.filter_source import Source
from .info import FilterInfo

__all__ = ["FilterBackend"]


class FilterBackend(Protocol):
    """The implementation of a `Filter`: Python source with a runtime, a complete module, or Python source that runs natively."""

    native: ClassVar[bool]

    @property
    def source(self) -> Source | None:
        """Python source, or None for a module from another toolchain."""
        ...

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the filter implements."""
        ...

    @property
    def classes(self) -> Mapping[str, str]:
        """Names of the context classes by kind, as in `Filter.classes`."""
        ...

    def wasm(self) -> bytes:
        """Return the bytes of the complete module."""
        ...

    def image(self, engine: Engine, /) -> Runnable:
        """Return the object that a host instantiates to create a VM."""
        ...

    def info(self, name: str) -> FilterInfo:
        """Return facts about the filter. `name` is the filter's name."""
        ...
