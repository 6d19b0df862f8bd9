"""Reports of the end of streams, enabled only on demand, so that the SDK can cancel their tasks and gRPC streams.

`on_delete` costs a call into Python for every stream. Bindings with the function `watch_deletes` call it only while the SDK has
something to cancel. For other bindings, filters that contain an `async def` export `on_delete`.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["DeleteWatch"]


class DeleteWatch:
    """Counter that makes the binding call `on_delete` while any stream has a task or gRPC stream to cancel.

    Attributes
    ----------
    count
        Number of tasks and gRPC streams to cancel when their context ends.
    """

    __slots__ = ("_watch_deletes", "count")

    def __init__(self, binding: Any) -> None:
        self._watch_deletes: Callable[[int], object] | None = getattr(binding, "watch_deletes", None)
        self.count = 0

    @property
    def is_supported(self) -> bool:
        """Whether the binding can enable and disable calls of `on_delete`."""
        return self._watch_deletes is not None

    def add(self) -> None:
        """Increase the count by one."""
        self.count += 1
        if self.count == 1 and self._watch_deletes is not None:
            self._watch_deletes(1)

    def remove(self) -> None:
        """Decrease the count by one."""
        self.count -= 1
        if not self.count and self._watch_deletes is not None:
            self._watch_deletes(0)
