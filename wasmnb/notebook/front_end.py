"""The front end of the running cell: whether it shows live panels."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["is_interactive", "shows_panels"]


def shows_panels() -> bool:
    """Return whether a proxy in the running cell is displayed as a live panel.

    `%config WasmMagics.panel` decides: `on`, `off`, or `auto`, for every interactive front end. A notebook that is executed
    by a program (nbclient, papermill, nbconvert) gets the static form, which its HTML shows without a kernel.
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
    """Return whether somebody sees the output of the running cell in a front end with widgets.

    Programs that execute notebooks don't let a cell ask for input (`allow_stdin` is false). Voilà does the same, but shows
    widgets.

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
