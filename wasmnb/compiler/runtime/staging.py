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
from ..source.stdlib import LATE_SKIPPED, PLACEHOLDERS, PRELOADED
from .wit import world_text

__all__ = ["APP", "FAILED_IMPORT", "SITE", "guest_digest", "stage"]

#: Module name of the app.
APP = "wasmnb_app"

#: Folder of packages. Their docstrings are kept.
SITE = "site"

#: Prefix of the JSON report about a failed import during the build of a runtime.
FAILED_IMPORT = "wasmnb: failed import: "

#: Files of the guest's folder that are not modules of its Python path under the prefix `wasmnb_`.
_NOT_LIBRARIES = ("__init__.py", "app.py")

#: Files of the compiler that determine the contents of a runtime.
_LINKER = ("glue/", "runtime/build_module.py", "runtime/heap_trim.py", "wasm/")


_PRELOAD = f"""
import importlib, json, sys

def load(names):
    for name in names:
        try:
            importlib.import_module(name)
        except BaseException as error:
            missing = getattr(error, "name", None)
            report = json.dumps({{{{"module": name, "type": type(error).__name__, "message": str(error), "missing": missing}}}})
            raise ImportError({FAILED_IMPORT!r} + report) from None

load({{standard!r}})
"""

#: The rest of the preload list, for runtimes with further modules.
_PRELOAD_MORE = """
before = set(sys.modules)
from wasmnb_late_imports import import_late
from wasmnb_package_files import keep_files
from wasmnb_placeholders import install as install_placeholders

install_placeholders({placeholders!r})
if {distributions!r}:
    from wasmnb_distributions import install as install_distributions
    install_distributions({distributions!r})
load({modules!r})
import_late(before, {skipped!r})
keep_files("/1")
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
        for name, text in package.generated:
            _write(folder / SITE / name, text.encode())
    (app / "wasmnb_preload.py").write_text(_preload_text(requirements))


def _preload_text(requirements: Requirements) -> str:
    """Return the program that loads everything that a filter can import."""
    text = _PRELOAD.format(standard=PRELOADED)
    if requirements.modules:
        text += _PRELOAD_MORE.format(
            placeholders={name: PLACEHOLDERS[name] for name in requirements.placeholders},
            distributions={name: dict(files) for name, files in requirements.distributions},
            modules=sorted(requirements.modules),
            skipped=sorted(LATE_SKIPPED),
        )
    return text


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
        *((f"wasmnb_{name}", path) for name, path in _files_of(guest) if name not in _NOT_LIBRARIES),
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
