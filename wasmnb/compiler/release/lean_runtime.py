"""A runtime prepared for release modules: its code is translated for the interpreter, and the names of its functions are known.

The slow steps are done only once for each runtime, and their results are stored in its cache entry. One is the translation,
which takes about ten seconds. The other is compiling the instrumented module, which is needed only for profiles.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from ...engine import Engine, MachineCode
from ..cache.machine_code import compiled
from ..glue import COPY_ARCHIVE
from ..runtime_build.runtime import Runtime, initial_memory
from ..wasm_binary.core_module import CoreModule
from .interpreter.cold_code import ColdCode
from .interpreter.cold_file import read_cold, write_cold
from .interpreter.translation import translate_module
from .module_assembly.archive_blocks import archive_blocks
from .module_assembly.split_module import Hot, SplitModule, operations_for
from .profile.hot_set import corpus, seldom
from .profile.instrument import BasicBlock, instrument
from .unused_code import unused_functions

__all__ = ["LeanRuntime"]


class LeanRuntime:
    """A runtime, and the data derived from it that release modules need.

    Parameters
    ----------
    runtime
        Runtime in the cache.
    wasm
        Bytes of the runtime's module.
    """

    def __init__(self, runtime: Runtime, wasm: bytes) -> None:
        self.runtime = runtime
        self.wasm = wasm
        self.module = CoreModule.read(wasm)
        self._cold: ColdCode | None = None
        self._splits: dict[str, SplitModule] = {}

    @cached_property
    def symbols(self) -> Sequence[str]:
        """Names of the runtime's functions, by function index."""
        return self.runtime.symbols

    @property
    def image(self) -> list[tuple[int, bytes]]:
        """Initial content of the runtime's memory, as pairs of address and bytes."""
        return initial_memory(self.module)

    @cached_property
    def archive(self) -> bytes:
        """The archive of Python's library in compressed blocks. It is read from the cache, or compressed now."""
        name = f"archive-{_digest()}.bin"
        kept = self.runtime.entry.read(name)
        if kept is None:
            kept = archive_blocks(self.runtime.archive_bytes(self.module))
            self.runtime.entry.add(name, kept)
        return kept

    def cold(self, progress: Callable[[float], None] = lambda _fraction: None) -> ColdCode:
        """Return the runtime's translated code. It is read from the cache, or translated now.

        Parameters
        ----------
        progress
            Called with the completed fraction from 0 to 1. By default, nothing is called.
        """
        if self._cold is None:
            name = f"cold-{_digest()}.bin"
            kept = self.runtime.entry.read(name)
            if kept is None:
                self._cold = translate_module(
                    self.module,
                    operations_for(self.module),
                    progress,
                    unused_functions(self.symbols),
                    corpus(loading=True).functions_in(self.symbols),
                    seldom().functions_in(self.symbols),
                )
                self.runtime.entry.add(name, write_cold(self._cold))
            else:
                self._cold = read_cold(kept)
        return self._cold

    def split(self, hot: Hot) -> SplitModule:
        """Return the runtime's module split into compiled and interpreted code. `hot` contains the functions to compile."""
        key = sha256(repr(sorted((f, b and sorted(b)) for f, b in hot.items())).encode()).hexdigest()
        if key not in self._splits:
            self._splits.clear()  # a split needs several megabytes, and the next filter usually uses the same one
            self._splits[key] = SplitModule(self.module, self.cold(), hot, self.symbols.index(COPY_ARCHIVE))
        return self._splits[key]

    @cached_property
    def _instrumented(self) -> tuple[bytes, list[BasicBlock]]:
        return instrument(self.module, self.cold().points)

    @property
    def blocks(self) -> Sequence[BasicBlock]:
        """Blocks of the instrumented module, in the order of their counters in its second memory."""
        return self._instrumented[1]

    def instrumented(self, engine: Engine) -> MachineCode:
        """Return the machine code of the instrumented module. It is read from the cache, or compiled now."""
        return compiled(self._instrumented[0], engine)


@cache
def _digest() -> str:
    """Return a hash of the translator's sources and the Python version. Results in the cache are valid only for
    the same hash.
    """
    digest = sha256(sys.version.encode())
    folder = files(__package__)
    for name, item in (
        *_sources(folder / "interpreter", ".py", ".wat"),
        *_sources(folder / "profile", ".txt"),
        ("unused_code.py", folder / "unused_code.py"),
    ):
        digest.update(name.encode() + b"\0" + item.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _sources(folder: Traversable, *endings: str) -> list[tuple[str, Traversable]]:
    return sorted((item.name, item) for item in folder.iterdir() if item.name.endswith(endings))
