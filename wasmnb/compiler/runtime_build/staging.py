"""Staging, which fills the folder from which componentize-py makes a runtime.

The folder contains the WIT world, the app, the SDK, packages, and the program that imports the preloaded modules.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from ..dependencies.requirements import Requirements
from ..dependencies.stdlib import (
    ABSENT,
    ARCHIVED,
    DEFERRED,
    LATE_SKIPPED,
    NOT_ARCHIVED,
    PLACEHOLDERS,
    POINTLESS,
    PRELOADED,
)
from .wit import world_text

__all__ = ["APP", "FAILED_IMPORT", "SITE", "guest_digest", "stage", "stage_archive"]

#: Module name of the app in the guest.
APP = "wasmnb_app"

#: Name of the folder for packages, whose docstrings are kept.
SITE = "site"

#: Prefix of the JSON report about a failed import during the build of a runtime.
FAILED_IMPORT = "wasmnb: failed import: "

#: Files in `guest_code` that aren't copied to the guest's Python path with the prefix `wasmnb_`.
_NOT_LIBRARIES = ("__init__.py", "app.py", "archive_app.py")

#: Folders and files of the compiler that determine the contents of a runtime.
_LINKER_FOLDERS = ("glue", "wasm_binary")
_LINKER_FILES = (
    "provenance/fixed_inputs.py",
    "runtime_build/archive.py",
    "runtime_build/build_module.py",
    "runtime_build/frozen_modules.py",
    "runtime_build/heap_trim.py",
)


_PRELOAD = f"""
import importlib, json, sys
from wasmnb_archive import defer
from wasmnb_no_docstrings import plain_dataclasses

defer({{deferred!r}})
plain_dataclasses()

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

#: The end of the preload list.
_PRELOAD_LAST = """
from wasmnb_absent_features import install as replace_absent

replace_absent({reasons!r})
"""

#: Continuation of the preload list for runtimes with additional modules.
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
    """Fill an empty folder with the inputs of a runtime. `wit/` contains the world, and `app/` and `site/` are
    the Python path.
    """
    app = _stage_app(folder, "app.py")
    for package in requirements.packages:
        for name, path, _, _ in package.files:
            target = folder / SITE / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        for name, text in package.generated:
            _write(folder / SITE / name, text.encode())
    (app / "wasmnb_preload.py").write_text(_preload_text(requirements))


def stage_archive(folder: Path) -> None:
    """Fill an empty folder with the inputs of the guest that packs the archive of the standard library."""
    app = _stage_app(folder, "archive_app.py")
    (app / "wasmnb_preload.py").write_text(_PRELOAD.format(standard=PRELOADED, deferred=DEFERRED))
    names = f"NAMES = {ARCHIVED!r}\nSKIPPED = {sorted(LATE_SKIPPED | NOT_ARCHIVED)!r}\n"
    (app / "wasmnb_archive_names.py").write_text(names)


def _stage_app(folder: Path, app_file: str) -> Path:
    """Write the world and the guest's files, and return the path of the app's folder."""
    (folder / "wit").mkdir()
    (folder / "wit" / "world.wit").write_text(world_text())
    app = folder / "app"
    app.mkdir()
    (folder / SITE).mkdir()
    _write(app / f"{APP}.py", (files("wasmnb.compiler") / "guest_code" / app_file).read_bytes())
    for name, source in _guest_files():
        _write(app / name, source.read_bytes())
    return app


def _preload_text(requirements: Requirements) -> str:
    """Return the program that preloads modules for filters."""
    text = _PRELOAD.format(standard=PRELOADED, deferred=DEFERRED)
    if requirements.modules:
        text += _PRELOAD_MORE.format(
            placeholders={name: PLACEHOLDERS[name] for name in requirements.placeholders},
            distributions={name: dict(files) for name, files in requirements.distributions},
            modules=sorted(requirements.modules),
            skipped=sorted(LATE_SKIPPED),
        )
    return text + _PRELOAD_LAST.format(reasons={**ABSENT, **POINTLESS})


@cache
def guest_digest() -> str:
    """Return a hash of all files of wasmnb that influence the contents of a runtime."""
    digest = sha256(world_text().encode())
    guest = files("wasmnb.compiler") / "guest_code"
    apps = [(name, guest / name) for name in ("app.py", "archive_app.py")]
    for name, source in (*apps, *_guest_files()):
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    lists = (sorted(PLACEHOLDERS.items()), sorted({**ABSENT, **POINTLESS}.items()), sorted(LATE_SKIPPED | NOT_ARCHIVED))
    for text in (*PRELOADED, *DEFERRED, *ARCHIVED, _PRELOAD, _PRELOAD_MORE, _PRELOAD_LAST, *map(repr, lists)):
        digest.update(text.encode() + b"\n")
    compiler = files("wasmnb.compiler")
    linker = [(f"{folder}/{name}", path) for folder in _LINKER_FOLDERS for name, path in _files_of(compiler / folder)]
    for name, source in (*linker, *((name, compiler / name) for name in _LINKER_FILES)):  # a missing file is an error
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _guest_files() -> list[tuple[str, Traversable]]:
    """Return all files of the app and the SDK as pairs: path on the guest's Python path, and file."""
    guest = files("wasmnb.compiler") / "guest_code"
    floors = {"abi": files("wasmnb.abi"), "sdk": files("wasmnb.sdk")}
    return [
        *((f"wasmnb_{name}", path) for name, path in _files_of(guest) if name not in _NOT_LIBRARIES),
        ("wasmnb/__init__.py", floors["sdk"] / "loading" / "guest_init.py"),
        *((f"wasmnb/{floor}/{name}", path) for floor, folder in floors.items() for name, path in _files_of(folder)),
    ]


def _files_of(folder: Traversable) -> Iterable[tuple[str, Traversable]]:
    """Yield the Python files and WebAssembly text files in a folder and its subfolders."""
    for item in sorted(folder.iterdir(), key=lambda p: p.name):
        if item.is_dir() and item.name != "__pycache__":
            yield from ((f"{item.name}/{name}", path) for name, path in _files_of(item))
        elif item.name.endswith((".py", ".wat")):
            yield item.name, item


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
