"""A filter made from Python source: a runtime, and the source that lies behind its memory."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from .._version import __version__
from ..engine import Code, Engine, Image, default_engine
from ..errors import SourceError
from ..sdk.loading.source_cache import remember
from .glue import CONTROL, ON_DELETE_IN_PYTHON, VERSION
from .info import FilterInfo, info_of
from .runtime.cache import cache_folder
from .runtime.probe import probe
from .runtime.runtime import FailedImport, Progress, Runtime, Runtimes, runtimes_in
from .source.filter_source import Source
from .source.imports import imported_modules, parse
from .source.resolver import resolve
from .source.stdlib import GUEST_PYTHON
from .wasm.embed_source import Placement, with_source
from .wasm.inspection import inspect_module

__all__ = ["ALWAYS_EXPORTED", "FromSource", "compile_source"]

#: Exports that every filter of ours has, beside the callbacks that it needs.
ALWAYS_EXPORTED = frozenset(
    {"_initialize", VERSION.marker, "proxy_on_memory_allocate", "proxy_on_context_create", "proxy_on_delete", CONTROL}
)


class FromSource:
    """A filter that is a runtime with a source behind it.

    Parameters
    ----------
    source
        Its parts.
    path
        Folders in which its own modules lie.

    Attributes
    ----------
    source
        With the modules that were found on the path.
    requirements
        What the runtime has to hold.
    exports
        Callbacks that the source needs; None before `probe`.
    seconds
        What compiling took.
    """

    native: ClassVar[bool] = False

    def __init__(self, source: Source, path: Sequence[Path] = ()) -> None:
        self.source: Source
        self.source, self.requirements = resolve(source, path)
        self.exports: frozenset[str] | None = None  # all, until the probe tells
        self.seconds = 0.0

    @property
    def runtimes(self) -> Runtimes:
        """The cache as it is set now."""
        return runtimes_in(cache_folder())

    def placement(self, runtime: Runtime) -> Placement:
        """Where the source lies behind a runtime's memory. A runtime that was built anew may be of another size."""
        flags = ON_DELETE_IN_PYTHON if self.exports and "proxy_on_delete" in self.exports else 0
        return Placement(runtime.pages, self.source.payload, flags)

    def image(self, engine: Engine, progress: Progress | None = None) -> Image:
        """What a host instantiates; the source is written into each instance's memory."""
        return self._image(*self.runtimes.get(self.requirements, engine, progress))

    def _image(self, runtime: Runtime, code: Code) -> Image:
        return Image(code, self.exports and self.exports | ALWAYS_EXPORTED, self.placement(runtime).write)

    def probe(self, engine: Engine, progress: Progress | None) -> None:
        """Load the source once, to learn what it needs; raises `SourceError` if it does not load."""
        runtime, code = self.runtimes.get(self.requirements, engine, progress)
        self.exports = frozenset(probe(self._image(runtime, code), runtime.pages, self.source.filename).exports)

    def wasm(self) -> bytes:
        """The module, complete: as a host's image, but with the source inside."""
        return self._with_runtime()[1]

    def _with_runtime(self) -> tuple[Runtime, bytes]:
        runtime, data = self.runtimes.module(self.requirements, default_engine())
        assert self.exports is not None
        return runtime, with_source(data, self.placement(runtime), self.exports | ALWAYS_EXPORTED)

    def info(self, name: str) -> FilterInfo:
        """Facts of the complete module and of the runtime in it."""
        runtime, data = self._with_runtime()
        return info_of(
            name,
            inspect_module(data),
            runtime=runtime.key,
            python=GUEST_PYTHON,
            sdk=__version__,
            modules=tuple(runtime.facts["modules"]),
            packages=tuple(runtime.facts["packages"]),
            build_times={**runtime.facts["times"], "filter": round(self.seconds, 4)},
        )


def compile_source(source: Source, path: Sequence[Path], progress: Progress | None) -> FromSource:
    """Have a source loaded on its runtime, which is built first if nobody has needed it yet.

    Raises
    ------
    SourceError
        It does not load, or something that it imports cannot be had in Wasm.
    BuildError
        The tool chain, the cache or the disk failed.
    """
    started = time.perf_counter()
    for part in source.parts:
        if part.filename.startswith("<"):  # a text that no file has: whoever draws an error finds it here
            remember(part.text, part.filename, part.first_line)
    made = FromSource(source, path)
    try:
        made.probe(default_engine(), progress)
    except FailedImport as error:
        raise _at_import(error, made.source) from None
    made.seconds = time.perf_counter() - started
    return made


def _at_import(error: FailedImport, source: Source) -> SourceError:
    """Put a failed import at the line that asks for it, directly or through a package."""
    top = error.module.partition(".")[0]
    asked = (
        (place, module)
        for place in source.places()
        for module in imported_modules(parse(place.text))
        if module.name.partition(".")[0] == top and not module.level
    )
    place, module = next(asked, (source.parts[-1], None))
    through = f" (it needs {error.missing})" if error.missing and error.missing.partition(".")[0] != top else ""
    return SourceError(
        f"{error.module} cannot be imported inside WebAssembly{through}: {error.reason}",
        filename=place.filename,
        lineno=module.lineno + place.first_line - 1 if module else None,
        offset=module.offset if module else None,
        hint="A filter can use packages that are pure Python and need neither files, sockets, threads nor processes.",
    )
