"""IPython integration: magics, completion, progress bars, the kernelspec. Their output is drawn in `view`.

`%load_ext wasmnb` and `%unload_ext wasmnb` call the two functions. Unloading keeps running filters, which are
variables of the notebook.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics, their configuration and their completion."""
    from .install import install

    install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove everything that `load_ipython_extension` registered."""
    from .install import uninstall

    uninstall(shell)
