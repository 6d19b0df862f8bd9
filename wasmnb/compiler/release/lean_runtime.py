"""A runtime prepared for release modules: its code translated for the interpreter, its functions named.

What takes long is done once for a runtime and kept in its cache entry: the translation (some ten seconds) and, for profiles, the
instrumented module's machine code.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

from ...engine import Code, Engine
from ..runtime.machine_code import compiled
from ..runtime.runtime import Runtime
from ..wasm.core_module import CoreModule
from .assembly.split_module import Hot, SplitModule, operations_for
from .interpreter.cold_code import ColdCode
from .interpreter.cold_file import read_cold, write_cold
from .interpreter.translation import translate_module
from .profile.instrument import Block, instrument
from .unused_code import unused_functions

__all__ = ["LeanRuntime"]


class LeanRuntime:
    """A runtime with what a release needs of it.

    Parameters
    ----------
    runtime
        Its entry in the cache.
    wasm
        Its module.
    """

    def __init__(self, runtime: Runtime, wasm: bytes) -> None:
        self.runtime = runtime
        self.wasm = wasm
        self.module = CoreModule.read(wasm)
        self._cold: ColdCode | None = None
        self._splits: dict[str, SplitModule] = {}

    @cached_property
    def symbols(self) -> Sequence[str]:
        """Names of its functions, by number."""
        return self.runtime.symbols

    @property
    def image(self) -> list[tuple[int, bytes]]:
        """Its memory at the start, as (address, bytes)."""
        return [
            (segment.offset[0][1] % (1 << 32), self.wasm[segment.start : segment.end])
            for segment in self.module.segments
            if segment.offset is not None
        ]

    def cold(self, progress: Callable[[float], None] = lambda _fraction: None) -> ColdCode:
        """Its translated code, from the cache or translated now; `progress` gets the part that is done, from 0 to 1."""
        if self._cold is None:
            name = f"cold-{_digest()}.bin"
            kept = self.runtime.entry.read(name)
            if kept is None:
                self._cold = translate_module(
                    self.module, operations_for(self.module), progress, unused_functions(self.symbols)
                )
                self.runtime.entry.add(name, write_cold(self._cold))
            else:
                self._cold = read_cold(kept)
        return self._cold

    def split(self, hot: Hot) -> SplitModule:
        """The runtime with only these functions compiled."""
        key = sha256(repr(sorted((f, b and sorted(b)) for f, b in hot.items())).encode()).hexdigest()
        if key not in self._splits:
            self._splits.clear()  # one is some megabytes; the next filter most often wants the same
            self._splits[key] = SplitModule(self.module, self.cold(), hot)
        return self._splits[key]

    @cached_property
    def _instrumented(self) -> tuple[bytes, list[Block]]:
        return instrument(self.module, self.cold().points)

    @property
    def blocks(self) -> Sequence[Block]:
        """What the bytes of the instrumented module's second memory stand for."""
        return self._instrumented[1]

    def instrumented(self, engine: Engine) -> Code:
        """The instrumented module's code; machine code is kept on the disk."""
        return compiled(self._instrumented[0], engine)


@cache
def _digest() -> str:
    """Hash of the translator's sources and of the Python that reads what it leaves in the cache."""
    found = sha256(sys.version.encode())
    folder = files(__package__)
    for name, item in (*_sources(folder / "interpreter"), ("unused_code.py", folder / "unused_code.py")):
        found.update(name.encode() + b"\0" + item.read_bytes() + b"\0")
    return found.hexdigest()[:16]


def _sources(folder: Traversable) -> list[tuple[str, Traversable]]:
    return sorted((item.name, item) for item in folder.iterdir() if item.name.endswith((".py", ".wat")))
