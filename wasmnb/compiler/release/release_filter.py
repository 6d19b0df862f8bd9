"""A filter made for production: the same filter as a module that starts fast and stays small."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

from ...abi import Callbacks
from ...engine import Code, Engine, Image, default_engine
from ..info import FilterInfo, info_of
from ..runtime.cache import cache_folder
from ..runtime.heap_trim import clear_unused
from ..runtime.machine_code import compiled
from ..runtime.runtime import Progress, Runtime, runtimes_in
from ..source.filter_source import Source
from ..source.imports import imported_modules, parse
from ..source.requirements import Requirements
from ..source_filter import REQUIRED_EXPORTS, SourceFilter
from ..wasm.inspection import inspect_module
from ..wasm.memory_image import PAGE
from .assembly.release_module import Write, lazy_module
from .assembly.split_module import SplitModule
from .facts import ReleaseFacts
from .interpreter.cold_code import LEVEL
from .lean_runtime import LeanRuntime
from .profile.block_profile import BlockProfile
from .profile.hot_set import corpus, functions_of_imports
from .snapshot.loaded_memory import LoadedMemory, load

__all__ = ["ReleaseFilter", "lean_runtime", "make_release"]

#: Part of a profile's blocks that a runtime may lack before it is told.
_MOST_MISSING = 0.05

#: Step -> (what is told, part of the time when it begins, when it ends).
_STEPS = {
    "translate": ("Preparing the runtime for release modules, once", 0.0, 0.7),
    "load": ("Loading the filter", 0.7, 0.75),
    "split": ("Separating compiled from interpreted code", 0.75, 0.85),
    "pack": ("Packing the module", 0.85, 1.0),
}


class ReleaseFilter:
    """A release module with the source that it was made from; what a `Filter` holds.

    Parameters
    ----------
    full
        The filter that it was made from.
    data
        The module.
    facts
        What is known of it.
    """

    native: ClassVar[bool] = False

    def __init__(self, full: SourceFilter, data: bytes, facts: ReleaseFacts) -> None:
        self.full = full
        self.source: Source | None = full.source
        self.data = data
        self.facts = facts
        self._images: dict[Engine, Image] = {}

    def image(self, engine: Engine) -> Image:
        """What a host instantiates; machine code comes from the disk if the module has been compiled before."""
        if engine not in self._images:
            self._images[engine] = Image(compiled(self.data, engine))
        return self._images[engine]

    @property
    def callbacks(self) -> Callbacks:
        """Callbacks that the filter's classes override."""
        return self.full.callbacks

    def wasm(self) -> bytes:
        """The module, complete."""
        return self.data

    def info(self, name: str) -> FilterInfo:
        """Facts of the module and of the runtime in it."""
        facts = inspect_module(self.data)
        full = self.full.info(name)
        kept = {n: getattr(full, n) for n in ("runtime", "python", "sdk", "modules", "packages", "build_times")}
        return info_of(name, facts, release=self.facts, **kept)


def make_release(
    full: SourceFilter,
    profile: BlockProfile | None = None,
    progress: Progress | None = None,
    *,
    bare: bool = False,
    level: int = LEVEL,
) -> ReleaseFilter:
    """Make the release module of a filter.

    Parameters
    ----------
    full
        The filter.
    profile
        What its traffic executes, in addition to what filters execute in general.
    progress
        Called with a step and a fraction from 0 to 1.
    bare
        Have everything interpreted that can be: for tests.
    level
        How hard to pack the memory, from 1 to 9.
    """
    times: dict[str, float] = {}
    tell = progress or (lambda _step, _fraction: None)
    lean, code = lean_runtime(full, progress)
    with _step("translate", times, tell) as part:
        cold = lean.cold(part)
    with _step("load", times, tell):
        loaded = _load(full, lean.runtime, code)
    with _step("split", times, tell):
        general = BlockProfile() if bare else corpus(loading=bool(loaded.uses))
        split = lean.split(_hot(full, lean, cold.points, general, profile))
    with _step("pack", times, tell):
        data = _module(full, lean, split, loaded, level)
    sizes = split.sizes
    missing = 0.0 if profile is None else profile.missing(cold.points, lean.symbols)
    if missing > _MOST_MISSING:
        warnings.warn(
            f"{missing:.0%} of the code in the profile is not in this filter's runtime and is interpreted. "
            "Record the profile again with this version.",
            stacklevel=3,
        )
    facts = ReleaseFacts(
        sizes.compiled,
        sizes.interpreted,
        sizes.compiled_bytes,
        sizes.interpreted_bytes,
        not loaded.uses,
        loaded.uses,
        len(lean.wasm) + len(full.source.payload),
        times,
    )
    return ReleaseFilter(full, data, facts)


def lean_runtime(full: SourceFilter, progress: Progress | None = None) -> tuple[LeanRuntime, Code]:
    """A filter's runtime, prepared for release modules, and its machine code."""
    engine = default_engine()
    _, code = full.runtimes.get(full.requirements, engine, progress)
    return _lean_runtime(cache_folder(), full.requirements), code


@lru_cache(maxsize=2)
def _lean_runtime(folder: Path, requirements: Requirements) -> LeanRuntime:
    """One is some 40 MB."""
    return LeanRuntime(*runtimes_in(folder).module(requirements, default_engine()))


def _hot(
    full: SourceFilter,
    lean: LeanRuntime,
    points: Mapping[int, Mapping[int, int]],
    general: BlockProfile,
    profile: BlockProfile | None,
) -> dict[int, frozenset[int] | None]:
    """The functions that stay compiled: of an empty general profile, none but those that have to."""
    if not general.functions:
        return {}
    chosen = BlockProfile(dict(general.functions))
    if profile is not None:
        chosen.add(profile)
    imports = {m.name for place in full.source.places() for m in imported_modules(parse(place.text)) if not m.level}
    return chosen.hot(points, lean.symbols) | functions_of_imports(imports, lean.symbols)


def _load(full: SourceFilter, runtime: Runtime, code: Code) -> LoadedMemory:
    image = Image(code, None, full.placement(runtime).write)
    return load(image, runtime.pages, full.source.filename)


def _module(full: SourceFilter, lean: LeanRuntime, split: SplitModule, loaded: LoadedMemory, level: int) -> bytes:
    exports = (full.exports or frozenset()) | REQUIRED_EXPORTS
    if not loaded.uses:
        memory = bytearray(loaded.memory)
        clear_unused(memory, lean.runtime.regions)
        return lazy_module(split, [(0, bytes(memory))], len(memory) // PAGE, exports, loaded=True, level=level)
    placement = full.placement(lean.runtime)
    image: list[Write] = [*lean.image, *placement.writes]
    return lazy_module(split, image, placement.total, exports, loaded=False, level=level)


@contextmanager
def _step(name: str, times: dict[str, float], tell: Progress) -> Iterator[Callable[[float], None]]:
    """Announce a step and take its time; gives what to call with the part of it that is done."""
    text, begin, end = _STEPS[name]
    started = time.monotonic()
    tell(text, begin)
    yield lambda part: tell(text, begin + (end - begin) * part)
    times[name] = round(time.monotonic() - started, 3)
