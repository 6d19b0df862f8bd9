"""Counts the streams whose end the SDK needs to know.

`on_delete` costs a call into Python for every stream. A binding with `watch_deletes` calls it only while a stream
has something to cancel; for other bindings, a filter with an `async def` exports `on_delete`.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["DeleteWatch"]


class DeleteWatch:
    """Asks the binding to call `on_delete` while any stream has something to cancel.

    Attributes
    ----------
    count
        Number of tasks and gRPC streams that end with their context.
    """

    __slots__ = ("_watch_deletes", "count")

    def __init__(self, binding: Any) -> None:
        self._watch_deletes: Callable[[int], object] | None = getattr(binding, "watch_deletes", None)
        self.count = 0

    @property
    def is_supported(self) -> bool:
        """Whether the binding can call `on_delete` on demand."""
        return self._watch_deletes is not None

    def add(self) -> None:
        """Add one to the count."""
        self.count += 1
        if self.count == 1 and self._watch_deletes is not None:
            self._watch_deletes(1)

    def remove(self) -> None:
        """Subtract one from the count."""
        self.count -= 1
        if not self.count and self._watch_deletes is not None:
            self._watch_deletes(0)
