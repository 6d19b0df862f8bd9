"""IPython: the magics, their completion and progress, and the kernelspec that loads them.

`load` and `unload` are what `%load_ext wasmnb` and `%unload_ext wasmnb` run; unloading takes away everything that
loading brought. Filters that run go on running: they belong to the notebook.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics, their configuration and their completion."""
    from .install import install

    install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take away what `load_ipython_extension` registered."""
    from .install import uninstall

    uninstall(shell)
