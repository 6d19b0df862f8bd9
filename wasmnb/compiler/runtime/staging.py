"""Staging: the folder that componentize-py makes a runtime from, with world, app, SDK, packages and preload list."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ..source.requirements import Requirements
from ..source.stdlib import PRELOADED
from .wit import world_text

__all__ = ["APP", "FAILED_IMPORT", "SITE", "guest_digest", "stage"]

#: Module name of the app.
APP = "wasmnb_app"

#: Folder of packages. Their docstrings are kept.
SITE = "site"

#: Prefix of the JSON report about a failed import during the build of a runtime.
FAILED_IMPORT = "wasmnb: failed import: "

#: Files of the compiler that determine the contents of a runtime.
_LINKER = ("glue/", "runtime/build_module.py", "runtime/heap_trim.py", "wasm/")


_PRELOAD = f"""
import importlib, json

for name in {{names!r}}:
    try:
        importlib.import_module(name)
    except BaseException as error:
        missing = getattr(error, "name", None)
        report = json.dumps({{{{"module": name, "type": type(error).__name__, "message": str(error), "missing": missing}}}})
        raise ImportError({FAILED_IMPORT!r} + report) from None
"""


def stage(folder: Path, requirements: Requirements) -> None:
    """Fill an empty folder: `wit/` with the world, `app/` and `site/` with the Python path."""
    (folder / "wit").mkdir()
    (folder / "wit" / "world.wit").write_text(world_text())
    app = folder / "app"
    app.mkdir()
    (folder / SITE).mkdir()
    for name, source in _guest_files():
        _write(app / name, source.read_bytes())
    for package in requirements.packages:
        for name, path, _, _ in package.files:
            target = folder / SITE / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    names = [*PRELOADED, *sorted(requirements.modules)]
    (app / "wasmnb_preload.py").write_text(_PRELOAD.format(names=names))


@cache
def guest_digest() -> str:
    """Return a hash of all of wasmnb's files that determine a runtime."""
    digest = sha256(world_text().encode())
    for name, source in _guest_files():
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    for name in PRELOADED:
        digest.update(name.encode() + b"\n")
    for name, source in _files_of(files("wasmnb.compiler")):
        if name.startswith(_LINKER):
            digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _guest_files() -> list[tuple[str, Traversable]]:
    """Return (path on the guest's Python path, file) of the app and of the SDK."""
    package, guest = files("wasmnb"), files("wasmnb.compiler") / "guest"
    return [
        (f"{APP}.py", guest / "app.py"),
        ("wasmnb_no_docstrings.py", guest / "no_docstrings.py"),
        ("wasmnb/__init__.py", package / "sdk" / "loading" / "guest_init.py"),
        *((f"wasmnb/{floor}/{name}", path) for floor in ("abi", "sdk") for name, path in _files_of(package / floor)),
    ]


def _files_of(folder: Traversable) -> Iterable[tuple[str, Traversable]]:
    """Yield Python and WebAssembly text files of a folder, recursively."""
    for item in sorted(folder.iterdir(), key=lambda p: p.name):
        if item.is_dir() and item.name != "__pycache__":
            yield from ((f"{item.name}/{name}", path) for name, path in _files_of(item))
        elif item.name.endswith((".py", ".wat")):
            yield item.name, item


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
