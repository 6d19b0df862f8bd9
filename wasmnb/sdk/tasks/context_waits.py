"""Everything to cancel when a context ends: waiting callbacks, background tasks and gRPC streams.

Callbacks of one direction (request or response) of a stream run one after another. While an `async def` callback waits, the
dispatcher passes later callbacks of the same direction to `ContextWaits.call`.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from ..errors import ContentError
from ..interfaces import ContextInterface, VMInterface
from ..loading.callbacks import STREAM_HANDLERS, Handler
from .tasks import Task

__all__ = ["ContextWaits", "cancel_waits", "run_in_background", "waits_of"]


class _Cancellable(Protocol):
    def cancel(self) -> None:
        """Cancel the task or gRPC stream."""


class _WaitingCallback(_Cancellable, Protocol):
    def arrive(self, method: str, args: tuple[Any, ...]) -> Any:
        """Handle a later callback of the same direction, and return its result."""


class ContextWaits:
    """Waiting callbacks, background tasks and gRPC streams of one context.

    Attributes
    ----------
    callbacks
        Tasks of waiting callbacks, by direction.
    others
        Background tasks of a plugin, or gRPC streams opened by a stream.
    cut_characters
        First bytes of a character whose remaining bytes are in the next chunk, by direction.
    """

    # A class attribute, because most contexts have none of these.
    others: AbstractSet[Any] = frozenset()

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}
        self.cut_characters: dict[str, bytes] = {}

    def add(self, item: _Cancellable) -> None:
        """Add a background task or a gRPC stream."""
        if not self.others:
            self.others = set()
        assert isinstance(self.others, set)
        self.others.add(item)

    def discard(self, item: _Cancellable) -> bool:
        """Remove a background task or gRPC stream that has ended. Returns whether it was present."""
        if item not in self.others:
            return False
        assert isinstance(self.others, set)
        self.others.discard(item)
        return True

    def call(self, context: Any, method: str, *args: Any) -> Any:
        """Call a stream's callback, or pass the call to the task waiting in its direction. Returns the callback's result."""
        handler = STREAM_HANDLERS[method]
        if self.cut_characters and handler.part in ("body", "trailers"):
            args = self._complete_character(context, handler, args)
        task: _WaitingCallback | None = self.callbacks.get(handler.direction)
        return getattr(context, method)(*args) if task is None else task.arrive(method, args)

    def _complete_character(self, context: Any, handler: Handler, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Insert the first bytes of an incomplete character before the next chunk. Returns the callback's changed arguments."""
        direction = handler.direction
        start = self.cut_characters.pop(direction, b"")
        if not start:
            return args
        if handler.part != "body":
            raise ContentError(
                f"the {direction} body ends inside a character, whose first bytes are {start!r}. Read the body with get()."
            )
        getattr(context, f"{direction}_body").prepend(start)
        return (args[0] + len(start), *args[1:])

    def keep_in_place(self, context: Any, direction: str) -> None:
        """Append the first bytes of an incomplete character to a buffered body, where the next chunk will follow them."""
        start = self.cut_characters.pop(direction, b"")
        if start:
            getattr(context, f"{direction}_body").append(start)


def waits_of(context: ContextInterface) -> ContextWaits:
    """Return the ContextWaits of a context. Creates it when the context needs it for the first time."""
    waits: ContextWaits | None = context._waits
    if waits is None:
        waits = context._waits = ContextWaits()
    return waits


def cancel_waits(context: ContextInterface) -> None:
    """Cancel all waiting callbacks, tasks and gRPC streams of a context, because its stream or plugin has ended."""
    waits: ContextWaits | None = context._waits
    if waits is not None:
        items: list[_Cancellable] = [*waits.callbacks.values(), *waits.others]
        for item in items:
            item.cancel()


def run_in_background(vm: VMInterface, plugin: ContextInterface, coroutine: Any) -> Task:
    """Run a plugin's coroutine in the background. If it fails, the callback that runs at that time raises its exception."""
    waits = waits_of(plugin)

    def ended(task: Task) -> None:
        waits.discard(task)
        if task.error is not None:
            raise task.error

    task = Task(vm, plugin, coroutine, on_end=ended)
    waits.add(task)
    task.start()
    return task
