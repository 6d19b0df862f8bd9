"""Cache of the machine code of modules that were built elsewhere or saved before, next to the runtimes.

Facts: compiling takes one to three seconds per megabyte on two cores, loading machine code some milliseconds. The code
depends on the module, on wasmtime's version and on the engine's settings. It is machine code that will be run: the folder is
accessible only to the user (0700), and a file begins with the hash of the rest, which is verified before use. A file that can't
be read, is damaged, or belongs to another engine is ignored. With a full or read-only disk, modules are compiled each time.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ...engine import Code, Engine
from ...errors import ModuleError
from .atomic_file import write_whole
from .cache import cache_folder

__all__ = ["clear_compiled", "compiled", "kept_compiled"]

#: Size in bytes below which modules are compiled each time.
_SMALL = 8 * 1024

#: Most files, and their total size in bytes. The least recently used are removed.
_KEPT, _KEPT_BYTES = 64, 1 << 29

#: Seconds after which an incomplete file counts as abandoned.
_ABANDONED = 86400

_HASH = 32


def compiled(wasm: bytes, engine: Engine, folder: Path | None = None) -> Code:
    """Return a module's code for an engine, from the cache if it was compiled before.

    Parameters
    ----------
    wasm
        The module.
    engine
        The engine.
    folder
        Folder of the code. Default: next to the runtimes.

    Returns
    -------
    Code
        The compiled code.

    Raises
    ------
    ModuleError
        The bytes aren't a valid core WebAssembly module.
    """
    if len(wasm) < _SMALL:
        return engine.compile(wasm)
    path = _folder(folder) / f"{_key(wasm, engine)}.cwasm"
    kept = _read(path)
    if kept is not None:
        with suppress(ModuleError):
            return engine.load(kept)
    code = engine.compile(wasm)
    with suppress(OSError):
        _write(path, code.serialize())
        _prune(path.parent)
    return code


def kept_compiled(folder: Path | None = None) -> list[Path]:
    """The files that are kept."""
    return sorted(_folder(folder).glob("*.cwasm"))


def clear_compiled(folder: Path | None = None) -> None:
    """Remove all that is kept."""
    shutil.rmtree(_folder(folder), ignore_errors=True)


def _folder(folder: Path | None) -> Path:
    return (folder or cache_folder()) / "compiled"


def _key(wasm: bytes, engine: Engine) -> str:
    try:
        wasmtime = version("wasmtime")
    except PackageNotFoundError:
        wasmtime = "none"
    settings = f"{wasmtime} {platform.machine()} fuel={engine.fuel}"
    return sha256(settings.encode() + b"\0" + sha256(wasm).digest()).hexdigest()[:32]


def _read(path: Path) -> bytes | None:
    """The code in a file; None if it is not there, not the user's own, or not what was written."""
    try:
        if path.parent.stat().st_uid != os.getuid():
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


def _write(path: Path, code: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    write_whole(path, sha256(code).digest() + code)


def _prune(folder: Path) -> None:
    """Remove the least recently used files, and incomplete files of processes that died."""
    for path in folder.glob(".*"):
        if time.time() - path.stat().st_mtime > _ABANDONED:
            path.unlink(missing_ok=True)
    files = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in folder.glob("*.cwasm")), reverse=True)
    total = 0
    for number, (_, size, path) in enumerate(files):
        total += size
        if number and (number >= _KEPT or total > _KEPT_BYTES):
            path.unlink(missing_ok=True)
