"""Runtimes: a finished module with Python, the SDK and a set of imports in memory, found in the cache or built.

Facts: building takes about ten seconds (componentize-py six, the linker one, wasmtime's compiler three) and depends on
the set of imports only, not on the filter. Its result is loaded in some tens of milliseconds, and once a process.
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
from .cache import Cache, Entry
from .componentize import ComponentizeError, componentize
from .heap_trim import Regions
from .staging import FAILED_IMPORT, guest_digest, stage

__all__ = ["FailedImport", "Progress", "Runtime", "Runtimes", "runtime_key", "runtimes_in"]

#: Called with what is being done and how far it is, from 0 to 1.
Progress = Callable[[str, float], None]

#: Step -> (share of the time when it begins, when it ends).
_STEPS = {"componentize": (0.0, 0.6), "link": (0.6, 0.7), "compile": (0.7, 0.97), "store": (0.97, 1.0)}

#: Seconds that componentize-py takes on a small machine; the bar approaches its end after that.
_TYPICAL = 8.0

_WASM, _CODE, _SYMBOLS = "runtime.wasm", "code.cwasm", "symbols.txt"


class FailedImport(BuildError):
    """A module could not be imported in the guest.

    Attributes
    ----------
    module
        What was to be imported.
    missing
        The module that was not found on the way, or None.
    reason
        The guest's exception.
    """

    def __init__(self, module: str, missing: str | None, reason: str) -> None:
        super().__init__(f"{module} cannot be imported inside WebAssembly: {reason}")
        self.module = module
        self.missing = missing
        self.reason = reason


@dataclass(frozen=True)
class Runtime:
    """A runtime in the cache.

    Attributes
    ----------
    key
        Hash of everything that it was made from.
    facts
        Times (seconds) and sizes of its building, versions, extra imports.
    entry
        Its folder.
    """

    key: str
    facts: Mapping[str, Any]
    entry: Entry

    @property
    def pages(self) -> int:
        """Pages of memory that it starts with."""
        return int(self.facts["pages"])

    @property
    def regions(self) -> Regions:
        """Where its stack and its heap are."""
        return Regions(**self.facts["regions"])

    @property
    def symbols(self) -> list[str]:
        """Names of the module's functions, by number; empty if they cannot be read."""
        return (self.entry.read(_SYMBOLS) or b"").decode().split("\n")


class Runtimes:
    """The runtimes of one cache, with compiled code kept for as long as this object lives.

    Parameters
    ----------
    cache
        Where they are kept.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache = cache or Cache()
        self._codes: dict[tuple[str, Engine], Code] = {}
        self._found: dict[str, Runtime] = {}

    def get(self, requirements: Requirements, engine: Engine, progress: Progress | None = None) -> tuple[Runtime, Code]:
        """The runtime for these requirements, from memory, from the cache, or built now.

        Raises
        ------
        FailedImport
            A module cannot be imported in the guest.
        BuildError
            The tool chain or the disk failed.
        """
        key = runtime_key(requirements)
        code = self._codes.get((key, engine))
        if code is not None:
            return self._found[key], code
        loaded = self._load(key, engine)
        if loaded is None:
            tell = progress or (lambda _step, _fraction: None)
            with self.cache.lock(key, lambda: tell("Waiting for another process that builds this runtime", 0.0)):
                loaded = self._load(key, engine) or self._build(key, requirements, engine, tell)
        self._found[key], self._codes[key, engine] = loaded
        return loaded

    def module(self, requirements: Requirements, engine: Engine) -> tuple[Runtime, bytes]:
        """The runtime's module, as it stands in the cache; built anew if it is gone or damaged. Raises as `get`."""
        runtime, _ = self.get(requirements, engine)
        wasm = runtime.entry.read(_WASM)
        if wasm is None:
            self.cache.remove(runtime.key)
            del self._codes[runtime.key, engine]
            runtime, _ = self.get(requirements, engine)
            wasm = runtime.entry.read(_WASM)
        if wasm is None:
            raise BuildError(f"The cache in {self.cache.folder} does not keep what is written to it.")
        return runtime, wasm

    def _load(self, key: str, engine: Engine) -> tuple[Runtime, Code] | None:
        """What is in the cache, if it is whole; code that this engine cannot use is compiled anew."""
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

    def _build(self, key: str, requirements: Requirements, engine: Engine, tell: Progress) -> tuple[Runtime, Code]:
        times: dict[str, float] = {}
        with _step("componentize", "Building the runtime: Python and its imports", times, tell) as wait:
            component = self._component(requirements, wait)
        with _step("link", "Building the runtime: linking", times, tell):
            try:
                linked = link_component(component)
            except Malformed as error:
                raise BuildError(
                    f"componentize-py made a component that the linker does not understand: {error}."
                ) from error
        with _step("compile", "Building the runtime: compiling", times, tell):
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
        with _step("store", "Building the runtime: storing", times, tell):
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
    """The process's view of a cache folder: a runtime is loaded once a process."""
    return Runtimes(Cache(folder))


def _failed_import(error: ComponentizeError) -> FailedImport | None:
    _, found, rest = error.output.partition(FAILED_IMPORT + "{")
    if not found:
        return None
    word = json.JSONDecoder().raw_decode("{" + rest)[0]
    return FailedImport(word["module"], word["missing"], f"{word['type']}: {word['message']}")


@contextmanager
def _step(name: str, text: str, times: dict[str, float], tell: Progress) -> Iterator[Callable[[float], None]]:
    """Announce a step and take its time; gives what to call while it lasts."""
    begin, end = _STEPS[name]
    started = time.monotonic()
    tell(text, begin)

    def wait(seconds: float) -> None:
        tell(text, begin + (end - begin) * seconds / (seconds + _TYPICAL / 3))

    yield wait
    times[name] = round(time.monotonic() - started, 3)


def _code_name(engine: Engine) -> str:
    return "code-fuel.cwasm" if engine.fuel else _CODE


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {"wasmnb": __version__}
    for package in ("componentize-py", "wasmtime"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def runtime_key(requirements: Requirements) -> str:
    """Name of the cache entry: changes with everything that the runtime is made from."""
    parts = [guest_digest(), requirements.digest(), platform.machine(), json.dumps(_versions(), sort_keys=True)]
    return sha256("\n".join(parts).encode()).hexdigest()[:32]
