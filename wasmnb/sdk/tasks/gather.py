"""The function `gather`, which runs several awaitables concurrently."""

from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, TypeVar, overload

from .tasks import Future, Task

__all__ = ["gather"]

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")


# As in asyncio, the overloads for few awaitables let type checkers infer the type of each result. The result is a list anyway.
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
    """Run several awaitables concurrently and wait for all of them, in the same way as `asyncio.gather`.

    Parameters
    ----------
    awaitables
        Coroutines, callouts, `queue.get()` and other awaitables of the SDK.

    Returns
    -------
    list
        The results, in the order of the arguments.

    Raises
    ------
    Exception
        The exception of the first awaitable that failed. All others are cancelled.
    """
    return await _Gather(awaitables)


class _Gather(Future):
    """The future returned by `gather`. It is resolved when all awaitables have ended or one has failed."""

    __slots__ = ("_awaitables", "_missing", "_parts")

    def __init__(self, awaitables: tuple[Awaitable[Any], ...]) -> None:
        super().__init__()
        self._awaitables = awaitables
        self._parts: list[Task] = []
        self._missing = len(awaitables)

    def arm(self, task: Task) -> None:
        """Start a task for each awaitable."""
        coroutines = [_coroutine(a) for a in self._awaitables]
        self._parts = [Task(task.vm, task.context, c, on_end=self._part_ended, root=task.root) for c in coroutines]
        for part in self._parts:
            if self.done:  # an earlier awaitable has failed without waiting
                part.cancel()
            else:
                part.start()
        if not self._parts:
            self.resolve([])

    def abandon(self) -> None:
        """Cancel all tasks that haven't ended."""
        for part in self._parts:
            if not part.ended:
                part.cancel()

    def _part_ended(self, part: Task) -> None:
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
        if isinstance(awaitable, Iterable):
            raise TypeError(
                f"gather() takes each awaitable as a separate argument, not {awaitable!r}. Put a star before it: gather(*calls)."
            )
        raise TypeError(f"gather() got {awaitable!r}, which can't be awaited")

    async def wrapped() -> T:
        return await awaitable

    return wrapped()
