"""Runtimes: modules whose memory contains Python, the SDK and a set of imported modules. They are loaded from the cache or
built.

Building a runtime takes about ten seconds: six for componentize-py, one for the linker and three for wasmtime's compiler. A
runtime depends only on the set of imports, not on the filter. Loading it takes tens of milliseconds, once in each process. The
archive of Python's library is the same in all runtimes of a version. Compiling it is half of componentize-py's work, and only
the first build in a cache does it.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from ..._version import __version__
from ...engine import Engine, MachineCode
from ...errors import BuildError, ModuleError
from ...parsing.leb128 import Malformed
from ..cache.entries import CacheEntry
from ..cache.runtimes import Cache
from ..dependencies.requirements import Requirements
from ..wasm_binary.core_module import CoreModule
from ..wasm_binary.memory_image import MemoryImage
from .build_module import archive_of, link_component
from .componentize import ComponentizeError, componentize
from .heap_trim import MemoryRegions
from .staging import FAILED_IMPORT, guest_digest, stage, stage_archive

__all__ = [
    "FailedImport",
    "LoadedRuntime",
    "Progress",
    "Runtime",
    "RuntimeModule",
    "Runtimes",
    "initial_memory",
    "runtime_key",
    "runtimes_in",
]

#: Function that is called with the name of a step and a fraction from 0 to 1.
Progress = Callable[[str, float], None]

#: Build step -> fractions of the total time at its beginning and end.
_STEPS = {"componentize": (0.0, 0.6), "link": (0.6, 0.7), "compile": (0.7, 0.97), "store": (0.97, 1.0)}

#: Seconds that componentize-py typically takes on a small machine. The progress bar slows down after this time.
_TYPICAL = 8.0

_WASM, _CODE, _SYMBOLS = "runtime.wasm", "code.cwasm", "symbols.txt"


class FailedImport(BuildError):
    """An import that fails inside WebAssembly.

    Attributes
    ----------
    module
        Name of the module that can't be imported.
    missing
        Name of a module that wasn't found during the import, or None.
    reason
        Type and message of the exception that the import raised.
    """

    def __init__(self, module: str, missing: str | None, reason: str) -> None:
        super().__init__(f"{module} can't be imported inside WebAssembly: {reason}")
        self.module = module
        self.missing = missing
        self.reason = reason


@dataclass(frozen=True)
class Runtime:
    """A built runtime in the cache.

    Attributes
    ----------
    key
        Hash of everything that the runtime is built from, which is also the name of its cache entry.
    facts
        Build times in seconds, sizes in bytes, versions, and imports in addition to the standard set.
    entry
        The cache entry, which contains the runtime's files.
    """

    key: str
    facts: Mapping[str, Any]
    entry: CacheEntry

    @property
    def pages(self) -> int:
        """Initial size of the runtime's memory in pages of 64 KiB."""
        return int(self.facts["pages"])

    @property
    def regions(self) -> MemoryRegions:
        """Addresses of the stack and the heap in the runtime's memory."""
        return MemoryRegions(**self.facts["regions"])

    @property
    def archive(self) -> tuple[int, int]:
        """Address and size of the archive of Python's library in the runtime's memory."""
        address, size = self.facts["archive"]
        return address, size

    @property
    def symbols(self) -> list[str]:
        """Names of the module's functions, by function index. Empty if the file with the names can't be read."""
        return (self.entry.read(_SYMBOLS) or b"").decode().split("\n")

    def archive_bytes(self, module: CoreModule) -> bytes:
        """Return the archive of Python's library, read from the runtime's initial memory.

        Parameters
        ----------
        module
            The parsed module of the runtime.
        """
        memory = MemoryImage(self.pages)
        for address, data in initial_memory(module):
            memory.put(address, data)
        begin, size = self.archive
        return bytes(memory.bytes[begin : begin + size])


def initial_memory(module: CoreModule) -> list[tuple[int, bytes]]:
    """Return the initial content of a module's memory as a list of (address, bytes).

    Parameters
    ----------
    module
        The parsed module.
    """
    return [(s.offset[0][1] % (1 << 32), module.data[s.start : s.end]) for s in module.segments if s.offset is not None]


class LoadedRuntime(NamedTuple):
    """A runtime with its machine code."""

    runtime: Runtime
    code: MachineCode


class RuntimeModule(NamedTuple):
    """A runtime with the bytes of its module."""

    runtime: Runtime
    wasm: bytes


