"""The kernel around the panel: the end of each cell, the time after it, and its interrupt button."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Idle", "Inbox", "after_each_cell", "interruptible"]

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


class Inbox:
    """Takes messages on whichever thread they come, and has them done on the thread that made it.

    A kernel with subshells hears widgets while a cell runs, on a thread of their own. A simulation is one thread's affair:
    messages wait until the cell is done, or until it has a moment for those that only want to look.

    Attributes
    ----------
    waiting
        What has not been done yet.
    """

    def __init__(self, do: Callable[[str, dict[str, Any]], None]) -> None:
        self._do = do
        self._owner = threading.current_thread()
        self.waiting: deque[tuple[str, dict[str, Any]]] = deque()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def take(self, name: str, values: dict[str, Any]) -> None:
        """One more message."""
        if self._loop is None or threading.current_thread() is self._owner:
            self._do(name, values)
        else:
            self.waiting.append((name, values))
            self._loop.call_soon_threadsafe(self.serve)

    def serve(self, names: Container[str] | None = None) -> None:
        """Do what waits, or those that have one of these names."""
        if not self.waiting:
            return
        waiting = [self.waiting.popleft() for _ in range(len(self.waiting))]
        for name, values in waiting:
            if names is None or name in names:
                self._do(name, values)
            else:
                self.waiting.append((name, values))


@contextmanager
def interruptible() -> Iterator[None]:
    """Let the interrupt button raise KeyboardInterrupt: ipykernel ignores the signal while it handles what widgets send."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
