"""Filters in release modules, which start faster and need less memory than full modules."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple

from ...abi import Callbacks
from ...engine import Engine, Image, MachineCode, default_engine
from ..cache.machine_code import compiled
from ..cache.places import cache_folder
from ..dependencies.filter_source import Source
from ..dependencies.imports import imported_modules, parse
from ..dependencies.portable_names import original_names
from ..dependencies.requirements import Requirements
from ..info import FilterInfo, info_of
from ..provenance.record import build_record, record_section
from ..runtime_build.heap_trim import clear_unused
from ..runtime_build.runtime import Progress, Runtime, runtimes_in
from ..source_filter import REQUIRED_EXPORTS, SourceFilter
from ..wasm_binary.inspection import inspect_module
from ..wasm_binary.memory_image import PAGE
from .facts import ReleaseFacts
from .interpreter.cold_code import LEVEL
from .lean_runtime import LeanRuntime
from .module_assembly.loaded_memory import LoadedMemory, load
from .module_assembly.release_module import Write, lazy_module
from .module_assembly.split_module import SplitModule
from .profile.block_profile import BlockProfile
from .profile.hot_set import corpus, functions_of_imports

__all__ = ["LEVEL", "STEPS", "ReleaseFilter", "file_names_of", "lean_runtime", "load_filter", "make_release"]

#: Maximum share of time in interpreted code that the profile's traffic can spend without a warning.
_MOST_INTERPRETED = 0.05

#: Step -> (description for `progress`, fraction of the total time at its start, and at its end).
STEPS = {
    "translate": ("Preparing the runtime for release modules, once", 0.0, 0.7),
    "load": ("Loading the filter", 0.7, 0.75),
    "split": ("Separating compiled from interpreted code", 0.75, 0.85),
    "pack": ("Packing the module", 0.85, 1.0),
}


class ReleaseFilter:
    """Backend of a filter that is a release module.

    Parameters
    ----------
    full
        Backend of the full filter.
    data
        Bytes of the release module.
    facts
        Differences between the release module and the full module.
    """

    native: ClassVar[bool] = False

    def __init__(self, full: SourceFilter, data: bytes, facts: ReleaseFacts) -> None:
        self.full = full
        self.source: Source | None = full.source
        self.data = data
        self.facts = facts
        self._images: dict[Engine, Image] = {}

    def image(self, engine: Engine) -> Image:
        """Return the object from which a host creates VMs. Its machine code is stored in the cache."""
        if engine not in self._images:
            self._images[engine] = Image(compiled(self.data, engine))
        return self._images[engine]

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the filter's classes override."""
        return self.full.callbacks

    @property
    def classes(self) -> dict[str, str]:
        """Names of the filter's classes by kind: `vm`, `plugin`, `http` and `tcp`."""
        return self.full.classes

    @property
    def file_names(self) -> Mapping[str, str]:
        """Original names of files and cells by their names in the module, for tracebacks."""
        return file_names_of(self.full)

    def wasm(self) -> bytes:
        """Return the bytes of the release module."""
        return self.data

    def info(self, name: str) -> FilterInfo:
        """Return facts about the release module and its runtime. `name` is the filter's name."""
        facts = inspect_module(self.data)
        full = self.full.info(name)
        kept = {n: getattr(full, n) for n in ("runtime", "python", "sdk", "modules", "packages", "build_times")}
        return info_of(name, facts, release=self.facts, **kept)


def file_names_of(full: SourceFilter) -> dict[str, str]:
    """Return the original names of a filter's files and cells by their names in its release module. Unchanged names are
    omitted.
    """
    names = original_names(full.source, full.name)
    return {portable: name for portable, name in names.items() if portable != name}


def make_release(
    full: SourceFilter,
    profile: BlockProfile | None = None,
    progress: Progress | None = None,
    *,
    bare: bool = False,
    level: int | None = None,
    strip: bool = True,
) -> ReleaseFilter:
    """Build the release module of a filter.

    Parameters
    ----------
    full
        Backend of the full filter.
    profile
        Profile of the filter's own traffic. Its code is compiled in addition to code that most filters execute (default None).
    progress
        Called with the description of a step and a fraction from 0 to 1 (default None).
    bare
        Whether to interpret all functions that can be interpreted, which is useful only for tests (default False).
    level
        Compression level of the memory's initial content, from 1 to 9 (default `LEVEL`).
    strip
        Whether to remove comments and docstrings (default True).

    Returns
    -------
    ReleaseFilter
        Backend of the release module.

    Raises
    ------
    SourceError, BuildError
        As for `Filter.from_source`.
    """
    times: dict[str, float] = {}
    report_progress = progress or (lambda _step, _fraction: None)
    lean, code = lean_runtime(full, progress)
    with _step("translate", times, report_progress) as part:
        cold = lean.cold(part)
    with _step("load", times, report_progress):
        saved = full.portable(strip=strip)
        loaded = load_filter(saved, lean.runtime, code)
    with _step("split", times, report_progress):
        general = BlockProfile() if bare else corpus(loading=bool(loaded.uses))
        split = lean.split(_hot(full, lean, cold.points, general, profile))
    with _step("pack", times, report_progress):
        data = _module(saved, lean, split, loaded, LEVEL if level is None else level)
        of_traffic = profile is not None
        data += record_section(
            build_record(lean.runtime, saved.requirements, saved.source, release=True, strip=strip, profile=of_traffic)
        )
    sizes = split.sizes
    facts = ReleaseFacts(
        sizes.compiled,
        sizes.interpreted,
        sizes.compiled_bytes,
        sizes.interpreted_bytes,
        not loaded.uses,
        loaded.uses,
        len(lean.wasm) + len(saved.source.payload),
        times,
        None if profile is None else profile.interpreted(split.hot, cold.points, lean.symbols),
    )
    _warn(full.source.filename, facts)
    return ReleaseFilter(full, data, facts)


