"""Putting the magics into a shell, and taking every trace of them out again."""

from __future__ import annotations

from typing import Any

from .completion import make_matcher
from .magics import WasmMagics

__all__ = ["install", "uninstall"]

_MATCHER = "wasmnb_matcher"


def _installed(shell: Any) -> WasmMagics | None:
    return shell.magics_manager.registry.get(WasmMagics.__name__)  # type: ignore[no-any-return]


def install(shell: Any) -> None:
    """Register the magics and their completion; doing it again replaces them."""
    uninstall(shell)
    magics = WasmMagics(shell)
    shell.register_magics(magics)
    if shell.Completer is not None:
        shell.Completer.custom_matchers.append(make_matcher(magics.parsers(), magics.names))


def uninstall(shell: Any) -> None:
    """Undo `install`."""
    magics = _installed(shell)
    if magics is not None:
        for kind, names in magics.magics.items():
            for name in names:
                shell.magics_manager.magics[kind].pop(name, None)
        del shell.magics_manager.registry[WasmMagics.__name__]
        shell.configurables = [c for c in shell.configurables if c is not magics]
    if shell.Completer is not None:
        matchers = shell.Completer.custom_matchers
        matchers[:] = [m for m in matchers if getattr(m, "__name__", "") != _MATCHER]
