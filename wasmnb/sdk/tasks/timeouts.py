"""The functions `sleep` and `wait_for`, and the context manager `timeout`."""

from collections.abc import Awaitable
from types import TracebackType
from typing import Self, TypeVar

from .tasks import Future, Task
from .timers import Sleep, Timer

__all__ = ["sleep", "timeout", "wait_for"]

T = TypeVar("T")


async def sleep(seconds: float) -> None:
    """Wait for a number of seconds. Other streams are handled in the meantime.

    Parameters
    ----------
    seconds
        Time to wait. It is rounded to milliseconds, and is at least 0.001, because timers use the plugin's tick.
    """
    await Sleep(seconds)


async def wait_for(awaitable: Awaitable[T], seconds: float) -> T:
    """Wait for a result with a time limit.

    Parameters
    ----------
    awaitable
        A coroutine, a callout, `queue.get()` or another awaitable of the SDK.
    seconds
        Time limit in seconds, rounded to milliseconds.

    Returns
    -------
    T
        The awaitable's result.

    Raises
    ------
    TimeoutError
        There was no result within the time limit. The awaitable is cancelled.
    """
    async with timeout(seconds):
        return await awaitable


class _Expired(BaseException):
    """Exception that ends the block of a `timeout`. `except Exception` doesn't catch it."""


class timeout:  # noqa: N801 - used like a function, as asyncio's is
    """Limit the time of a block of code, as in `async with timeout(2):`.

    Parameters
    ----------
    seconds
        Time limit for the block in seconds, rounded to milliseconds.

    Raises
    ------
    TimeoutError
        The block didn't end within the time limit. The awaitable for which the block was waiting is cancelled.
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
    """A future whose result is the task that awaits it. It is resolved immediately."""

    __slots__ = ()

    def arm(self, task: Task) -> None:
        """Resolve the future with the task as its result."""
        self.done, self.value = True, task
