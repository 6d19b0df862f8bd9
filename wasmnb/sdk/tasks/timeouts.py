"""Waits with a time or a time limit: `sleep`, `timeout` and `wait_for`."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Self, TypeVar

from .tasks import Future, Task
from .timers import Sleep, Timer

__all__ = ["sleep", "timeout", "wait_for"]

T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Wait for a number of seconds.

    Parameters
    ----------
    seconds
        Time to wait. Timers run on the plugin's tick, so it is rounded to milliseconds, and is at least 0.001.
    """
    await Sleep(seconds)


async def wait_for(awaitable: Awaitable[T], seconds: float) -> T:
    """Wait for a result, up to a time limit.

    Parameters
    ----------
    awaitable
        A coroutine, a callout, `queue.get()` or anything else that can be awaited.
    seconds
        Longest time to wait, precise to a millisecond.

    Returns
    -------
    T
        The awaitable's result.

    Raises
    ------
    TimeoutError
        The time is up; the awaitable is cancelled.
    """
    async with timeout(seconds):
        return await awaitable


class _Expired(BaseException):
    """Ends the block of a `timeout`. A BaseException, so that `except Exception` inside the block doesn't catch it."""


class timeout:  # noqa: N801 - used like a function, as asyncio's is
    """Limit the time of a block: `async with timeout(2):`.

    Parameters
    ----------
    seconds
        Longest time that the block may take, precise to a millisecond.

    Raises
    ------
    TimeoutError
        The time is up. What the block awaits is cancelled.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: Timer | None = None
        self._expired: _Expired | None = None

    async def __aenter__(self) -> Self:
        task = await _CurrentTask()
        self._timer = task.vm.timers.of(task.context).call_later(self._seconds, lambda: self._expire(task))
        return self

    def _expire(self, task: Task) -> None:
        self._expired = _Expired()
        task.interrupt(self._expired)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._timer is not None
        self._timer.cancel()
        if error is not None and error is self._expired:
            raise TimeoutError(f"not done after {self._seconds} s") from None


class _CurrentTask(Future):
    """Resolves at once, to the task that awaits it."""

    __slots__ = ()

    def arm(self, task: Task) -> None:
        """Resolve to the task."""
        self.done, self.value = True, task
