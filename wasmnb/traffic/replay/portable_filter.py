"""Convert filters and plugins to small objects that can be pickled and sent to another process or machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...compiler import Filter
from ...compiler.dependencies.filter_source import Source
from ...compiler.source_filter import compile_source
from ...engine import Engine, Runnable
from ...errors import UsageError
from ...host import Plugin, Proxy

__all__ = ["PortableFilter", "plugins_of", "portable_plugins"]


@dataclass(unsafe_hash=True)
class PortableFilter:
    """A filter that can be pickled. It contains the Python source, which is compiled in the other process, or the module.

    Attributes
    ----------
    name, filename
        Name and file name of the filter.
    bundle
        The source including the filter's local modules, or None if the filter is a module.
    wasm
        The module, or None if the filter is Python source.
    is_native
        Whether the filter runs natively.
    """

    name: str
    filename: str
    bundle: Source | None
    wasm: bytes | None
    is_native: bool = False

    @classmethod
    def of(cls, filter_: Any) -> PortableFilter:
        """Convert a filter to its portable form.

        Raises
        ------
        UsageError
            `filter_` is not a `Filter`.
        """
        if isinstance(filter_, PortableFilter):
            return filter_
        if not isinstance(filter_, Filter):
            raise UsageError(
                f"{type(filter_).__name__} can't be sent to another process, only a Filter can. Omit executor=."
            )
        bundle = filter_.bundle
        return cls(filter_.name, filter_.filename, bundle, None if bundle else filter_.wasm, filter_.is_native)

    @property
    def filter(self) -> Filter:
        """The filter. It is built on first use in a process, and then cached."""
        return _build(self)

    def image(self, engine: Engine) -> Runnable:
        """Return the image from which VMs are created. It is cached in the process, so that the next shard starts faster."""
        return _build(self).image(engine)


@lru_cache(maxsize=4)
def _build(portable: PortableFilter) -> Filter:
    if portable.bundle is None:
        return Filter.from_bytes(portable.wasm or b"", portable.name)
    if portable.is_native:
        return Filter.native(portable.bundle, portable.name)
    return Filter(portable.name, portable.filename, compile_source(portable.bundle, [], None, portable.name))


def plugins_of(subject: Any) -> list[Plugin]:
    """Return the plugins for a filter, a plugin, a list of these, a proxy, the path of a file, or None.

    Raises
    ------
    UsageError
        `subject` is none of these.
    """
    if isinstance(subject, Proxy):
        return list(subject.plugins)
    if isinstance(subject, str | Path):
        return [Plugin(Filter.from_file(subject))]
    items = list(subject) if isinstance(subject, list | tuple) else [] if subject is None else [subject]
    return [item if isinstance(item, Plugin) else Plugin(item) for item in items]


def portable_plugins(plugins: Sequence[Plugin]) -> tuple[Plugin, ...]:
    """Return copies of plugins with portable filters."""
    return tuple(replace(plugin, filter=PortableFilter.of(plugin.filter)) for plugin in plugins)
