"""Machine code of modules that were built elsewhere or saved before, kept on the disk beside the runtimes.

Facts: compiling takes one to three seconds a megabyte on two cores, reading machine code back some milliseconds. The
code depends on the module, on wasmtime's version and on the engine's settings. It is machine code that will be run: what
others may have written is not read (`trust.py`), and a file begins with the hash of the rest, which is compared before it is
used. A file that cannot be read, is damaged, or is of another engine counts as not there; a disk that is full or not
writable costs the time of compiling, nothing else.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..._scratch import ScratchFolder, remove_abandoned
from ...engine import Code, Engine
from ...errors import ModuleError
from .atomic_file import disk_fault, write_whole
from .cache import cache_places, is_trusted, readable, surplus, tell_once, writable

__all__ = ["clear_compiled", "compiled", "kept_compiled"]

#: Bytes below which a module is compiled in no time.
_SMALL = 8 * 1024

_HASH = 32


def compiled(wasm: bytes, engine: Engine, folder: Path | None = None) -> Code:
    """A module's code for an engine, from the cache if it has been compiled before.

    Parameters
    ----------
    folder
        Where code is kept; by default beside the runtimes.

    Raises
    ------
    ModuleError
        The bytes are no valid core WebAssembly module.
    """
    if len(wasm) < _SMALL:
        return engine.compile(wasm)
    name, places = f"{_key(wasm, engine)}.cwasm", cache_places("compiled", folder)
    for place in readable(places):
        kept = _read(place / name)
        if kept is not None:
            with suppress(ModuleError):
                return engine.load(kept)
    code = engine.compile(wasm)
    _write(places, name, code)
    return code


def kept_compiled(folder: Path | None = None) -> list[Path]:
    """The files that are kept."""
    return sorted(cache_places("compiled", folder)[0].glob("*.cwasm"))


def clear_compiled(folder: Path | None = None) -> None:
    """Remove all that is kept."""
    shutil.rmtree(cache_places("compiled", folder)[0], ignore_errors=True)


def _key(wasm: bytes, engine: Engine) -> str:
    try:
        wasmtime = version("wasmtime")
    except PackageNotFoundError:
        wasmtime = "none"
    settings = f"{wasmtime} {platform.machine()} fuel={engine.fuel}"
    return sha256(settings.encode() + b"\0" + sha256(wasm).digest()).hexdigest()[:32]


def _read(path: Path) -> bytes | None:
    """Return the code in a file, or None if it is missing, damaged, or others may have written it."""
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


def _write(places: list[Path], name: str, code: Code) -> None:
    """Store code in the first place that can store it."""
    for place in writable(places):
        remove_abandoned(place)
        try:
            with ScratchFolder(place) as scratch:
                data = code.serialize()
                write_whole(scratch.path / name, sha256(data).digest() + data)
                (scratch.path / name).replace(place / name)
        except OSError as error:
            tell_once(f"The cache in {place} does not take machine code: {disk_fault(error)}.")
            continue
        for path in surplus(place, _files(place)):
            path.unlink(missing_ok=True)
        return


def _files(place: Path) -> Iterator[tuple[float, int, Path]]:
    for path in place.glob("*.cwasm"):
        with suppress(OSError):
            status = path.stat()
            yield status.st_mtime, status.st_size, path
