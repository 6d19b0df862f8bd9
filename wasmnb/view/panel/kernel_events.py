"""React to events of the kernel: the end of a cell, idle time, messages on other threads, and interrupts."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Idle", "Inbox", "Variables", "after_each_cell", "interruptible"]

_ITEMS = 1000  # maximum number of items of a list that are searched for an object
MOST_MESSAGES, MOST_BYTES = 1000, 128 << 20  # maximum number and total size of waiting messages
_PAUSE = 0.3  # seconds without a running cell after which the kernel counts as idle


def after_each_cell(action: Callable[[str], None]) -> Callable[[], None]:
    """Register a function that is called after each cell. Outside IPython, it is never called.

    Parameters
    ----------
    action
        The function. Its argument is the name of the cell, for example `cell 8`.

    Returns
    -------
    Callable
        A function that removes the registration.
    """
    shell = _shell()
    if shell is None:
        return lambda: None

    def run(result: Any = None) -> None:
        number = getattr(result, "execution_count", None)
        action("a later cell" if number is None else f"cell {number}")

    shell.events.register("post_run_cell", run)

    def stop() -> None:
        with suppress(ValueError):
            shell.events.unregister("post_run_cell", run)

    return stop


def _shell() -> Any:
    """Return the running IPython shell, or None outside IPython."""
    if "IPython" not in sys.modules:
        return None
    from IPython import get_ipython

    return get_ipython()


class Variables:
    """The notebook variables that refer to an object. Detects whether a cell has replaced the object in all of them.

    Parameters
    ----------
    held
        The object.
    """

    def __init__(self, held: object) -> None:
        self._held = held
        self._names: set[str] = set()

    def are_replaced(self) -> bool:
        """Return whether no variable refers to the object any more, and at least one refers to another object of its class."""
        shell = _shell()
        if shell is None:
            return False
        variables = {n: v for n, v in list(shell.user_ns.items()) if not n.startswith("_") and n != "Out"}
        names = {name for name, value in variables.items() if self._is_in(value)}
        if names or not self._names:
            self._names |= names
            return False
        return any(isinstance(variables.get(name), type(self._held)) for name in self._names)

    def _is_in(self, value: Any) -> bool:
        """Return whether the value of a variable is the object, or a list, tuple or dict that contains it."""
        if isinstance(value, dict):
            return any(item is self._held for item in list(value.values())[:_ITEMS])
        if isinstance(value, list | tuple):
            return any(item is self._held for item in value[:_ITEMS])
        return value is self._held


class Idle:
    """A function that is called when the kernel is idle, or immediately if no event loop is running.

    Parameters
    ----------
    action
        The function.
    """

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._timer: asyncio.TimerHandle | None = None

    def call_later(self) -> None:
        """Schedule a call of the function. Several requests before the kernel is idle result in one call."""
        self.cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._action()
        else:
            self._timer = loop.call_later(_PAUSE, self._action)

    def cancel(self) -> None:
        """Cancel the scheduled call, if any."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Inbox:
    """A queue that passes messages of widgets to the thread that created it.

    A kernel with subshells receives messages on another thread while a cell runs, but a simulation must be used from one
    thread. Messages wait until the cell has ended, or until the simulation processes those that only change the view. At most
    1,000 messages with 128 MiB can wait, and further ones are dropped.

    Parameters
    ----------
    perform
        Function that is called with each message on the thread of the inbox.

    Attributes
    ----------
    messages
        Messages that haven't been processed.
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
        """Add a message. Can be called from any thread."""
        if self._loop is None or threading.current_thread() is self._owner:
            self._perform(name, values)
        elif len(self.messages) < MOST_MESSAGES and sum(map(_size, [*self.messages, (name, values)])) <= MOST_BYTES:
            self.messages.append((name, values))
            self._loop.call_soon_threadsafe(self.process)

    def process(self, names: Container[str] | None = None) -> None:
        """Process the waiting messages.

        Parameters
        ----------
        names
            Names of the messages to process. Others keep waiting (default None: all messages are processed).
        """
        if not self.messages:
            return
        messages = [self.messages.popleft() for _ in range(len(self.messages))]
        for name, values in messages:
            if names is None or name in names:
                self._perform(name, values)
            else:
                self.messages.append((name, values))


def _size(message: tuple[str, dict[str, Any]]) -> int:
    """Return the size of a message in bytes, counting files and texts."""
    buffers = message[1].get("buffers", ())
    parts = buffers if isinstance(buffers, list | tuple) else ()
    return sum(len(value) for value in (*parts, *message[1].values()) if isinstance(value, bytes | memoryview | str))


@contextmanager
def interruptible() -> Iterator[None]:
    """Let interrupts raise KeyboardInterrupt, because ipykernel ignores SIGINT while it handles messages of widgets."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
