"""Filters compiled from Python source. Their module is a runtime with the source embedded after its memory."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import ClassVar

from .._version import __version__
from ..abi import Callbacks
from ..engine import Engine, Image, MachineCode, default_engine
from ..errors import BuildError, SourceError
from ..sdk.loading.source_cache import store_source
from .cache.places import cache_folder
from .dependencies.filter_source import Part, Source
from .dependencies.imports import imported_modules, parse
from .dependencies.portable_names import with_portable_names
from .dependencies.resolver import resolve
from .dependencies.stdlib import GUEST_PYTHON
from .glue import INTROSPECTION, ON_DELETE_IN_PYTHON, VERSION
from .info import FilterInfo, info_of
from .provenance.record import build_record, record_section
from .runtime_build.probe import probe
from .runtime_build.runtime import FailedImport, Progress, Runtime, RuntimeModule, Runtimes, runtimes_in
from .wasm_binary.embed_source import Placement, embed_source
from .wasm_binary.inspection import inspect_module

__all__ = ["REQUIRED_EXPORTS", "SourceFilter", "compile_source"]

#: Exports of every compiled filter, in addition to the callbacks that it needs.
REQUIRED_EXPORTS = frozenset(
    {
        "_initialize",
        VERSION.marker,
        "proxy_on_memory_allocate",
        "proxy_on_context_create",
        "proxy_on_delete",
        INTROSPECTION,
    }
)


#: Program that runs `strip_all` inside a runtime, and logs the result.
_STRIP = """
import json
log_info(json.dumps(strip_all(json.loads({texts!r}))))
class Nothing(HttpContext):
    pass
"""


class SourceFilter:
    """Backend of a filter with Python source, which is executed by a runtime.

    Parameters
    ----------
    source
        The filter's source.
    path
        Folders with the filter's own modules (default none).
    name
        Name of the filter. Cells are named after it in a saved module (default `filter`).

    Attributes
    ----------
    name
        Name of the filter.
    source
        The source, including the filter's own modules.
    requirements
        Modules and packages that the runtime must contain.
    exports
        Names of exported functions that the source needs. None until `probe` is called.
    callbacks
        Callbacks that the filter's classes override.
    classes
        Names of the filter's classes by kind: `vm`, `plugin`, `http` and `tcp`.
    seconds
        Time that compiling took, in seconds.
    """

    native: ClassVar[bool] = False

    def __init__(self, source: Source, path: Sequence[Path] = (), name: str = "filter") -> None:
        self.source: Source
        self.source, self.requirements = resolve(source, path)
        self.exports: frozenset[str] | None = None  # all, until the probe has run
        self.callbacks = Callbacks()
        self.classes: dict[str, str] = {}
        self.seconds = 0.0
        self.name = name
        self._strip = False

    @property
    def runtimes(self) -> Runtimes:
        """The runtimes in the current cache folder."""
        return runtimes_in(cache_folder())

    def placement(self, runtime: Runtime) -> Placement:
        """Return the position and content of the source in memory. The source follows the memory of its runtime."""
        flags = ON_DELETE_IN_PYTHON if self.exports and "proxy_on_delete" in self.exports else 0
        return Placement(runtime.pages, self.source.payload, flags)

    def image(self, engine: Engine, progress: Progress | None = None) -> Image:
        """Return the object from which a host creates VMs. It writes the source into the memory of each VM."""
        return self._image(*self.runtimes.get(self.requirements, engine, progress))

    def _image(self, runtime: Runtime, code: MachineCode) -> Image:
        return Image(code, self.exports and self.exports | REQUIRED_EXPORTS, self.placement(runtime).write)

    def probe(self, engine: Engine, progress: Progress | None) -> None:
        """Load the source once in a scratch VM, and store the exports, callbacks and classes that it defines.

        Raises
        ------
        SourceError
            The source can't be loaded.
        """
        runtime, code = self.runtimes.get(self.requirements, engine, progress)
        result = probe(self._image(runtime, code), runtime.pages, self.source.filename)
        self.exports, self.callbacks = frozenset(result.exports), Callbacks.of_classes(result.callbacks)
        self.classes = result.classes

    def portable(self, *, strip: bool) -> SourceFilter:
        """Return the filter in the form in which it is saved, without folder names and cell numbers.

        Parameters
        ----------
        strip
            Whether to remove comments and docstrings as well.
        """
        portable = copy.copy(self)
        portable._strip = strip
        portable.source = with_portable_names(self._stripped() if strip else self.source, self.name)
        return portable

    def _stripped(self) -> Source:
        """Return the source without comments and docstrings. Line numbers don't change."""
        places = list(self.source.places())
        runtime, code = self.runtimes.get(self.requirements, default_engine())
        program = _STRIP.format(texts=json.dumps([place.text for place in places]))
        parts = (
            Part((files(f"{__package__}.dependencies") / "stripping.py").read_text(), "<strip>"),
            Part(program, "<strip>"),
        )
        image = Image(code, None, Placement(runtime.pages, Source(parts).payload).write)
        try:
            texts = json.loads(probe(image, runtime.pages, self.source.filename).log[-1][1])
        except SourceError as error:
            raise BuildError(
                f"Comments can't be removed from {self.source.filename}: {error}. Keep them with strip=False."
            ) from error
        ends = len(self.source.parts)
        return replace(
            self.source,
            parts=tuple(part._replace(text=t) for part, t in zip(self.source.parts, texts[:ends], strict=True)),
            modules=tuple(m._replace(text=t) for m, t in zip(self.source.modules, texts[ends:], strict=True)),
        )

    def wasm(self) -> bytes:
        """Return the bytes of the full module, which contains the runtime and the source with portable file names."""
        return self.portable(strip=False).with_runtime().wasm

    def with_runtime(self) -> RuntimeModule:
        """Return the runtime and the full module, which contains the unchanged source and a record of its build."""
        runtime, data = self.runtimes.module(self.requirements, default_engine())
        assert self.exports is not None
        module = embed_source(data, self.placement(runtime), self.exports | REQUIRED_EXPORTS)
        record = build_record(runtime, self.requirements, self.source, release=False, strip=self._strip)
        return RuntimeModule(runtime, module + record_section(record))

    def info(self, name: str) -> FilterInfo:
        """Return facts about the full module and its runtime. `name` is the filter's name."""
        runtime, data = self.portable(strip=False).with_runtime()
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


