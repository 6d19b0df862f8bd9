"""Runtimes: a finished module with Python, the SDK and a set of imports in memory, found in the cache or built.

Facts: building takes about ten seconds (componentize-py six, the linker one, wasmtime's compiler three) and depends on
the set of imports only, not on the filter. The result is loaded in tens of milliseconds, once in each process.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..._version import __version__
from ...engine import Code, Engine
from ...errors import BuildError, ModuleError
from ...formats.leb128 import Malformed
from ..source.requirements import Requirements
from ..wasm.core_module import CoreModule
from .build_module import link_component
from .cache import Cache, CacheEntry
from .componentize import ComponentizeError, componentize
from .heap_trim import MemoryRegions
from .staging import FAILED_IMPORT, guest_digest, stage

__all__ = ["FailedImport", "Progress", "Runtime", "Runtimes", "runtime_key", "runtimes_in"]

#: Function called with the name of a step and a fraction from 0 to 1.
Progress = Callable[[str, float], None]

#: Step -> fractions of the total time at its begin and end.
_STEPS = {"componentize": (0.0, 0.6), "link": (0.6, 0.7), "compile": (0.7, 0.97), "store": (0.97, 1.0)}

#: Typical seconds of componentize-py on a small machine. The progress bar slows down after that.
_TYPICAL = 8.0

_WASM, _CODE, _SYMBOLS = "runtime.wasm", "code.cwasm", "symbols.txt"


class FailedImport(BuildError):
    """A module can't be imported in the guest.

    Attributes
    ----------
    module
        Name of the imported module.
    missing
        Name of the module that wasn't found, or None.
    reason
        Exception of the guest as text.
    """

    def __init__(self, module: str, missing: str | None, reason: str) -> None:
        super().__init__(f"{module} can't be imported inside WebAssembly: {reason}")
        self.module = module
        self.missing = missing
        self.reason = reason


@dataclass(frozen=True)
class Runtime:
    """A runtime in the cache.

    Attributes
    ----------
    key
        Hash of all inputs.
    facts
        Build times in seconds, sizes in bytes, versions, and further imports.
    entry
        Entry in the cache.
    """

    key: str
    facts: Mapping[str, Any]
    entry: CacheEntry

    @property
    def pages(self) -> int:
        """Initial pages of memory."""
        return int(self.facts["pages"])

    @property
    def regions(self) -> MemoryRegions:
        """Positions of the stack and the heap."""
        return MemoryRegions(**self.facts["regions"])

    @property
    def symbols(self) -> list[str]:
        """Names of the module's functions, by function number. Empty if the file can't be read."""
        return (self.entry.read(_SYMBOLS) or b"").decode().split("\n")


class Runtimes:
    """The runtimes of one cache. Loaded code is kept for the lifetime of this object.

    Parameters
    ----------
    cache
        The cache. Default: the one in `cache_folder()`.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache = cache or Cache()
        self._codes: dict[tuple[str, Engine], Code] = {}
        self._runtimes: dict[str, Runtime] = {}

    def get(self, requirements: Requirements, engine: Engine, progress: Progress | None = None) -> tuple[Runtime, Code]:
        """Return the runtime for some requirements: from memory, from the cache, or built now.

        Parameters
        ----------
        requirements
            Modules and packages beyond the standard set.
        engine
            Engine that loads the code.
        progress
            Function called with a step's name and a fraction from 0 to 1. Default: None.

        Raises
        ------
        FailedImport
            A module can't be imported in the guest.
        BuildError
            The toolchain or the disk failed.
        """
        key = runtime_key(requirements)
        code = self._codes.get((key, engine))
        if code is not None:
            return self._runtimes[key], code
        loaded = self._load(key, engine)
        if loaded is None:
            report = progress or (lambda _step, _fraction: None)
            with self.cache.lock(key, lambda: report("Waiting for another process that builds this runtime", 0.0)):
                loaded = self._load(key, engine) or self._build(key, requirements, engine, report)
        self._runtimes[key], self._codes[key, engine] = loaded
        return loaded

    def module(self, requirements: Requirements, engine: Engine) -> tuple[Runtime, bytes]:
        """Return the runtime's module from the cache. A missing or damaged entry is rebuilt.

        Raises
        ------
        FailedImport, BuildError
            As for `get`.
        """
        runtime, _ = self.get(requirements, engine)
        wasm = runtime.entry.read(_WASM)
        if wasm is None:
            self.cache.remove(runtime.key)
            del self._codes[runtime.key, engine]
            runtime, _ = self.get(requirements, engine)
            wasm = runtime.entry.read(_WASM)
        if wasm is None:
            raise BuildError(f"The cache in {self.cache.folder} loses its files. Set WASMNB_CACHE to another folder.")
        return runtime, wasm

    def _load(self, key: str, engine: Engine) -> tuple[Runtime, Code] | None:
        """Load an entry if it's complete. Code that this engine can't use is compiled again."""
        entry = self.cache.find(key)
        if entry is None:
            return None
        runtime = Runtime(key, entry.manifest, entry)
        machine_code = entry.read(_code_name(engine))
        try:
            if machine_code is not None:
                return runtime, engine.load(machine_code)
        except ModuleError:
            pass
        wasm = entry.read(_WASM)
        if wasm is None:
            return None
        code = engine.compile(wasm)
        entry.add(_code_name(engine), code.serialize())
        return runtime, code

    def _build(self, key: str, requirements: Requirements, engine: Engine, report: Progress) -> tuple[Runtime, Code]:
        times: dict[str, float] = {}
        with _step("componentize", "Building the runtime: Python and its imports", times, report) as wait:
            component = self._component(requirements, wait)
        with _step("link", "Building the runtime: linking", times, report):
            try:
                linked = link_component(component)
            except Malformed as error:
                raise BuildError(f"The linker can't read componentize-py's component: {error}.") from error
        with _step("compile", "Building the runtime: compiling", times, report):
            code = engine.compile(linked.wasm)
        facts = {
            "guest": guest_digest(),
            "built": time.time(),
            "versions": _versions(),
            "modules": sorted(requirements.modules),
            "packages": [package.name for package in requirements.packages],
            "pages": CoreModule.read(linked.wasm).memories[0].minimum,
            "component_size": len(component),
            "size": len(linked.wasm),
            "regions": asdict(linked.regions),
            "times": times,
        }
        with _step("store", "Building the runtime: storing", times, report):
            content = {
                _WASM: linked.wasm,
                _code_name(engine): code.serialize(),
                _SYMBOLS: "\n".join(linked.symbols).encode(),
            }
            entry = self.cache.store(key, content, facts)
        return Runtime(key, entry.manifest, entry), code

    def _component(self, requirements: Requirements, wait: Callable[[float], None]) -> bytes:
        with self.cache.workspace() as folder:
            stage(folder, requirements)
            try:
                return componentize(folder, wait)
            except ComponentizeError as error:
                raise _failed_import(error) or error from None


