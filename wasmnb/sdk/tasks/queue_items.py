"""Awaitables for the next item of a shared queue."""

from collections.abc import Callable

from ..errors import Empty
from .tasks import Future, Task

__all__ = ["QueueItem", "QueueWaiters"]


class QueueItem(Future):
    """A future whose result is the next item of a queue.

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
        """Take an item if the queue isn't empty. Otherwise, add this future to the futures that wait for the queue."""
        if not self.take():
            self._waiters = task.vm.queues.waiters_of(self._queue_id)
            self._waiters.append(self)

    def abandon(self) -> None:
        """Remove this future from the futures that wait for the queue."""
        self._waiters.remove(self)

    def take(self) -> bool:
        """Resolve this future with the first item of the queue. Returns False if the queue is empty."""
        try:
            item = self._get_nowait()
        except Empty:
            return False
        self.resolve(item)
        return True


class QueueWaiters:
    """The futures that wait for queue items in one VM, by queue and in the order in which they began to wait."""

    __slots__ = ("_by_queue",)

    def __init__(self) -> None:
        self._by_queue: dict[int, list[QueueItem]] = {}

    def __bool__(self) -> bool:
        """Whether any queue has ever been awaited."""
        return bool(self._by_queue)

    def waiters_of(self, queue_id: int) -> list[QueueItem]:
        """Return the futures that wait for items of one queue."""
        return self._by_queue.setdefault(queue_id, [])

    def ready(self, queue_id: int) -> None:
        """Give the queue's items to the futures that wait for them, in the order in which they began to wait."""
        waiters = self._by_queue.get(queue_id, [])
        while waiters:
            first = waiters.pop(0)
            if not first.take():
                waiters.insert(0, first)
                return