def compile_source(
    source: Source, path: Sequence[Path], progress: Progress | None, name: str = "filter"
) -> SourceFilter:
    """Compile source by loading it once in its runtime, which is built first if it isn't in the cache.

    Parameters
    ----------
    source
        The filter's source.
    path
        Folders with the filter's own modules.
    progress
        Called with the name of a step and a fraction from 0 to 1, or None.
    name
        Name of the filter (default `filter`).

    Raises
    ------
    SourceError
        The source can't be loaded, or imports a module that isn't available in Wasm.
    BuildError
        Building failed because of the toolchain, the cache or the disk.
    """
    started = time.perf_counter()
    for part in source.parts:
        if part.filename.startswith("<"):  # not a file, so tracebacks read the text from linecache
            store_source(part.text, part.filename, part.first_line)
    compiled = SourceFilter(source, path, name)
    try:
        compiled.probe(default_engine(), progress)
    except FailedImport as error:
        raise _at_import(error, compiled.source) from None
    compiled.seconds = time.perf_counter() - started
    return compiled


def _at_import(error: FailedImport, source: Source) -> SourceError:
    """Return an error for a failed import. Its position is the line that imports the module, directly or through a package."""
    top = error.module.partition(".")[0]
    importing = (
        (place, module)
        for place in source.places()
        for module in imported_modules(parse(place.text))
        if module.name.partition(".")[0] == top and not module.level
    )
    place, module = next(importing, (source.parts[-1], None))
    through = f" (it needs {error.missing})" if error.missing and error.missing.partition(".")[0] != top else ""
    return SourceError(
        f"{error.module} can't be imported inside WebAssembly{through}: {error.reason}",
        filename=place.filename,
        lineno=module.lineno + place.first_line - 1 if module else None,
        offset=module.offset if module else None,
        hint="Use packages that are pure Python and don't need files, sockets, threads or processes.",
    )