@cache
def runtimes_in(folder: Path) -> Runtimes:
    """Return this process's `Runtimes` of a cache folder, and remove what killed processes left there."""
    runtimes = Runtimes(Cache(folder))
    runtimes.cache.tidy()
    return runtimes


def _failed_import(error: ComponentizeError) -> FailedImport | None:
    _, separator, rest = error.output.partition(FAILED_IMPORT + "{")
    if not separator:
        return None
    report = json.JSONDecoder().raw_decode("{" + rest)[0]
    return FailedImport(report["module"], report["missing"], f"{report['type']}: {report['message']}")


@contextmanager
def _step(name: str, text: str, times: dict[str, float], report: Progress) -> Iterator[Callable[[float], None]]:
    """Report a step and measure its time. Yields a function to call with the elapsed seconds."""
    begin, end = _STEPS[name]
    started = time.monotonic()
    report(text, begin)

    def wait(seconds: float) -> None:
        report(text, begin + (end - begin) * seconds / (seconds + _TYPICAL / 3))

    yield wait
    times[name] = round(time.monotonic() - started, 3)


def _code_name(engine: Engine) -> str:
    return "code-fuel.cwasm" if engine.fuel else _CODE


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    versions = {"wasmnb": __version__}
    for package in ("componentize-py", "wasmtime"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    return versions


def runtime_key(requirements: Requirements) -> str:
    """Return the name of the cache entry, a hash of all inputs of the runtime."""
    parts = [guest_digest(), requirements.digest(), platform.machine(), json.dumps(_versions(), sort_keys=True)]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]
