"""The waits of a context, which end with it: callbacks by direction, background tasks and gRPC streams.

Callbacks of one direction of a stream run one after another. While one waits, the dispatcher passes later callbacks of
the same direction to `ContextWaits.call`.
"""

from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from ..errors import ContentError
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
        """Handle a later callback of the same direction."""


class ContextWaits:
    """Everything that waits for one context.

    Attributes
    ----------
    callbacks
        Tasks of waiting callbacks, by direction.
    others
        Background tasks of a plugin, and gRPC streams that a stream has opened.
    cut_characters
        By direction: first bytes of a character whose other bytes are in the next chunk.
    """

    # A class attribute, since most contexts have no other waits.
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
        """Remove an item that has ended, and return whether it was there."""
        if item not in self.others:
            return False
        assert isinstance(self.others, set)
        self.others.discard(item)
        return True

    def call(self, context: Any, method: str, *args: Any) -> Any:
        """Call a stream's callback, or pass it to the task that waits in its direction. Return the callback's result."""
        if self.cut_characters and method.endswith(("_body", "_trailers")):
            args = self._complete_character(context, method, args)
        task: _WaitingCallback | None = self.callbacks.get(_DIRECTIONS[method])
        return getattr(context, method)(*args) if task is None else task.arrive(method, args)

    def _complete_character(self, context: Any, method: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Insert the start of a character before the chunk with the rest of it. Return the callback's arguments."""
        direction = _DIRECTIONS[method]
        start = self.cut_characters.pop(direction, b"")
        if not start:
            return args
        if not method.endswith("_body"):
            raise ContentError(f"the {direction} body ends inside a character, before its trailers: {start!r}")
        getattr(context, f"{direction}_body").prepend(start)
        return (args[0] + len(start), *args[1:])

    def keep_in_place(self, context: Any, direction: str) -> None:
        """Append the start of a character to a body that the proxy holds, where the next chunk will follow."""
        start = self.cut_characters.pop(direction, b"")
        if start:
            getattr(context, f"{direction}_body").append(start)


def waits_of(context: ContextInterface) -> ContextWaits:
    """Return a context's waits. They are created when the context needs them first."""
    waits: ContextWaits | None = context._waits
    if waits is None:
        waits = context._waits = ContextWaits()
    return waits


def cancel_waits(context: ContextInterface) -> None:
    """Cancel everything that waits for a context, because its stream or plugin has ended."""
    waits: ContextWaits | None = context._waits
    if waits is not None:
        items: list[_Cancellable] = [*waits.callbacks.values(), *waits.others]
        for item in items:
            item.cancel()


def run_in_background(vm: VMInterface, plugin: ContextInterface, coroutine: Any) -> Task:
    """Run a plugin's coroutine. If it fails, the callback that runs at that time raises its exception."""
    waits = waits_of(plugin)

    def ended(task: Task) -> None:
        waits.discard(task)
        if task.error is not None:
            raise task.error

    task = Task(vm, plugin, coroutine, on_end=ended)
    waits.add(task)
    task.start()
    return task
