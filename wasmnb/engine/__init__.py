"""The engine, which is the only code of wasmnb that uses wasmtime.

`wasmnb.host` runs modules on the engine, and `wasmnb.compiler` compiles filters to modules.
"""

from .declarations import ExportType, ImportType
from .engine import Engine, MachineCode, assemble, default_engine
from .image import Guest, Image, Runnable
from .imports import HostFunction, Resolve
from .instance import Instance
from .memory import Memory
from .traps import OutOfBounds, Trap

__all__ = [
    "Engine",
    "ExportType",
    "Guest",
    "HostFunction",
    "Image",
    "ImportType",
    "Instance",
    "MachineCode",
    "Memory",
    "OutOfBounds",
    "Resolve",
    "Runnable",
    "Trap",
    "assemble",
    "default_engine",
]
