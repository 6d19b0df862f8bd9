"""Modules by the names in scenarios, compiled on first use."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from wasmnb import Filter
from wasmnb.abi import AbiVersion

from ..foreign.odd_modules import BYTES, TEXTS, odd_module
from ..foreign.start_modules import TEXTS as STARTS
from ..foreign.start_modules import start_module
from ..foreign.toolchain import scripted_guest

MODULES: dict[str, Callable[[], Path]] = {
    "scripted": scripted_guest,
    "scripted-0.1.0": lambda: scripted_guest(AbiVersion.V0_1_0),
    "scripted-0.2.0": lambda: scripted_guest(AbiVersion.V0_2_0),
    "scripted-without-tick": lambda: scripted_guest(leave_out=["on_tick"]),
    "scripted-without-start": lambda: scripted_guest(leave_out=["on_vm_start", "on_configure"]),
}

#: Filters written in Python: `python:waits` is `python/waits.py`.
PYTHON = "python:"


@cache
def python_filter(name: str) -> Filter:
    """Return a Python filter by its name."""
    return Filter.from_file(Path(__file__).parent / "python" / f"{name.removeprefix(PYTHON)}.py")


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="wasmnb-conformance-")


@cache
def module(name: str) -> Path:
    """Return the path of a module. An unknown name is used as a path."""
    if name.startswith(PYTHON):
        return python_filter(name).save(Path(_folder().name) / f"{name.removeprefix(PYTHON)}.wasm")
    if name in MODULES:
        return MODULES[name]()
    if name in STARTS:
        return start_module(name)
    return odd_module(name) if name in TEXTS or name in BYTES else Path(name)
