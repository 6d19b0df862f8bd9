"""`wasmnb doctor`: check the installation. The exit code is 3 if a required part is missing or broken."""

from __future__ import annotations

import os
import platform
import shutil
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wasmnb._display import pad, width
from wasmnb._version import __version__
from wasmnb.view.render.units import plural, size

__all__ = ["Check", "checks", "doctor"]

#: Bytes required to build a runtime: 20 MB of temporary files, 50 to 85 MB of results, and a margin.
_DISK_NEEDED = 150_000_000
_NEEDED = ("wasmtime", "componentize-py", "ipykernel", "ipywidgets", "anywidget", "matplotlib")


@dataclass(frozen=True, slots=True)
class Check:
    """The result of checking one part of the installation.

    Attributes
    ----------
    name
        Name of the package or part.
    state
        `good`, `missing` (an optional part) or `bad`.
    verdict
        The result in one line.
    advice
        How to fix the problem (default empty).
    """

    name: str
    state: str
    verdict: str
    advice: str = ""


_SIGNS = {"good": "✓", "missing": "·", "bad": "✗"}


def doctor(_options: Namespace) -> int:
    """Run `wasmnb doctor` and return the exit code."""
    results = list(checks())
    columns = max(width(check.name) for check in results)
    for check in results:
        print(f"{_SIGNS[check.state]} {pad(check.name, columns)}  {check.verdict}")
        if check.advice:
            print(f"  {pad('', columns)}  {check.advice}")
    bad = sum(check.state == "bad" for check in results)
    print("\nEverything works." if not bad else f"\n{plural(bad, 'problem')} to fix.")
    return 3 if bad else 0


def checks() -> Iterator[Check]:
    """Check each part of the installation and yield the results."""
    yield Check(
        "wasmnb", "good", f"{__version__} on Python {platform.python_version()}, {platform.platform(terse=True)}"
    )
    yield from map(_package, _NEEDED)
    parts: tuple[Callable[[], Check], ...] = (_engine, _cache, _disk, _kernel, _envoy)
    for check in parts:
        yield check()


def _package(name: str) -> Check:
    try:
        return Check(name, "good", version(name))
    except PackageNotFoundError:
        return Check(name, "bad", "not installed", f"pip install {name}")


def _engine() -> Check:
    """Check wasmtime by compiling an empty module, because the engine supports only one version of wasmtime."""
    try:
        from wasmnb.engine import default_engine

        default_engine().compile(b"\0asm\1\0\0\0")
    except Exception as error:  # noqa: BLE001 -- the exception is the result of the check
        return Check("engine", "bad", f"wasmtime fails: {error}", "pip install --force-reinstall wasmtime")
    return Check("engine", "good", "wasmtime compiles and runs modules")


def _cache() -> Check:
    from wasmnb.compiler.cache.runtimes import Cache

    cache = Cache()
    folder = _existing(cache.folder)
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return Check("cache", "bad", f"{cache.folder} can't be written", "set WASMNB_CACHE to a writable folder")
    keys = cache.names()
    damaged = sum(cache.find(key, use=False) is None for key in keys)
    verdict = f"{cache.folder}, {plural(len(keys), 'runtime')}"
    if damaged:
        advice = "damaged runtimes are rebuilt when needed; `wasmnb runtime clear` removes them"
        return Check("cache", "good", f"{verdict}, {damaged} of them damaged", advice)
    advice = "" if keys else "the first filter builds a runtime, or `wasmnb runtime build` builds it in advance"
    return Check("cache", "good", verdict, advice)


def _disk() -> Check:
    from wasmnb.compiler.cache.runtimes import Cache

    free = shutil.disk_usage(_existing(Cache().folder)).free
    if free < _DISK_NEEDED:
        return Check("disk", "bad", f"{size(free)} free", f"building a runtime takes up to {size(_DISK_NEEDED)}")
    return Check("disk", "good", f"{size(free)} free")


def _existing(folder: Path) -> Path:
    """Return `folder` or its nearest existing parent. Folders that this user can't access count as missing."""
    return next(p for p in (folder, *folder.parents) if os.path.exists(p))  # noqa: PTH110 -- Path.exists raises then


def _kernel() -> Check:
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        folder = KernelSpecManager().find_kernel_specs().get("wasmnb")
    except ImportError:
        folder = None
    if folder is None:
        return Check(
            "kernel",
            "missing",
            "the kernelspec `wasmnb` is not installed",
            "`%load_ext wasmnb` works in every Python kernel",
        )
    return Check("kernel", "good", f"wasmnb, in {Path(folder)}")


def _envoy() -> Check:
    from wasmnb.envoy.binary import EnvoyNotFoundError, find_envoy

    try:
        return Check("envoy", "good", str(find_envoy()))
    except EnvoyNotFoundError as error:
        return Check("envoy", "missing", error.problem, error.advice)
