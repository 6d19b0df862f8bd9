"""Register the magics in an IPython shell, and remove them again."""

from __future__ import annotations

from typing import Any

from .completion import make_matcher
from .magics.base import FilterMagics
from .magics.export import ExportMagics
from .magics.filters import WasmMagics
from .magics.fuzz import FuzzMagics
from .magics.parts import PartsMagics
from .magics.profile import ProfileMagics
from .magics.state import StateMagics
from .magics.tcp import TcpMagics
from .magics.traffic.load import LoadMagics
from .magics.traffic.recordings import RecordingMagics

__all__ = ["MAGICS", "install", "uninstall"]

#: All classes of magics that the extension registers.
MAGICS: tuple[type[FilterMagics], ...] = (
    WasmMagics, TcpMagics, PartsMagics, ExportMagics, FuzzMagics, StateMagics, ProfileMagics, LoadMagics,
    RecordingMagics,
)  # fmt: skip

_MATCHER = "wasmnb_matcher"


def install(shell: Any) -> None:
    """Register the magics and their tab completion in a shell. Magics of an earlier call are replaced."""
    uninstall(shell)
    instances = [kind(shell) for kind in MAGICS]
    for magics in instances:
        shell.register_magics(magics)
    if shell.Completer is not None:
        parsers = {name: parser for magics in instances for name, parser in magics.parsers().items()}
        shell.Completer.custom_matchers.append(make_matcher(parsers, instances[0].names))


def uninstall(shell: Any) -> None:
    """Remove the magics and their tab completion from a shell."""
    for kind in MAGICS:
        magics = shell.magics_manager.registry.pop(kind.__name__, None)
        if magics is not None:
            _remove(shell, magics)
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [m for m in matchers if getattr(m, "__name__", "") != _MATCHER]


def _remove(shell: Any, magics: FilterMagics) -> None:
    for kind, names in magics.magics.items():
        for name in names:
            shell.magics_manager.magics[kind].pop(name, None)
    shell.configurables = [c for c in shell.configurables if c is not magics]
