"""The end of each cell, if this is IPython: the moment to show how things stand; and the time after it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

__all__ = ["Idle", "after_each_cell"]

_PAUSE = 0.3  # seconds without a cell before the kernel counts as idle


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


class Idle:
    """Has something done when the kernel has nothing else to do; at once where there is no kernel that could wait."""

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """Do it when nothing has been asked for in a while."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._action()
        else:
            self._timer = loop.call_later(_PAUSE, self._action)

    def cancel(self) -> None:
        """Leave it undone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
