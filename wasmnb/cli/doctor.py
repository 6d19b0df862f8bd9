"""`wasmnb doctor`: is everything here that the work needs? Exit code 3 if something that it cannot do without is not."""

from __future__ import annotations

import os
import platform
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wasmnb._version import __version__
from wasmnb.errors import WasmnbError
from wasmnb.view.render.units import plural, size

__all__ = ["Finding", "doctor", "findings"]

#: Bytes that a runtime takes while it is built, 20 MB of scratch files and 50 to 85 MB that stay, and some to spare.
_ROOM = 150_000_000
_NEEDED = ("wasmtime", "componentize-py", "ipykernel", "ipywidgets", "anywidget", "matplotlib")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: a verdict in one line and, if something is to be done, what, in a second."""

    name: str
    state: str  # good, missing (an option that is not here), bad
    verdict: str
    advice: str = ""


_SIGNS = {"good": "✓", "missing": "·", "bad": "✗"}


def doctor(_options: Namespace) -> int:
    """Run the checks."""
    found = list(findings())
    width = max(len(f.name) for f in found)
    for f in found:
        print(f"{_SIGNS[f.state]} {f.name:<{width}}  {f.verdict}")
        if f.advice:
            print(f"  {'':<{width}}  {f.advice}")
    bad = sum(f.state == "bad" for f in found)
    print("\nAll is well." if not bad else f"\n{plural(bad, 'thing')} to put right.")
    return 3 if bad else 0


def findings() -> Iterator[Finding]:
    """Every check's result."""
    yield Finding(
        "wasmnb", "good", f"{__version__} on Python {platform.python_version()}, {platform.platform(terse=True)}"
    )
    yield from map(_package, _NEEDED)
    checks: tuple[Callable[[], Finding], ...] = (_engine, _cache, _disk, _kernel, _envoy)
    for check in checks:
        yield check()


def _package(name: str) -> Finding:
    try:
        return Finding(name, "good", version(name))
    except PackageNotFoundError:
        return Finding(name, "bad", "not installed", f"pip install {name}")


def _engine() -> Finding:
    """The engine is what is tied to one version of wasmtime; a module of eight bytes proves it."""
    try:
        from wasmnb.engine import default_engine

        default_engine().compile(b"\0asm\1\0\0\0")
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is the finding
        return Finding("engine", "bad", f"does not work: {error}", "pip install --force-reinstall wasmtime")
    return Finding("engine", "good", "compiles and runs")


def _cache() -> Finding:
    from wasmnb.compiler.runtime.cache import Cache

    cache = Cache()
    there = _existing(cache.folder)
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding("cache", "bad", f"{cache.folder} cannot be written", "set WASMNB_CACHE to a folder that can")
    keys = cache.names()
    damaged = sum(cache.find(key, use=False) is None for key in keys)
    verdict = f"{cache.folder}, {plural(len(keys), 'runtime')}"
    if damaged:
        advice = "such a one is built again when it is needed; `wasmnb runtime clear` removes them"
        return Finding("cache", "good", f"{verdict}, {damaged} of them damaged", advice)
    advice = "" if keys else "`wasmnb runtime build` prepares one; otherwise the first filter does"
    return Finding("cache", "good", verdict, advice)


def _disk() -> Finding:
    from wasmnb.compiler.runtime.cache import Cache

    free = shutil.disk_usage(_existing(Cache().folder)).free
    if free < _ROOM:
        return Finding("disk", "bad", f"{size(free)} free", f"building a runtime takes up to {size(_ROOM)}")
    return Finding("disk", "good", f"{size(free)} free")


def _existing(folder: Path) -> Path:
    """What there is of a path."""
    return next(p for p in (folder, *folder.parents) if p.exists())


def _kernel() -> Finding:
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        place = KernelSpecManager().find_kernel_specs().get("wasmnb")
    except ImportError:
        place = None
    if place is None:
        return Finding(
            "kernel", "missing", "the kernelspec `wasmnb` is not installed", "`%load_ext wasmnb` works in any"
        )
    return Finding("kernel", "good", f"wasmnb, in {Path(place)}")


def _envoy() -> Finding:
    from wasmnb.envoy.binary import find_envoy

    try:
        return Finding("envoy", "good", str(find_envoy()))
    except WasmnbError as error:
        first, _, rest = str(error).partition(": ")
        return Finding("envoy", "missing", first, rest)
