"""The interface of filter backends, which `source_filter`, `module_filter`, `native_filter` and `ReleaseFilter` implement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from ..abi import Callbacks
from ..engine import Engine, Runnable
from .dependencies.filter_source import Source
from .info import FilterInfo

__all__ = ["FilterBackend"]


class FilterBackend(Protocol):
    """Backend of a `Filter`, which is compiled source with a runtime, a complete module, a release module, or native source."""

    native: ClassVar[bool]

    @property
    def source(self) -> Source | None:
        """Python source of the filter, or None for a module from another toolchain."""
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
        """Return the bytes of the filter's Wasm module."""
        ...

    def image(self, engine: Engine, /) -> Runnable:
        """Return the object from which a host creates VMs."""
        ...

    def info(self, name: str) -> FilterInfo:
        """Return facts about the filter. `name` is the filter's name."""
        ...
