"""The end of each cell, if this is IPython: the moment to show how things stand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["after_each_cell"]


def after_each_cell(action: Callable[[], None]) -> Callable[[], None]:
    """Have `action` called when a cell is done; gives a function that ends it. Outside IPython nothing happens."""
    shell: Any = None
    if "IPython" in sys.modules:
        from IPython import get_ipython

        shell = get_ipython()
    if shell is None:
        return lambda: None

    def run(*_: Any) -> None:
        action()

    shell.events.register("post_run_cell", run)

    def stop() -> None:
        with suppress(ValueError):
            shell.events.unregister("post_run_cell", run)

    return stop
