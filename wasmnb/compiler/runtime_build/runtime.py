"""Runtimes: modules with Python, the SDK and a set of imports in memory. They are found in the cache or built.

Facts: building takes about ten seconds (componentize-py six, the linker one, wasmtime's compiler three). A runtime depends only on
the set of imports, not on the filter. It is loaded in tens of milliseconds, once in each process. The archive of Python's library is
the same in all runtimes of a version, so only the first build in a cache compiles it, which is half of componentize-py's work.
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
from typing import Any

from ..._version import __version__
from ...engine import Code, Engine
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

__all__ = ["FailedImport", "Progress", "Runtime", "Runtimes", "initial_memory", "runtime_key", "runtimes_in"]

#: Function that is called with the name of a step and a fraction from 0 to 1.
Progress = Callable[[str, float], None]

#: Step -> fractions of the total time at its beginning and end.
_STEPS = {"componentize": (0.0, 0.6), "link": (0.6, 0.7), "compile": (0.7, 0.97), "store": (0.97, 1.0)}

#: Seconds that componentize-py typically takes on a small machine. After that, the progress bar slows down.
_TYPICAL = 8.0

_WASM, _CODE, _SYMBOLS = "runtime.wasm", "code.cwasm", "symbols.txt"


class FailedImport(BuildError):
    """A module can't be imported in the guest.

    Attributes
    ----------
    module
        Name of the module that can't be imported.
    missing
        Name of the module that wasn't found, or None.
    reason
        The guest's exception as text.
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
        Hash of all inputs, which is the name of the entry.
    facts
        Build times in seconds, sizes in bytes, versions, and imports in addition to the standard set.
    entry
        The entry in the cache, with its files.
    """

    key: str
    facts: Mapping[str, Any]
    entry: CacheEntry

    @property
    def pages(self) -> int:
        """Initial size of the memory in pages."""
        return int(self.facts["pages"])

    @property
    def regions(self) -> MemoryRegions:
        """Addresses of the stack and the heap."""
        return MemoryRegions(**self.facts["regions"])

    @property
    def archive(self) -> tuple[int, int]:
        """Address and size of the archive of Python's library."""
        address, size = self.facts["archive"]
        return address, size

    @property
    def symbols(self) -> list[str]:
        """Names of the module's functions, by function index. Empty if the file can't be read."""
        return (self.entry.read(_SYMBOLS) or b"").decode().split("\n")

    def archive_bytes(self, module: CoreModule) -> bytes:
        """Return the bytes of the archive of Python's library.

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
    """Return the initial content of a module's memory, as a list of (address, bytes).

    Parameters
    ----------
    module
        The parsed module.
    """
    return [(s.offset[0][1] % (1 << 32), module.data[s.start : s.end]) for s in module.segments if s.offset is not None]


class Runtimes:
    """The runtimes in a cache. Code that was loaded is kept for the lifetime of this object.

    Parameters
    ----------
    cache
        The cache. By default, the one in `cache_folder()`.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache = cache or Cache()
        self._codes: dict[tuple[str, Engine], Code] = {}
        self._runtimes: dict[str, Runtime] = {}

    def get(self, requirements: Requirements, engine: Engine, progress: Progress | None = None) -> tuple[Runtime, Code]:
        """Return the runtime for some requirements, and its machine code, from memory or the cache, or build it now.

        Parameters
        ----------
        requirements
            Modules and packages in addition to the standard set.
        engine
            Engine that will run the code.
        progress
            Function that is called with a description of the step and a fraction from 0 to 1 (default none).

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
        """Return the runtime for some requirements, and the bytes of its module. A missing or damaged entry is rebuilt.

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
                f"Files in the cache in {self.cache.folder} disappear while they are used. Set WASMNB_CACHE to another folder."
            )
        return runtime, wasm

    def _load(self, key: str, engine: Engine) -> tuple[Runtime, Code] | None:
        """Load an entry if it is complete. If this engine can't use the machine code, the module is compiled again."""
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
            component, archive = self._components(requirements, wait, self._kept_archive())
        with _step("link", "Building the runtime: linking", times, report):
            try:
                linked = link_component(component, archive)
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
        return Runtime(key, entry.manifest, entry), code

    def _kept_archive(self) -> bytes | None:
        """Return the archive of Python's library from a runtime of this version in the cache, or None."""
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
        """Return the component and the archive. Without an archive, another guest packs one at the same time."""
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
                raise BuildError(f"The archive of Python's library can't be read: {error}.") from error
            finally:
                abandoned.set()  # an interrupt doesn't wait until the archive is packed


@cache
def runtimes_in(folder: Path) -> Runtimes:
    """Return this process's `Runtimes` for a cache folder, and remove what killed processes have left behind in it."""
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
    """Report a step, and measure its time. Yield a function to call with the elapsed seconds."""
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
    """Return the versions of what builds runtimes. Every start of a proxy asks, and reading them takes half a millisecond."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"wasmnb": __version__}
    for package in ("componentize-py", "wasmtime"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    return versions


def runtime_key(requirements: Requirements) -> str:
    """Return the key of a runtime in the cache, which is a hash of all its inputs."""
    parts = [guest_digest(), requirements.digest(), platform.machine(), json.dumps(_versions(), sort_keys=True)]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]
