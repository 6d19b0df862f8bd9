"""The modules that scenarios name, compiled on first use."""

from collections.abc import Callable
from pathlib import Path

from wasmnb.abi import AbiVersion

from ..foreign.odd_modules import BYTES, TEXTS, odd_module
from ..foreign.toolchain import scripted_guest

MODULES: dict[str, Callable[[], Path]] = {
    "scripted": scripted_guest,
    "scripted-0.1.0": lambda: scripted_guest(AbiVersion.V0_1_0),
    "scripted-0.2.0": lambda: scripted_guest(AbiVersion.V0_2_0),
    "scripted-without-tick": lambda: scripted_guest(leave_out=["on_tick"]),
    "scripted-without-start": lambda: scripted_guest(leave_out=["on_vm_start", "on_configure"]),
}


def module(name: str) -> Path:
    """Path of a module; a name that is none stands for a path."""
    if name in MODULES:
        return MODULES[name]()
    return odd_module(name) if name in TEXTS or name in BYTES else Path(name)
