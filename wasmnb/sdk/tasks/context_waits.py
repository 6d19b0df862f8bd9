"""The waits of a context, which end with it: callbacks by direction, background tasks and gRPC streams.

Facts: callbacks of one direction of a stream run one after another. While one waits, the dispatcher passes the later ones
of its direction to `ContextWaits.call`.
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
        """Take a later callback of the direction."""


class ContextWaits:
    """Everything that waits for one context.

    Attributes
    ----------
    callbacks
        Tasks of waiting callbacks, by direction.
    others
        Background tasks of a plugin, and gRPC streams that a stream has opened.
    cut_characters
        First bytes of a character whose other bytes are in the next chunk, by direction.
    """

    # A default of the class, since most waits are callbacks.
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
        """Remove an item that has ended; return whether it was there."""
        if item not in self.others:
            return False
        assert isinstance(self.others, set)
        self.others.discard(item)
        return True

    def call(self, context: Any, method: str, *args: Any) -> Any:
        """Call a stream's callback, or pass it to the task that waits in its direction; return the callback's result."""
        if self.cut_characters and method.endswith(("_body", "_trailers")):
            args = self._complete_character(context, method, args)
        task: _WaitingCallback | None = self.callbacks.get(_DIRECTIONS[method])
        return getattr(context, method)(*args) if task is None else task.arrive(method, args)

    def _complete_character(self, context: Any, method: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put the start of a character before the chunk that has the rest; return the callback's arguments."""
        direction = _DIRECTIONS[method]
        start = self.cut_characters.pop(direction, b"")
        if not start:
            return args
        if not method.endswith("_body"):
            raise ContentError(f"the {direction} body ends inside a character, before its trailers: {start!r}")
        getattr(context, f"{direction}_body").prepend(start)
        return (args[0] + len(start), *args[1:])

    def keep_in_place(self, context: Any, direction: str) -> None:
        """Put the start of a character back at the end of a body that the proxy holds: its next chunk follows there."""
        start = self.cut_characters.pop(direction, b"")
        if start:
            getattr(context, f"{direction}_body").append(start)


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
