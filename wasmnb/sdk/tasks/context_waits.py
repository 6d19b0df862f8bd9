"""The waits of a context, which end with it: callbacks by direction, background tasks and gRPC streams.

Facts: callbacks of one direction of a stream run one after another. While one waits, the dispatcher passes the later ones
of its direction to `ContextWaits.call`.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from ..interfaces import ContextInterface, VMInterface
from ..loading.callbacks import HANDLERS
from .tasks import Task

__all__ = ["ContextWaits", "cancel_waits", "direction_of", "run_in_background", "waits_of"]

#: Method -> its direction.
_DIRECTIONS = {
    method: next((d for d in ("request", "response") if d in method), "downstream") for _, method in HANDLERS
}


def direction_of(method: str) -> str:
    """Return the direction of a stream's callback: `request`, `response`, or `downstream` for connections."""
    return _DIRECTIONS[method]


class _Cancellable(Protocol):
    def cancel(self) -> None:
        """Cancel it."""


class _WaitingCallback(_Cancellable, Protocol):
    def arrive(self, method: str, args: tuple[Any, ...]) -> Any:
        """Take a later callback of the direction."""


class ContextWaits:
    """Everything that waits for one context.

    Attributes
    ----------
    callbacks
        Tasks of waiting callbacks, by direction.
    others
        Background tasks of a plugin, and gRPC streams that a stream has opened.
    """

    # A default of the class, since most waits are callbacks.
    others: AbstractSet[Any] = frozenset()

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}

    def add(self, item: _Cancellable) -> None:
        """Add a background task or a gRPC stream."""
        if not self.others:
            self.others = set()
        assert isinstance(self.others, set)
        self.others.add(item)

    def discard(self, item: _Cancellable) -> bool:
        """Remove an item that has ended; return whether it was there."""
        if item not in self.others:
            return False
        assert isinstance(self.others, set)
        self.others.discard(item)
        return True

    def call(self, context: Any, method: str, *args: Any) -> Any:
        """Call a stream's callback, or pass it to the task that waits in its direction; return the callback's result."""
        task: _WaitingCallback | None = self.callbacks.get(_DIRECTIONS[method])
        return getattr(context, method)(*args) if task is None else task.arrive(method, args)


def waits_of(context: ContextInterface) -> ContextWaits:
    """Return a context's waits; a context has them from its first wait on."""
    waits: ContextWaits | None = context._waits
    if waits is None:
        waits = context._waits = ContextWaits()
    return waits


def cancel_waits(context: ContextInterface) -> None:
    """Cancel everything that waits for a context: its stream or plugin has ended."""
    waits: ContextWaits | None = context._waits
    if waits is not None:
        items: list[_Cancellable] = [*waits.callbacks.values(), *waits.others]
        for item in items:
            item.cancel()


def run_in_background(vm: VMInterface, plugin: ContextInterface, coroutine: Any) -> Task:
    """Run a plugin's coroutine; its exception is raised in the callback that runs then."""
    waits = waits_of(plugin)

    def ended(task: Task) -> None:
        waits.discard(task)
        if task.error is not None:
            raise task.error

    task = Task(vm, plugin, coroutine, on_end=ended)
    waits.add(task)
    task.start()
    return task
