"""The cache of runtimes as a user sees it: fill it ahead of time, list it, empty it."""

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
        Where it is.
    modules, packages
        What it holds beyond the standard set.
    size
        Bytes on the disk.
    built
        When.
    build_seconds
        How long that took.
    current
        Whether the wasmnb that asks would use it: others are of other versions.
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
    """Have the runtime in the cache that a filter's source needs; the usual one if no source is given.

    Raises
    ------
    SourceError, BuildError
        As `Filter.from_source`.
    """
    _, requirements = resolve(Source((Part(source, filename),)))
    runtime, _ = runtimes_in(cache_folder()).get(requirements, default_engine(), progress)
    return next(facts for facts in list_runtimes() if facts.key == runtime.key)


def list_runtimes() -> list[RuntimeFacts]:
    """The runtimes in the cache, the last used first; what cannot be read is left out."""
    cache = Cache()
    found = []
    for key in cache.names():
        entry = cache.find(key, use=False)
        if entry is None:
            continue
        facts = entry.manifest
        found.append(
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
    return found


def clear_runtimes(key: str | None = None) -> int:
    """Remove one runtime, or all with the machine code of other modules; gives how many.

    Raises
    ------
    UsageError
        There is none with this key.
    """
    cache = Cache()
    keys = cache.names()
    if key is not None:
        keys = [k for k in keys if k.startswith(key)]
        if not keys:
            raise UsageError(f"There is no runtime {key} in {cache.folder}.")
    else:
        clear_compiled()
    for k in keys:
        cache.remove(k)
    return len(keys)
