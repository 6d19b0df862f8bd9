"""Public functions for the cache of runtimes: build, list, clear."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...engine import default_engine
from ...errors import UsageError
from ..source.filter_source import Part, Source
from ..source.resolver import resolve
from .cache import Cache, cache_folder
from .machine_code import clear_compiled
from .runtime import Progress, runtimes_in
from .staging import guest_digest

__all__ = ["RuntimeFacts", "build_runtime", "clear_runtimes", "list_runtimes"]


@dataclass(frozen=True)
class RuntimeFacts:
    """A runtime in the cache.

    Attributes
    ----------
    key
        Name of its folder.
    folder
        Path of its folder.
    modules, packages
        Modules and packages beyond the standard set.
    size
        Size on the disk in bytes.
    built
        Time of the build.
    build_seconds
        Duration of the build in seconds.
    current
        Whether this version of wasmnb uses it.
    """

    key: str
    folder: Path
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    size: int
    built: datetime
    build_seconds: float
    current: bool


def build_runtime(source: str = "", filename: str = "<filter>", *, progress: Progress | None = None) -> RuntimeFacts:
    """Build the runtime of a filter's source, unless the cache has it.

    Parameters
    ----------
    source
        Source of the filter. Default: empty, for the standard runtime.
    filename
        File name of the source in errors. Default: `<filter>`.
    progress
        Function called with a step's name and a fraction from 0 to 1. Default: None.

    Returns
    -------
    RuntimeFacts
        Facts about the runtime.

    Raises
    ------
    SourceError, BuildError
        As for `Filter.from_source`.
    """
    _, requirements = resolve(Source((Part(source, filename),)))
    runtime, _ = runtimes_in(cache_folder()).get(requirements, default_engine(), progress)
    return next(facts for facts in list_runtimes() if facts.key == runtime.key)


def list_runtimes() -> list[RuntimeFacts]:
    """Return the readable runtimes in the cache, the last used first."""
    cache = Cache()
    runtimes = []
    for key in cache.names():
        entry = cache.find(key, use=False)
        if entry is None:
            continue
        facts = entry.manifest
        runtimes.append(
            RuntimeFacts(
                key,
                entry.folder,
                tuple(facts.get("modules", ())),
                tuple(facts.get("packages", ())),
                sum(path.stat().st_size for path in entry.folder.iterdir()),
                datetime.fromtimestamp(facts.get("built", 0), UTC),
                sum(facts.get("times", {}).values()),
                facts.get("guest") == guest_digest(),
            )
        )
    return runtimes


def clear_runtimes(key: str | None = None) -> int:
    """Remove one runtime, or all runtimes and the machine code of other modules.

    Parameters
    ----------
    key
        Beginning of the key of the runtimes to remove. Default: None, for all.

    Returns
    -------
    int
        Number of removed runtimes.

    Raises
    ------
    UsageError
        No runtime has this key.
    """
    cache = Cache()
    keys = cache.names()
    if key is not None:
        keys = [k for k in keys if k.startswith(key)]
        if not keys:
            raise UsageError(f"No runtime {key} in {cache.folder}. List them with: wasmnb runtime list")
    else:
        clear_compiled()
    for k in keys:
        cache.remove(k)
    return len(keys)
