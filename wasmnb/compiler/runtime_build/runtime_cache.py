"""Public functions that build, list and remove cached runtimes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...engine import default_engine
from ...errors import UsageError
from ..cache.entries import CacheEntry, StoredEntry
from ..cache.machine_code import clear_compiled
from ..cache.places import cache_folder
from ..cache.runtimes import Cache
from ..dependencies.filter_source import Part, Source
from ..dependencies.resolver import resolve
from .runtime import Progress, runtimes_in
from .staging import guest_digest

__all__ = ["RuntimeFacts", "build_runtime", "clear_runtimes", "list_runtimes"]


@dataclass(frozen=True)
class RuntimeFacts:
    """Size, contents and build time of a runtime in the cache.

    Attributes
    ----------
    key
        Key of the runtime, which is also the name of its folder.
    folder
        Path of the runtime's folder, or None if the runtime is only in memory.
    modules, packages
        Modules and packages that the runtime contains in addition to the standard set.
    size
        Size of the runtime's files in bytes.
    built
        Time at which the runtime was built.
    build_seconds
        Time that the build took, in seconds.
    current
        Whether this version of wasmnb uses the runtime.
    """

    key: str
    folder: Path | None
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    size: int
    built: datetime
    build_seconds: float
    current: bool


def build_runtime(source: str = "", filename: str = "<filter>", *, progress: Progress | None = None) -> RuntimeFacts:
    """Build the runtime that a filter's source needs, unless the cache already contains it.

    Parameters
    ----------
    source
        Source of the filter. By default, the standard runtime is built.
    filename
        File name of the source, for error messages (default `<filter>`).
    progress
        Called with a description of the step and a fraction from 0 to 1 (default None).

    Returns
    -------
    RuntimeFacts
        Facts about the new or cached runtime.

    Raises
    ------
    SourceError, BuildError
        As for `Filter.from_source`.
    """
    _, requirements = resolve(Source((Part(source, filename),)))
    runtime, _ = runtimes_in(cache_folder()).get(requirements, default_engine(), progress)
    facts = _facts(runtime.key, runtime.entry)
    assert facts is not None  # the entry was written or read a moment ago
    return facts


def list_runtimes() -> list[RuntimeFacts]:
    """Return all readable runtimes in the cache, beginning with the most recently used one."""
    cache = Cache()
    entries = ((key, cache.find(key, use=False)) for key in cache.names())
    readable = (_facts(key, entry) for key, entry in entries if entry is not None)
    return [facts for facts in readable if facts is not None]


def _facts(key: str, entry: CacheEntry) -> RuntimeFacts | None:
    """Return the facts about a runtime's cache entry, or None if its manifest is invalid."""
    facts = entry.manifest
    folder = entry.folder if isinstance(entry, StoredEntry) else None
    try:
        return RuntimeFacts(
            key,
            folder,
            tuple(str(name) for name in facts["modules"]),
            tuple(str(name) for name in facts["packages"]),
            sum(path.stat().st_size for path in folder.iterdir()) if folder is not None else 0,
            datetime.fromtimestamp(facts["built"], UTC),
            float(sum(facts["times"].values())),
            facts.get("guest") == guest_digest(),
        )
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def clear_runtimes(key: str | None = None) -> int:
    """Remove one cached runtime, or all of them together with the machine code of other modules.

    Parameters
    ----------
    key
        Key of the runtime to remove, or the beginning of the key. By default (None), everything is removed.

    Returns
    -------
    int
        Number of removed runtimes.

    Raises
    ------
    UsageError
        The cache contains no runtime with this key.
    """
    cache = Cache()
    keys = cache.names()
    if key is not None:
        keys = [k for k in keys if k.startswith(key)]
        if not keys:
            raise UsageError(
                f"The cache {cache.folder} contains no runtime {key}. List all runtimes with `wasmnb runtime list`."
            )
    else:
        clear_compiled()
    for k in keys:
        cache.remove(k)
    return len(keys)