def _warn(filename: str, facts: ReleaseFacts) -> None:
    """Warn if the profile's traffic would spend much time in interpreted code, because the profile was recorded with other
    code.
    """
    if facts.interpreted_time is not None and facts.interpreted_time > _MOST_INTERPRETED:
        warnings.warn(
            f"The profile for the release module of {filename} was recorded with another runtime, so its traffic would spend "
            f"{facts.interpreted_time:.0%} of the time in interpreted code. Record the profile again with this version.",
            stacklevel=4,
        )


class PreparedRuntime(NamedTuple):
    """A filter's runtime prepared for release modules, and the machine code of the full runtime."""

    lean: LeanRuntime
    code: MachineCode


def lean_runtime(full: SourceFilter, progress: Progress | None = None) -> PreparedRuntime:
    """Return a filter's runtime prepared for release modules, and the runtime's machine code.

    Parameters
    ----------
    full
        Backend of the full filter.
    progress
        As for `make_release`.
    """
    engine = default_engine()
    _, code = full.runtimes.get(full.requirements, engine, progress)
    return PreparedRuntime(_lean_runtime(cache_folder(), full.requirements), code)


@lru_cache(maxsize=2)
def _lean_runtime(folder: Path, requirements: Requirements) -> LeanRuntime:
    """Return a runtime prepared for release modules, which needs about 40 MB of memory."""
    return LeanRuntime(*runtimes_in(folder).module(requirements, default_engine()))


def _hot(
    full: SourceFilter,
    lean: LeanRuntime,
    points: Mapping[int, Mapping[int, int]],
    general: BlockProfile,
    profile: BlockProfile | None,
) -> dict[int, frozenset[int] | None]:
    """Return the functions to compile. If the general profile is empty, no function is compiled."""
    if not general.functions:
        return {}
    chosen = BlockProfile(dict(general.functions))
    if profile is not None:
        chosen.add(profile)
    imports = {m.name for place in full.source.places() for m in imported_modules(parse(place.text)) if not m.level}
    return chosen.hot(points, lean.symbols) | functions_of_imports(imports, lean.symbols)


def load_filter(full: SourceFilter, runtime: Runtime, code: MachineCode) -> LoadedMemory:
    """Load a filter for a release module. Return its memory, and the inputs that its module-level code used.

    Parameters
    ----------
    full
        Backend of the full filter.
    runtime, code
        The filter's runtime and its machine code.
    """
    image = Image(code, None, full.placement(runtime).write)
    return load(image, runtime.pages, full.source.filename)


def _module(full: SourceFilter, lean: LeanRuntime, split: SplitModule, loaded: LoadedMemory, level: int) -> bytes:
    exports = (full.exports or frozenset()) | REQUIRED_EXPORTS
    if not loaded.uses:
        memory = bytearray(loaded.memory)
        clear_unused(memory, lean.runtime.regions)
        image: list[Write] = [(0, bytes(memory))]
        pages = len(memory) // PAGE
        return lazy_module(
            split, image, pages, exports, loaded=True, archive=lean.runtime.archive, blocks=lean.archive, level=level
        )
    placement = full.placement(lean.runtime)
    image = [*lean.image, *placement.writes]
    return lazy_module(
        split,
        image,
        placement.total,
        exports,
        loaded=False,
        archive=lean.runtime.archive,
        blocks=lean.archive,
        level=level,
    )


@contextmanager
def _step(name: str, times: dict[str, float], report_progress: Progress) -> Iterator[Callable[[float], None]]:
    """Report a build step and measure its duration. Yield a function to call with the completed fraction of the step."""
    text, begin, end = STEPS[name]
    started = time.monotonic()
    report_progress(text, begin)
    yield lambda part: report_progress(text, begin + (end - begin) * part)
    times[name] = round(time.monotonic() - started, 3)
