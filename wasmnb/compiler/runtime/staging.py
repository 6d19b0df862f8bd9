"""The folder that componentize-py makes a runtime from: world, app, SDK, packages, and the list of what to import."""

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

#: Name of the app's module.
APP = "wasmnb_app"

#: Folder for packages: their docstrings are kept.
SITE = "site"

#: Before the JSON that says which import failed while the runtime was built.
FAILED_IMPORT = "wasmnb: failed import: "

#: Files of the compiler that decide what a runtime is.
_LINKER = ("glue/", "runtime/build_module.py", "runtime/heap_trim.py", "wasm/")


_PRELOAD = f"""
import importlib, json

for name in {{names!r}}:
    try:
        importlib.import_module(name)
    except BaseException as error:
        missing = getattr(error, "name", None)
        word = json.dumps({{{{"module": name, "type": type(error).__name__, "message": str(error), "missing": missing}}}})
        raise ImportError({FAILED_IMPORT!r} + word) from None
"""


def stage(folder: Path, requirements: Requirements) -> None:
    """Fill an empty folder: `wit/` for the world, `app/` and `site/` for the Python path."""
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
    """Hash of everything of ours that goes into a runtime."""
    found = sha256(world_text().encode())
    for name, source in _guest_files():
        found.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    for name in PRELOADED:
        found.update(name.encode() + b"\n")
    for name, source in _files_of(files("wasmnb.compiler")):
        if name.startswith(_LINKER):
            found.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    return found.hexdigest()


def _guest_files() -> list[tuple[str, Traversable]]:
    """(path on the guest's Python path, file): the app, and of our package the SDK alone."""
    package, guest = files("wasmnb"), files("wasmnb.compiler") / "guest"
    return [
        (f"{APP}.py", guest / "app.py"),
        ("wasmnb_no_docstrings.py", guest / "no_docstrings.py"),
        ("wasmnb/__init__.py", package / "sdk" / "loading" / "guest_init.py"),
        *((f"wasmnb/{floor}/{name}", path) for floor in ("abi", "sdk") for name, path in _files_of(package / floor)),
    ]


def _files_of(folder: Traversable) -> Iterable[tuple[str, Traversable]]:
    """Python and WebAssembly text in a folder and those below it."""
    for item in sorted(folder.iterdir(), key=lambda p: p.name):
        if item.is_dir() and item.name != "__pycache__":
            yield from ((f"{item.name}/{name}", path) for name, path in _files_of(item))
        elif item.name.endswith((".py", ".wat")):
            yield item.name, item


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
