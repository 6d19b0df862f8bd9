"""The cache of machine code for saved filters and modules from other toolchains.

Compiling takes one to three seconds per megabyte on two cores, and loading machine code takes milliseconds. The code depends on
the module, on wasmtime's version and on the engine's settings. Machine code is executed, so files that another user could have
written aren't read (`trust.py`), and each file begins with a hash of its content, which is checked. A file that can't be read,
is damaged, or was written by another engine is ignored. If no cache can be written, every process compiles the module again.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..._scratch import ScratchFolder, remove_abandoned
from ...engine import Engine, MachineCode
from ...errors import ModuleError
from .atomic_file import disk_fault, locked, write_whole
from .places import cache_places, is_trusted, readable, surplus, warn_once, writable

__all__ = ["clear_compiled", "compiled", "kept_compiled"]

#: Modules with fewer bytes aren't cached, because compiling them takes almost no time.
_SMALL = 8 * 1024

_HASH = 32

#: Approximate number of bytes of a module that are compiled per second on two cores.
_SPEED = 2e6


def compiled(
    wasm: bytes, engine: Engine, folder: Path | None = None, progress: Callable[[str, float], None] | None = None
) -> MachineCode:
    """Return the machine code of a module. The module is compiled now unless its code is in the cache.

    Parameters
    ----------
    wasm
        Bytes of the module.
    engine
        Engine that will run the code.
    folder
        Folder of the cache (default `cache_folder()`).
    progress
        Called with a description of the step and a fraction from 0 to 1 while this or another process compiles the module
        (default None).

    Raises
    ------
    ModuleError
        The bytes aren't a valid core WebAssembly module.
    """
    if len(wasm) < _SMALL:
        return engine.compile(wasm)
    name, places = _name(wasm, engine), cache_places("compiled", folder)
    code = _kept(places, name, engine)
    if code is not None:
        return code
    report = progress or (lambda _step, _fraction: None)
    usual = len(wasm) / _SPEED

    def waiting(seconds: float) -> None:
        report(f"Compiling a module of {len(wasm) / 1e6:.1f} MB, once on this machine", seconds / (seconds + usual))

    place = next(writable(places), None)
    with locked(place, name, lambda: report("Waiting for another process that compiles this module", 0.0)):
        code = _kept(places, name, engine)  # another process may have compiled it while this one waited
        if code is None:
            code = engine.compile(wasm, waiting)
            _write(places, name, code)
    if place is not None:
        with suppress(OSError):
            (place / f".{name}.lock").unlink()
    return code


def _kept(places: list[Path], name: str, engine: Engine) -> MachineCode | None:
    """Return machine code from the cache, or None if the cache doesn't contain it."""
    for place in readable(places):
        kept = _read(place / name)
        if kept is not None:
            with suppress(ModuleError):
                return engine.load(kept)
    return None


def kept_compiled(folder: Path | None = None) -> list[Path]:
    """Return the paths of the files with machine code in the cache."""
    return sorted(cache_places("compiled", folder)[0].glob("*.cwasm"))


def clear_compiled(folder: Path | None = None) -> None:
    """Remove all machine code from the cache."""
    shutil.rmtree(cache_places("compiled", folder)[0], ignore_errors=True)


def _name(wasm: bytes, engine: Engine) -> str:
    """Return the name of the file with a module's code."""
    try:
        wasmtime = version("wasmtime")
    except PackageNotFoundError:
        wasmtime = "none"
    settings = f"{wasmtime} {platform.machine()} fuel={engine.fuel}"
    key = sha256(settings.encode() + b"\0" + sha256(wasm).digest()).hexdigest()[:32]
    return f"{key}.cwasm"


def _read(path: Path) -> bytes | None:
    """Return the machine code in a file, or None if the file is missing or damaged, or another user could have written it."""
    try:
        if not path.exists() or not is_trusted(path):
            return None
        data = path.read_bytes()
    except OSError:
        return None
    code = data[_HASH:]
    if sha256(code).digest() != data[:_HASH]:
        return None
    with suppress(OSError):
        os.utime(path)
    return code


def _write(places: list[Path], name: str, code: MachineCode) -> None:
    """Store machine code in the first folder of the cache that can be written."""
    for place in writable(places):
        remove_abandoned(place)
        try:
            with ScratchFolder(place) as scratch:
                data = code.serialize()
                write_whole(scratch.path / name, sha256(data).digest() + data, private=True)
                (scratch.path / name).replace(place / name)
        except OSError as error:
            reason = disk_fault(error)
            warn_once(
                f"Machine code can't be stored in the cache {place}: {reason}. Set WASMNB_CACHE to another folder."
            )
            continue
        for path in surplus(place, _files(place)):
            path.unlink(missing_ok=True)
        return


def _files(place: Path) -> Iterator[tuple[float, int, Path]]:
    for path in place.glob("*.cwasm"):
        with suppress(OSError):
            status = path.stat()
            yield status.st_mtime, status.st_size, path
