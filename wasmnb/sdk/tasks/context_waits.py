"""What waits for a context and ends with it: callbacks by direction, background tasks and gRPC streams.

Facts: callbacks of one direction of a stream run one after another. While one waits, the dispatcher passes the later ones
of its direction to `ContextWaits.call`.
"""

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
    background
        Tasks of a plugin, which run independently of each other.
    grpc_streams
        gRPC streams that the context has opened.
    """

    __slots__ = ("background", "callbacks", "grpc_streams")

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}
        self.background: set[Task] = set()
        self.grpc_streams: set[Any] = set()

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
        cancellable: list[_Cancellable] = [*waits.callbacks.values(), *waits.background, *waits.grpc_streams]
        waits.background.clear()
        for item in cancellable:
            item.cancel()


def run_in_background(vm: VMInterface, plugin: ContextInterface, coroutine: Any) -> Task:
    """Run a plugin's coroutine; its exception is raised in the callback that runs then."""
    background = waits_of(plugin).background

    def ended(task: Task) -> None:
        background.discard(task)
        if task.error is not None:
            raise task.error

    task = Task(vm, plugin, coroutine, on_end=ended)
    background.add(task)
    task.start()
    return task
