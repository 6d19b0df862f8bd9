"""Waits for the next item of a shared queue."""

from collections.abc import Callable

from ..errors import Empty
from .tasks import Future, Task

__all__ = ["QueueItem", "QueueWaiters"]


class QueueItem(Future):
    """Resolves to the next item of a queue.

    Parameters
    ----------
    queue_id
        Token of the queue.
    get_nowait
        Function that removes and returns the first item, or raises `Empty`.
    """

    __slots__ = ("_get_nowait", "_queue_id", "_waiters")

    def __init__(self, queue_id: int, get_nowait: Callable[[], bytes]) -> None:
        super().__init__()
        self._queue_id = queue_id
        self._get_nowait = get_nowait
        self._waiters: list[QueueItem] = []

    def arm(self, task: Task) -> None:
        """Take an item if there is one, otherwise join the queue's waits."""
        if not self.take():
            self._waiters = task.vm.queues.waiters_of(self._queue_id)
            self._waiters.append(self)

    def abandon(self) -> None:
        """Leave the queue's waits."""
        self._waiters.remove(self)

    def take(self) -> bool:
        """Resolve to an item if there is one. Return whether there was one."""
        try:
            item = self._get_nowait()
        except Empty:
            return False
        self.resolve(item)
        return True


class QueueWaiters:
    """The waits for queue items in one VM, by queue and in order of arrival."""

    __slots__ = ("_by_queue",)

    def __init__(self) -> None:
        self._by_queue: dict[int, list[QueueItem]] = {}

    def __bool__(self) -> bool:
        """Whether any queue has ever been awaited."""
        return bool(self._by_queue)

    def waiters_of(self, queue_id: int) -> list[QueueItem]:
        """Return the waits for one queue."""
        return self._by_queue.setdefault(queue_id, [])

    def ready(self, queue_id: int) -> None:
        """Resolve the queue's waits to its items, in order of arrival."""
        waiters = self._by_queue.get(queue_id, [])
        while waiters:
            first = waiters.pop(0)
            if not first.take():
                waiters.insert(0, first)
                return
