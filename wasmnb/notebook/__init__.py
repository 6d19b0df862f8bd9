"""IPython integration: magics, tab completion and progress bars. The display of results is in `wasmnb.view`.

`%load_ext wasmnb` and `%unload_ext wasmnb` call the two functions of this module. Unloading doesn't stop running filters,
because they are variables of the notebook.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load_ipython_extension", "unload_ipython_extension"]


def load_ipython_extension(shell: Any) -> None:
    """Register the magics, their configuration and their tab completion in an IPython shell."""
    from .install import install

    install(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Remove from an IPython shell everything that `load_ipython_extension` registered."""
    from .install import uninstall

    uninstall(shell)
