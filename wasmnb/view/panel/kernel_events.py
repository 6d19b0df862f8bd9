"""Events of the kernel: the end of a cell, idle time, messages on other threads, interrupts."""

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
    """Call a function after each cell. Outside IPython it is never called.

    Parameters
    ----------
    action
        The function.

    Returns
    -------
    Callable
        Call this to stop.
    """
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
    """Calls a function when the kernel is idle, or at once if no event loop runs.

    Parameters
    ----------
    action
        The function.
    """

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def call_later(self) -> None:
        """Call the function when the kernel is idle; calls before that are joined."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._action()
        else:
            self._timer = loop.call_later(_PAUSE, self._action)

    def cancel(self) -> None:
        """Cancel the pending call."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Inbox:
    """Moves messages of widgets to the thread that created the inbox.

    A kernel with subshells receives them on another thread while a cell runs, and a simulation belongs to one thread.
    Messages wait until the cell is done, or until the simulation processes those that only change the view.

    Parameters
    ----------
    perform
        Called with each message on the thread of the inbox.

    Attributes
    ----------
    messages
        Messages that have not been processed.
    """

    def __init__(self, perform: Callable[[str, dict[str, Any]], None]) -> None:
        self._perform = perform
        self._owner = threading.current_thread()
        self.messages: deque[tuple[str, dict[str, Any]]] = deque()
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None

    def add(self, name: str, values: dict[str, Any]) -> None:
        """Add a message, from any thread."""
        if self._loop is None or threading.current_thread() is self._owner:
            self._perform(name, values)
        else:
            self.messages.append((name, values))
            self._loop.call_soon_threadsafe(self.process)

    def process(self, names: Container[str] | None = None) -> None:
        """Process the messages.

        Parameters
        ----------
        names
            Only messages with these names. Default: all.
        """
        if not self.messages:
            return
        messages = [self.messages.popleft() for _ in range(len(self.messages))]
        for name, values in messages:
            if names is None or name in names:
                self._perform(name, values)
            else:
                self.messages.append((name, values))


@contextmanager
def interruptible() -> Iterator[None]:
    """Let interrupts raise KeyboardInterrupt; ipykernel ignores the signal while it handles messages of widgets."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
