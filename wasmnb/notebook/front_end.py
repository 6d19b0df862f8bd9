"""Detect whether the front end of the running cell can show live panels."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["is_interactive", "shows_panels"]


def shows_panels() -> bool:
    """Return whether a proxy in the running cell is displayed as a live panel.

    The setting is `%config WasmMagics.panel`: `on`, `off`, or `auto` for a panel in interactive front ends. Notebooks executed
    by a program (nbclient, papermill, nbconvert) contain the static form, which works without a kernel.
    """
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell: Any = get_ipython()
    if shell is None:
        return False
    mode = getattr(shell.magics_manager.registry.get("WasmMagics"), "panel", "auto")
    return bool(mode == "on" or (mode == "auto" and is_interactive(shell)))


def is_interactive(shell: Any) -> bool:
    """Return whether the output of the running cell is displayed in a front end that supports widgets.

    Programs that execute notebooks don't allow cells to ask for input (`allow_stdin` is false). Voilà doesn't allow
    input either, but it supports widgets.

    Parameters
    ----------
    shell
        The IPython shell.
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    try:
        content = kernel.get_parent("shell").get("content", {})
    except AttributeError:
        content = {}
    return bool(content.get("allow_stdin", True)) or os.environ.get("SERVER_SOFTWARE", "").startswith("voila")
