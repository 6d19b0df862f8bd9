"""Filters and plugins as small objects that can be sent to another process or machine."""

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
    """A filter that can be pickled: Python source, which is compiled where it runs, or a module.

    Attributes
    ----------
    name, filename
        Name and file name of the filter.
    bundle
        The source with the filter's own modules; None for a module.
    wasm
        The module, or None for a filter from Python.
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
        """Return a filter in portable form.

        Raises
        ------
        UsageError
            `filter_` isn't a `Filter`.
        """
        if isinstance(filter_, PortableFilter):
            return filter_
        if not isinstance(filter_, Filter):
            raise UsageError(
                f"Only a Filter can be sent to another process, not {type(filter_).__name__}. Leave out executor=."
            )
        bundle = filter_.bundle
        return cls(filter_.name, filter_.filename, bundle, None if bundle else filter_.wasm, filter_.is_native)

    @property
    def filter(self) -> Filter:
        """The filter, built where it is used and kept in the process."""
        return _build(self)

    def image(self, engine: Engine) -> Runnable:
        """Return the image that a host instantiates. The process keeps it, so that the next shard starts faster."""
        return _build(self).image(engine)


@lru_cache(maxsize=4)
def _build(portable: PortableFilter) -> Filter:
    if portable.bundle is None:
        return Filter.from_bytes(portable.wasm or b"", portable.name)
    if portable.is_native:
        return Filter.native(portable.bundle, portable.name)
    return Filter(portable.name, portable.filename, compile_source(portable.bundle, [], None, portable.name))


def plugins_of(subject: Any) -> list[Plugin]:
    """Return the plugins of a filter, plugin, chain of them, proxy, file or None.

    Raises
    ------
    UsageError
        `subject` is something else.
    """
    if isinstance(subject, Proxy):
        return list(subject.plugins)
    if isinstance(subject, str | Path):
        return [Plugin(Filter.from_file(subject))]
    items = list(subject) if isinstance(subject, list | tuple) else [] if subject is None else [subject]
    return [item if isinstance(item, Plugin) else Plugin(item) for item in items]


def portable_plugins(plugins: Sequence[Plugin]) -> tuple[Plugin, ...]:
    """Return plugins with their filters in portable form."""
    return tuple(replace(plugin, filter=PortableFilter.of(plugin.filter)) for plugin in plugins)