class Runtimes:
    """The runtimes of a cache. Loaded machine code is kept for the lifetime of this object.

    Parameters
    ----------
    cache
        Cache to use (default: the cache in `cache_folder()`).
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache = cache or Cache()
        self._codes: dict[tuple[str, Engine], MachineCode] = {}
        self._runtimes: dict[str, Runtime] = {}

    def get(self, requirements: Requirements, engine: Engine, progress: Progress | None = None) -> LoadedRuntime:
        """Return a runtime with the required modules, and its machine code. Both are taken from memory or the cache, or are
        built.

        Parameters
        ----------
        requirements
            Modules and packages that the runtime must contain in addition to the standard set.
        engine
            Engine that will run the code.
        progress
            Called with a description of the step and a fraction from 0 to 1 (default None).

        Raises
        ------
        FailedImport
            A module can't be imported in the guest.
        BuildError
            Building failed because of the toolchain or the disk.
        """
        key = runtime_key(requirements)
        code = self._codes.get((key, engine))
        if code is not None:
            return LoadedRuntime(self._runtimes[key], code)
        loaded = self._load(key, engine)
        if loaded is None:
            report = progress or (lambda _step, _fraction: None)
            with self.cache.lock(key, lambda: report("Waiting for another process that builds this runtime", 0.0)):
                loaded = self._load(key, engine) or self._build(key, requirements, engine, report)
        self._runtimes[key], self._codes[key, engine] = loaded
        return loaded

    def module(self, requirements: Requirements, engine: Engine) -> RuntimeModule:
        """Return a runtime with the required modules, and the bytes of its Wasm module. A damaged cache entry is rebuilt.

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
            raise BuildError(
                f"Files disappear from the cache {self.cache.folder} while they are used. Set WASMNB_CACHE to another folder."
            )
        return RuntimeModule(runtime, wasm)

    def _load(self, key: str, engine: Engine) -> LoadedRuntime | None:
        """Load a runtime from the cache, or return None. If the engine can't use its machine code, the module is compiled
        again.
        """
        entry = self.cache.find(key)
        if entry is None:
            return None
        runtime = Runtime(key, entry.manifest, entry)
        machine_code = entry.read(_code_name(engine))
        try:
            if machine_code is not None:
                return LoadedRuntime(runtime, engine.load(machine_code))
        except ModuleError:
            pass
        wasm = entry.read(_WASM)
        if wasm is None:
            return None
        code = engine.compile(wasm)
        entry.add(_code_name(engine), code.serialize())
        return LoadedRuntime(runtime, code)

    def _build(self, key: str, requirements: Requirements, engine: Engine, report: Progress) -> LoadedRuntime:
        times: dict[str, float] = {}
        with _step("componentize", "Building the runtime: Python and its imports", times, report) as wait:
            component, archive = self._components(requirements, wait, self._kept_archive())
        with _step("link", "Building the runtime: linking", times, report):
            try:
                linked = link_component(component, archive)
            except Malformed as error:
                raise BuildError(
                    f"The linker can't read componentize-py's component: {error}. Reinstall wasmnb with its dependencies."
                ) from error
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
            "archive": linked.archive,
            "times": times,
        }
        with _step("store", "Building the runtime: storing", times, report):
            content = {
                _WASM: linked.wasm,
                _code_name(engine): code.serialize(),
                _SYMBOLS: "\n".join(linked.symbols).encode(),
            }
            entry = self.cache.store(key, content, facts)
        return LoadedRuntime(Runtime(key, entry.manifest, entry), code)

    def _kept_archive(self) -> bytes | None:
        """Return the archive of Python's library from a cached runtime of the same version, or None if there is no such
        runtime.
        """
        version = guest_digest(), _versions()
        for key in self.cache.names():
            entry = self.cache.find(key, use=False)
            if entry is None or (entry.manifest.get("guest"), entry.manifest.get("versions")) != version:
                continue
            wasm = entry.read(_WASM)
            if wasm is not None:
                return Runtime(key, entry.manifest, entry).archive_bytes(CoreModule.read(wasm))
        return None

    def _components(
        self, requirements: Requirements, wait: Callable[[float], None], archive: bytes | None
    ) -> tuple[bytes, bytes]:
        """Return the component and the archive of Python's library. If `archive` is None, a second guest packs the archive at
        the same time.
        """
        with self.cache.workspace() as folder, ThreadPoolExecutor(1) as packer:
            stage(_new_folder(folder / "runtime"), requirements)
            abandoned = Event()

            def check(_seconds: float) -> None:
                if abandoned.is_set():
                    raise ComponentizeError("The build was abandoned.", "")

            def packed() -> bytes:
                if archive is not None:
                    return archive
                stage_archive(_new_folder(folder / "archive"))
                return archive_of(componentize(folder / "archive", check))

            try:
                waiting = packer.submit(packed)
                return componentize(folder / "runtime", wait, requirements.secret), waiting.result()
            except ComponentizeError as error:
                raise _failed_import(error) or error from None
            except Malformed as error:
                raise BuildError(
                    f"The archive of Python's library can't be read: {error}. Reinstall wasmnb with its dependencies."
                ) from error
            finally:
                abandoned.set()  # so that an interrupt doesn't wait until the archive is packed


@cache
def runtimes_in(folder: Path) -> Runtimes:
    """Return the `Runtimes` of a cache folder, which are kept for this process, and remove files left behind by killed
    processes.
    """
    runtimes = Runtimes(Cache(folder))
    runtimes.cache.tidy()
    return runtimes


def _new_folder(path: Path) -> Path:
    path.mkdir()
    return path


def _failed_import(error: ComponentizeError) -> FailedImport | None:
    _, separator, rest = error.output.partition(FAILED_IMPORT + "{")
    if not separator:
        return None
    report = json.JSONDecoder().raw_decode("{" + rest)[0]
    return FailedImport(report["module"], report["missing"], f"{report['type']}: {report['message']}")


@contextmanager
def _step(name: str, text: str, times: dict[str, float], report: Progress) -> Iterator[Callable[[float], None]]:
    """Report the beginning of a build step, and measure its duration. Yield a function that reports progress by elapsed
    seconds.
    """
    begin, end = _STEPS[name]
    started = time.monotonic()
    report(text, begin)

    def wait(seconds: float) -> None:
        report(text, begin + (end - begin) * seconds / (seconds + _TYPICAL / 3))

    yield wait
    times[name] = round(time.monotonic() - started, 3)


def _code_name(engine: Engine) -> str:
    return "code-fuel.cwasm" if engine.fuel else _CODE


@cache
def _versions() -> dict[str, str]:
    """Return the versions of wasmnb and its build tools. They are cached, because every start of a proxy reads them."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"wasmnb": __version__}
    for package in ("componentize-py", "wasmtime"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    return versions


def runtime_key(requirements: Requirements) -> str:
    """Return the name of a runtime in the cache, which is a hash of everything that it is built from."""
    parts = [guest_digest(), requirements.digest(), platform.machine(), json.dumps(_versions(), sort_keys=True)]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]
