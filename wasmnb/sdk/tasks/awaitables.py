"""What can be awaited beside callouts and bodies: `sleep`, `gather`, `timeout`, `wait_for`, and a queue's next item.

Like asyncio's functions of the same names, except that they run on the proxy's callbacks.
"""

from collections.abc import Awaitable, Coroutine, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from ..errors import Empty
from .tasks import Future, Task
from .timers import Sleep, Timer, ticker_of

if TYPE_CHECKING:
    from ..shared import Queue
    from ..vm import VM

__all__ = ["QueueItem", "gather", "queue_item", "queue_ready", "sleep", "timeout", "wait_for"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


async def sleep(seconds: float) -> None:
    """Wait; on the plugin's tick, so to the millisecond at best."""
    await Sleep(seconds)


# As asyncio's: what is known of each is kept for a few, though the results are a list.
@overload
async def gather(a: Awaitable[T1], b: Awaitable[T2], /) -> tuple[T1, T2]: ...
@overload
async def gather(a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], /) -> tuple[T1, T2, T3]: ...
@overload
async def gather(
    a: Awaitable[T1], b: Awaitable[T2], c: Awaitable[T3], d: Awaitable[T4], /
) -> tuple[T1, T2, T3, T4]: ...
@overload
async def gather(*awaitables: Awaitable[T]) -> list[T]: ...
async def gather(*awaitables: Awaitable[Any]) -> Any:
    """Run several at once; their results in order. The first that fails ends the others, and its exception is raised."""
    return await _Gather(awaitables)


async def wait_for(awaitable: Awaitable[T], seconds: float) -> T:
    """Wait no longer than this; else it is cancelled, and TimeoutError is raised."""
    async with timeout(seconds):
        return await awaitable


class _Expired(BaseException):
    """Carries the end of a `timeout` to the block that it belongs to, past every `except Exception`."""


class timeout:  # noqa: N801 - used like a function, as asyncio's is
    """`async with timeout(2):` ends the block after two seconds with TimeoutError, wherever it waits."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: Timer | None = None
        self._expired: _Expired | None = None

    async def __aenter__(self) -> Self:
        task = await _ThisTask()
        self._timer = ticker_of(task).after(self._seconds, lambda: self._expire(task))
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


class _ThisTask(Future):
    """Resolves at once, to the task that waits for it."""

    __slots__ = ()

    def arm(self, task: Task) -> None:
        """Here it is."""
        self.done, self.value = True, task


class _Gather(Future):
    """Resolves when all of its parts have ended."""

    __slots__ = ("_awaitables", "_missing", "_parts")

    def __init__(self, awaitables: tuple[Awaitable[Any], ...]) -> None:
        super().__init__()
        self._awaitables = awaitables
        self._parts: list[Task] = []
        self._missing = len(awaitables)

    def arm(self, task: Task) -> None:
        """Start every part."""
        coroutines = [_coroutine(a) for a in self._awaitables]
        self._parts = [Task(task.vm, task.context, c, on_end=self._ended, root=task.root) for c in coroutines]
        for part in self._parts:
            if self.done:  # an earlier part failed at once
                part.cancel()
            else:
                part.start()
        if not self._parts:
            self.resolve([])

    def abandon(self) -> None:
        """End every part."""
        for part in self._parts:
            if not part.ended:
                part.cancel()

    def _ended(self, part: Task) -> None:
        self._missing -= 1
        if self.done:
            return
        if part.error is not None:
            self.done = True
            self.abandon()
            self.fail(part.error)
        elif not self._missing:
            self.resolve([p.value for p in self._parts])


def _coroutine(awaitable: Awaitable[T]) -> Coroutine[Any, Any, T]:
    if isinstance(awaitable, Coroutine):
        return awaitable
    if not isinstance(awaitable, Awaitable):
        hint = ": put a star before it" if isinstance(awaitable, Iterable) else ""
        raise TypeError(f"gather() takes awaitables one by one, and {awaitable!r} is none{hint}")

    async def wrapped() -> T:
        return await awaitable

    return wrapped()


class QueueItem(Future):
    """Resolves to the next item of a queue."""

    __slots__ = ("_queue", "_vm")

    def __init__(self, vm: "VM", queue: "Queue") -> None:
        super().__init__()
        self._vm = vm
        self._queue = queue

    def arm(self, task: Task) -> None:  # noqa: ARG002
        """Take an item if there is one, else wait in line."""
        if not self.take():
            self._vm.queue_waiters.setdefault(self._queue.id, []).append(self)

    def abandon(self) -> None:
        """Leave the line."""
        self._vm.queue_waiters[self._queue.id].remove(self)

    def take(self) -> bool:
        """Try to take an item; whether there was one."""
        try:
            item = self._queue.get_nowait()
        except Empty:
            return False
        self.resolve(item)
        return True


def queue_item(vm: "VM", queue: "Queue") -> Awaitable[bytes]:
    """The next item of a queue."""
    return QueueItem(vm, queue)


def queue_ready(vm: "VM", queue_id: int) -> None:
    """A queue has items: hand them to those who wait, first come, first served."""
    waiters = vm.queue_waiters.get(queue_id, [])
    while waiters:
        first = waiters.pop(0)
        if not first.take():
            waiters.insert(0, first)
            return
